"""What a training run reports to a watcher, and what a watcher may ask of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from showtell.data.sources.base import Pictures
from showtell.errors import ShowtellError


class Stopped(ShowtellError):
    """The run was asked to stop after a step; it was saved first, and the same command resumes it."""

    def __init__(self, step: int) -> None:
        super().__init__(f"stopped after step {step}, and saved: the same command resumes it")


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands: `step` of `steps` in `epoch` of `epochs`, all from 1, and the means of the epoch so far."""

    epoch: int
    epochs: int
    step: int
    steps: int
    figures: Mapping[str, float]


class Watch(Protocol):
    """Is notified of a run's progress in the run's own thread, so it must be quick."""

    def begin(self, name: str, source: Pictures, references: Mapping[str, Sequence[str]]) -> None:
        """The run of the recipe `name` begins or resumes.

        Arguments:
            name: the recipe's.
            source: where its pictures are read from.
            references: true captions of the validation pictures whose captions `epoch` is given, by name.
        """
        ...

    def step(self, progress: Progress) -> bool:
        """A step was made; returns whether the run shall be saved and stop here."""
        ...

    def epoch(self, metrics: Sequence[Mapping[str, Any]], captions: Mapping[str, str]) -> None:
        """An epoch has ended.

        Arguments:
            metrics: the figures of all epochs so far, as `metrics.jsonl` has them.
            captions: what the model says of the validation pictures, by name; none where a run resumes.
        """
        ...


class Unwatched:
    """Nobody watches, and nobody stops the run."""

    def begin(self, name: str, source: Pictures, references: Mapping[str, Sequence[str]]) -> None:
        """See `Watch`."""

    def step(self, progress: Progress) -> bool:
        """See `Watch`."""
        return False

    def epoch(self, metrics: Sequence[Mapping[str, Any]], captions: Mapping[str, str]) -> None:
        """See `Watch`."""
