"""Connects to a Ray cluster for a job, and runs pieces with Ray Data on actors that keep their networks loaded."""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no telemetry unless the user enables it
import ray.data

import ray
from showtell.errors import InputError, ShowtellError, one_line


@contextmanager
def cluster(address: str) -> Iterator[None]:
    """Connect to a cluster while the block runs.

    Arguments:
        address: `local` starts a cluster on this machine for the block; `auto` or `HOST:PORT` connects to a running
            one. An existing connection is used as it is.

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
    """Run pieces on a cluster, and yield each result as soon as it is done.

    Arguments:
        pieces: a dictionary for each piece, all with the same keys.
        worker: a class with one instance for every `cores` cores. Called with a piece, an instance returns a dictionary
            of values that Arrow supports.
        arguments: arguments for creating an instance.
        cores: cores of one instance.

    If a machine fails, its piece is retried on another one, so a piece must be idempotent.
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
    """Paths and names of models that are valid on every machine; None for the default model."""
    return [str(path.absolute() if path.exists() else path) for path in models] if models else None


class _One:
    """Calls an instance of `worker` with one row at a time: Ray Data gives columns of one row."""

    def __init__(self, worker: type[Any], arguments: tuple[Any, ...]) -> None:
        self._work = worker(*arguments)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        done = self._work({name: column[0] for name, column in batch.items()})
        return {name: [value] for name, value in done.items()}
