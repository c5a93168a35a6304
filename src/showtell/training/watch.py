"""The interface between a training run and its observer, such as the page of `--watch`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from showtell.data.sources.base import Pictures
from showtell.errors import ShowtellError


class Stopped(ShowtellError):
    """The run stopped on request after a step. It was saved, and the same command resumes it."""

    def __init__(self, step: int) -> None:
        super().__init__(f"stopped after step {step} and saved: run the same command again to resume")


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a run: `step` of `steps` in `epoch` of `epochs`, all from 1, and the means of the epoch so far.

    `done` counts the steps of the whole run, and `latest` has the figures of this step alone, such as `train_loss`.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    figures: Mapping[str, float]
    done: int = 0
    latest: Mapping[str, float] = field(default_factory=dict)


class Watch(Protocol):
    """Observes a run. It is called in the run's own thread, so it must be quick."""

    def begin(self, name: str, source: Pictures, references: Mapping[str, Sequence[str]]) -> None:
        """The run of the recipe `name` starts or resumes.

        Arguments:
            name: the recipe's name.
            source: the source of its pictures.
            references: true captions, by name, of the validation pictures that `epoch` gets captions of.
        """
        ...

    def step(self, progress: Progress) -> bool:
        """A step is done; return whether the run should save its state and stop."""
        ...

    def epoch(self, metrics: Sequence[Mapping[str, Any]], captions: Mapping[str, str]) -> None:
        """An epoch has ended.

        Arguments:
            metrics: the figures of all epochs so far, as in `metrics.jsonl`.
            captions: the model's captions of the validation pictures, by name; empty when a run resumes.
        """
        ...


class Several:
    """Several observers as one; the run stops if one of them asks for it."""

    def __init__(self, observers: Sequence[Watch]) -> None:
        self.observers = tuple(observers)

    def begin(self, name: str, source: Pictures, references: Mapping[str, Sequence[str]]) -> None:
        """See `Watch`."""
        for one in self.observers:
            one.begin(name, source, references)

    def step(self, progress: Progress) -> bool:
        """See `Watch`."""
        answers = [one.step(progress) for one in self.observers]  # every one of them sees every step
        return any(answers)

    def epoch(self, metrics: Sequence[Mapping[str, Any]], captions: Mapping[str, str]) -> None:
        """See `Watch`."""
        for one in self.observers:
            one.epoch(metrics, captions)


class Unwatched:
    """Without an observer, nothing stops the run."""

    def begin(self, name: str, source: Pictures, references: Mapping[str, Sequence[str]]) -> None:
        """See `Watch`."""

    def step(self, progress: Progress) -> bool:
        """See `Watch`."""
        return False

    def epoch(self, metrics: Sequence[Mapping[str, Any]], captions: Mapping[str, str]) -> None:
        """See `Watch`."""
