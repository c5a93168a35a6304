"""A Ray cluster for the time of a job, and pieces of work done by Ray Data, by actors that each keep their network."""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anyone unless the user says so
import ray.data

import ray
from showtell.errors import InputError, ShowtellError, one_line


@contextmanager
def cluster(address: str) -> Iterator[None]:
    """Be connected to a cluster while the block runs.

    Arguments:
        address: `local` for one that is started on this machine and ends with the block; `auto` or `HOST:PORT` for one
            that runs. A connection that there is already is used as it is.

    Raises:
        InputError: there is no cluster at the address.
    """
    if ray.is_initialized():
        yield
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        ray.init("local", include_dashboard=False, **quiet) if address == "local" else ray.init(
            address=address, **quiet
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise InputError(f"--ray {address}: no cluster answers there ({one_line(error, 200)})") from error
    try:
        yield
    finally:
        ray.shutdown()


def on_actors(
    pieces: Sequence[dict[str, Any]], worker: type[Any], arguments: tuple[Any, ...], cores: int
) -> Iterator[dict[str, Any]]:
    """Do pieces of work on a cluster, and give what comes of each as soon as it is there.

    Arguments:
        pieces: what is to be done, a dictionary each; the keys are the same in all.
        worker: an instance is made on every `cores` cores; called with one piece, it returns a dictionary of values
            that Arrow knows.
        arguments: for making an instance.
        cores: of one instance.

    A piece whose machine was lost is done once more on another one, so doing it twice must come to the same.
    """
    if not pieces:
        return
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    most = max(1, int(ray.cluster_resources().get("CPU", 1)) // cores)
    pool = ray.data.ActorPoolStrategy(min_size=1, max_size=most, initial_size=most)
    data = ray.data.from_items(list(pieces), override_num_blocks=len(pieces)).map_batches(
        _One, batch_size=1, fn_constructor_args=(worker, arguments), num_cpus=cores, compute=pool
    )
    try:
        yield from data.iter_rows()
    except ray.exceptions.RayError as error:
        raise ShowtellError(f"the work on the cluster failed ({one_line(error, 300)}): run it again") from error


def models_everywhere(models: Sequence[Path] | None) -> list[str] | None:
    """Paths and names of models as every machine understands them; None for the package's model."""
    return [str(path.absolute() if path.exists() else path) for path in models] if models else None


class _One:
    """Hands an instance of `worker` one row at a time: Ray Data has columns of one row."""

    def __init__(self, worker: type[Any], arguments: tuple[Any, ...]) -> None:
        self._work = worker(*arguments)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        done = self._work({name: column[0] for name, column in batch.items()})
        return {name: [value] for name, value in done.items()}
