"""A recipe -> a model, trained by several workers of a Ray cluster that share each batch (data-parallel).

Ray Train starts the workers, connects their PyTorch processes (gloo, or NCCL on accelerators), and restarts all of them
if one fails. Training steps and resuming from the last checkpoint are the code that runs without Ray.
"""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

import ray
from showtell.errors import InputError, ShowtellError, one_line, require
from showtell.ray.cluster import cluster
from showtell.training import Recipe, TrainResult, train
from showtell.training.distributed import WorkerGroup
from showtell.training.loop import Say

require("ray.train.torch", extra="ray,train", what="training on many machines")
from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError, get_context
from ray.train.torch import TorchConfig, TorchTrainer, get_device

LOSSES = 8
"""How often the workers are restarted before the command gives up."""
_PATIENCE = 7 * 24 * 3600  # seconds that workers wait for one that embeds or validates; Ray reports failed ones
_NEWS_EVERY = 0.5  # seconds


def train_on(
    address: str,
    recipe: Recipe,
    folder: str | Path,
    *,
    workers: int,
    cores: int = 1,
    root: str | Path = ".",
    store: str | Path | None = None,
    begin_from: str | Path | None = None,
    device: str = "auto",
    say: Say = lambda line: None,
) -> TrainResult:
    """Train the model of `recipe` in `folder`, or resume its training; other arguments are as for `train`.

    Arguments:
        address: the cluster, as `showtell.ray.cluster` takes it.
        recipe: what to train.
        folder: the folder of the run; it and all other paths must be the same on every machine.
        workers: number of workers that share each batch.
        cores: cores of one worker.
        device: `cpu`, `cuda` (one for each worker), or `auto` for CUDA if the cluster has enough of them.

    Raises:
        InputError: as for `train`; or there is no such cluster, or it is too small.
        ShowtellError: workers failed too often; the last checkpoint is kept.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"device {device!r} works on one machine only: with --ray choose auto, cpu or cuda")
    storage = Path(folder).absolute() / "ray"
    arguments = {
        "recipe": recipe,
        "folder": str(Path(folder).absolute()),
        "root": str(Path(root).absolute()),
        "store": str(Path(store).absolute()) if store else None,
        "begin_from": str(Path(begin_from).absolute()) if begin_from else None,
    }
    with cluster(address), _board(say) as board:
        accelerators = _accelerators(address, workers, cores, device)
        shutil.rmtree(storage, ignore_errors=True)  # left by a command that was killed
        scaling = ScalingConfig(num_workers=workers, use_gpu=accelerators, resources_per_worker={"CPU": cores})
        trainer = _trainer(arguments | {"board": board}, scaling, storage)
        try:
            trainer.fit()
        except TrainingFailedError as error:
            raise ShowtellError(
                f"workers failed {LOSSES + 1} times ({one_line(error, 300)}): run the same command again to resume"
            ) from error
        finally:
            shutil.rmtree(storage, ignore_errors=True)
        kind, message, result = ray.get(board.end.remote())
    if message:
        raise (InputError if kind == InputError.exit_code else ShowtellError)(message)
    return cast(TrainResult, result)


def _trainer(arguments: dict[str, Any], scaling: ScalingConfig, storage: Path) -> TorchTrainer:
    return TorchTrainer(
        _work,
        train_loop_config=arguments,
        scaling_config=scaling,
        torch_config=TorchConfig(timeout_s=_PATIENCE),
        run_config=RunConfig(
            name="train", storage_path=str(storage), failure_config=FailureConfig(max_failures=LOSSES)
        ),
    )


def _work(arguments: dict[str, Any]) -> None:
    """What each worker does."""
    arguments = dict(arguments)
    board, context, device = arguments.pop("board"), get_context(), get_device()
    group = WorkerGroup(context.get_world_rank(), context.get_world_size(), device)
    if not ray.get(board.begin.remote(group.rank)):
        return

    def say(line: str) -> None:
        if group.is_main:
            ray.get(board.say.remote(line))

    try:
        result = train(**arguments, device=str(device), group=group, show=False, say=say)
    except ShowtellError as error:
        ray.get(board.fail.remote(error.exit_code, str(error)))
        raise
    if group.is_main:
        ray.get(board.finish.remote(result))


class _Board:
    """Messages of the workers to the command; it runs beside the command."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.starts = 0
        self.kind, self.error = 0, ""
        self.result: TrainResult | None = None

    def begin(self, rank: int) -> bool:
        """Whether to start; after an error of ours a restart would only fail again."""
        self.starts += rank == 0
        if self.starts > 1 and rank == 0 and not self.error:
            self.say("a worker failed: all workers restart from the last checkpoint")
        return not self.error

    def say(self, line: str) -> None:
        self.lines.append(line)

    def fail(self, kind: int, error: str) -> None:
        self.kind, self.error = kind, self.error or error

    def finish(self, result: TrainResult) -> None:
        self.result = result

    def news(self) -> list[str]:
        """The messages since the last call."""
        lines, self.lines = self.lines, []
        return lines

    def end(self) -> tuple[int, str, TrainResult | None]:
        """The exit code and message of an error, and the result if there was no error."""
        return self.kind, self.error, self.result


@contextmanager
def _board(say: Say) -> Iterator[Any]:
    """A board on this machine; new messages are printed while the block runs."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    board = ray.remote(num_cpus=0)(_Board).options(scheduling_strategy=here).remote()
    over = threading.Event()

    def read() -> None:
        last = False
        while not last:
            last = over.wait(_NEWS_EVERY)
            for line in ray.get(board.news.remote()):
                say(line)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield board
    finally:
        over.set()
        reader.join()


def _accelerators(address: str, workers: int, cores: int, device: str) -> bool:
    """Whether workers have accelerators. A remote cluster may still grow on demand."""
    there = ray.cluster_resources()
    found, accelerators = int(there.get("CPU", 0)), int(there.get("GPU", 0))
    if address == "local" and (workers * cores > found or (device == "cuda" and workers > accelerators)):
        raise InputError(
            f"{workers} workers do not fit this machine's {found} cores and {accelerators} accelerators: "
            "lower --workers or --ray-cores"
        )
    return device == "cuda" or (device == "auto" and accelerators >= workers)
