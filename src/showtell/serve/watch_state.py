"""The state of a training run, shared by the thread that trains and the page that shows it.

Input: the reports of the training loop to a `showtell.training.watch.Watch`. Output: answers for the page. Everything
is kept in memory.
"""

import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from showtell.errors import PictureError, ShowtellError
from showtell.images.decode import decode
from showtell.visualization.charts import Series, line_chart, panel
from showtell.visualization.html import THUMBNAIL
from showtell.visualization.learning_curves import training_panels

if TYPE_CHECKING:
    from showtell.data.sources.base import Pictures
    from showtell.training.watch import Progress

_SAMPLES = 8
_POINTS = 48  # of the curve by step
_OPEN = 5.0  # seconds after its last request for which a page counts as open


class SampleAnswer(BaseModel):
    """A validation picture: its captions by people, and the model's caption after each epoch, oldest first."""

    name: str
    references: list[str]
    said: list[tuple[int, str]]


class RunAnswer(BaseModel):
    """The state of a run. `now` (HTML) is the chart of the loss by step. `panels` (HTML) and `samples` are left out if
    the page already has those of this epoch.
    """

    name: str
    state: str
    line: str
    epoch: int
    epochs: int
    step: int
    steps: int
    seconds_left: float | None
    figures: dict[str, float]
    ended: int
    now: str = ""
    panels: list[str] | None = None
    samples: list[SampleAnswer] | None = None


@dataclass(slots=True)
class _ShownPicture:
    name: str
    references: tuple[str, ...]
    jpeg: bytes
    said: list[tuple[int, str]] = field(default_factory=list)


class StepCurve:
    """The loss, or the reward, of every step so far, in at most `_POINTS` points: each is a mean of as many steps."""

    def __init__(self) -> None:
        self._name, self._each = "", 1
        self._points: list[tuple[float, float]] = []
        self._open: list[tuple[int, float]] = []

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        """Add a step's figure; another stage with another figure starts the curve again."""
        name = next((one for one in ("train_loss", "reward") if one in figures), "")
        if not name or not math.isfinite(figures[name]):
            return
        if name != self._name:
            self._name, self._each, self._points, self._open = name, 1, [], []
        self._open.append((step, figures[name]))
        if len(self._open) == self._each:
            self._points.append((self._open[-1][0], sum(value for _, value in self._open) / self._each))
            self._open = []
        if len(self._points) == _POINTS:
            pairs = zip(self._points[::2], self._points[1::2], strict=True)
            self._points = [(later[0], (first[1] + later[1]) / 2) for first, later in pairs]
            self._each *= 2

    def panel(self) -> str:
        """The chart, as HTML; empty before there are two points."""
        if len(self._points) < 2:
            return ""
        title, unit = ("Loss by step", "nats per word") if self._name == "train_loss" else ("Reward by step", "")
        series = Series("training", tuple(self._points))
        return panel(title, line_chart(title, [series], "step", unit), "")


class Watching:
    """A `showtell.training.watch.Watch` that keeps the state for any number of pages."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._end_shown = threading.Event()
        self._name, self._state, self._line = "", "preparing", ""
        self._progress: Progress | None = None
        self._metrics: tuple[Mapping[str, Any], ...] = ()
        self._samples: list[_ShownPicture] = []
        self._curve = StepCurve()
        self._pace: tuple[float, int] | None = None  # when this run made its first step, and steps since
        self._asked_at = -_OPEN

    def say(self, line: str) -> None:
        """Keep the latest line for people."""
        with self._lock:
            self._line = line

    def begin(self, name: str, source: "Pictures", references: Mapping[str, Sequence[str]]) -> None:
        """See `showtell.training.watch.Watch`. It reads a few pictures, evenly spread over all, and keeps
        thumbnails.
        """
        names = list(references)
        chosen = set(names[:: max(1, len(names) // _SAMPLES)][:_SAMPLES])
        samples = []
        for picture in source.read(skip=set(source.names()) - chosen):
            samples.append(_ShownPicture(picture.name, tuple(references[picture.name]), _small(picture.data)))
            if len(samples) == len(chosen):
                break
        with self._lock:
            self._name, self._state, self._samples = name, "training", samples

    def step(self, progress: "Progress") -> bool:
        """See `showtell.training.watch.Watch`."""
        with self._lock:
            self._progress = progress
            self._curve.add(progress.done, progress.latest)
            began, steps = self._pace or (time.monotonic(), -1)
            self._pace = began, steps + 1
        return self._stop.is_set()

    def epoch(self, metrics: Sequence[Mapping[str, Any]], captions: Mapping[str, str]) -> None:
        """See `showtell.training.watch.Watch`."""
        with self._lock:
            self._metrics = tuple(metrics)
            for sample in self._samples:
                if sample.name in captions:
                    sample.said.append((len(metrics), captions[sample.name]))

    def stop(self) -> None:
        """Ask the run to stop after its next step."""
        self._stop.set()
        with self._lock:
            self._state = "stopping" if self._state in ("preparing", "training") else self._state

    def end(self, error: BaseException | None) -> None:
        """Record that the run has finished, or failed with `error`, and give open pages time to show it."""
        with self._lock:
            self._state = "finished" if error is None else "stopped" if self._stop.is_set() else "failed"
            if isinstance(error, ShowtellError):
                self._line = str(error)
            watched = time.monotonic() - self._asked_at < _OPEN
        if watched:
            self._end_shown.wait(_OPEN)

    def jpeg(self, place: int) -> bytes | None:
        """The thumbnail of the sample at `place`; None if there is none."""
        with self._lock:
            return self._samples[place].jpeg if 0 <= place < len(self._samples) else None

    def answer(self, known: int) -> RunAnswer:
        """The state of the run, for a page that knows everything up to epoch `known`; -1 if it knows nothing."""
        with self._lock:
            self._asked_at = time.monotonic()
            if self._state in ("finished", "stopped", "failed"):
                self._end_shown.set()
            at = self._progress
            answer = RunAnswer(
                name=self._name,
                state=self._state,
                line=self._line,
                epoch=at.epoch if at else 0,
                epochs=at.epochs if at else 0,
                step=at.step if at else 0,
                steps=at.steps if at else 0,
                seconds_left=self._seconds_left(),
                figures=dict(at.figures) if at else {},
                ended=len(self._metrics),
                now=self._curve.panel(),
            )
            metrics = self._metrics
            samples = [SampleAnswer(name=s.name, references=list(s.references), said=s.said) for s in self._samples]
        if known == answer.ended:
            return answer
        return answer.model_copy(update={"panels": training_panels(metrics), "samples": samples})

    def _seconds_left(self) -> float | None:
        """Estimated from the pace of the steps so far, validation included; None if that is not known yet."""
        if not self._progress or not self._pace or not self._pace[1]:
            return None
        began, steps = self._pace
        at = self._progress
        ahead = (at.epochs - at.epoch) * at.steps + at.steps - at.step
        return ahead * (time.monotonic() - began) / steps


def _small(data: bytes) -> bytes:
    """A thumbnail as JPEG; nothing if the picture cannot be read."""
    try:
        picture = decode(data)
    except PictureError:
        return b""
    picture.thumbnail((THUMBNAIL, THUMBNAIL), reducing_gap=3.0)
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
