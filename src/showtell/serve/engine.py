"""Square pictures of many requests -> captions, in batches. One thread alone runs the networks.

The first job opens a batch. The batch closes when it is full or after a few milliseconds. While a batch runs, the next
jobs queue, so under load batches are full and no job waits for the timer. The encoder, which takes most of the time,
runs on the whole batch. The decoder runs once for all jobs of the batch with equal options.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from showtell.captioning.captioner import Caption, Captioner
from showtell.captioning.options import CaptionOptions


@dataclass(frozen=True, slots=True)
class Batching:
    """A batch has at most `size` pictures and waits up to `wait` seconds for more of them."""

    size: int = 16
    wait: float = 0.004


@dataclass(frozen=True, slots=True)
class _QueuedWork:
    square: npt.NDArray[np.uint8]
    options: CaptionOptions
    place: int
    future: "Future[Caption]" = field(default_factory=Future)


class Engine:
    """The thread that captions. `watch(pictures, seconds)` is called after every batch."""

    def __init__(
        self,
        captioner: Captioner,
        batching: Batching = Batching(),
        watch: Callable[[int, float], None] = lambda pictures, seconds: None,
    ) -> None:
        self.captioner, self.batching, self._watch = captioner, batching, watch
        self._jobs: queue.SimpleQueue[_QueuedWork | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="captions", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def submit(self, square: npt.NDArray[np.uint8], options: CaptionOptions, place: int = 0) -> "Future[Caption]":
        """Caption a square `uint8 (S, S, 3)`.

        Arguments:
            square: see `showtell.images.preprocessing.square`.
            options: how to caption; jobs with equal options run together. Options that the model cannot fulfil fail in
                the future.
            place: position of the picture in its request; it seeds sampling.

        A future that is canceled before its batch starts costs nothing.
        """
        job = _QueuedWork(square, options, place)
        self._jobs.put(job)
        return job.future

    def close(self) -> None:
        """Caption what was submitted, then end the thread."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        more = True
        while more and (first := self._jobs.get()) is not None:
            batch, more = self._gathered(first)
            wanted = [job for job in batch if job.future.set_running_or_notify_cancel()]
            if wanted:
                began = time.monotonic()
                self._caption(wanted)
                self._watch(len(wanted), time.monotonic() - began)

    def _gathered(self, first: _QueuedWork) -> tuple[list[_QueuedWork], bool]:
        """A batch, and whether more may come after it."""
        batch = [first]
        closes = time.monotonic() + self.batching.wait
        while len(batch) < self.batching.size:
            try:
                job = self._jobs.get(timeout=max(0.0, closes - time.monotonic()))
            except queue.Empty:
                break
            if job is None:
                return batch, False
            batch.append(job)
        return batch, True

    def _caption(self, batch: list[_QueuedWork]) -> None:
        try:
            embeddings = self.captioner.embed(np.stack([job.square for job in batch]))
        except Exception as error:  # any error goes to the waiting requests, and the thread lives on
            _fail(batch, error)
            return
        for rows in _alike(batch):
            jobs = [batch[row] for row in rows]
            try:
                captions = self._captions(embeddings[rows], jobs[0])
            except Exception as error:
                _fail(jobs, error)
            else:
                for job, caption in zip(jobs, captions, strict=True):
                    job.future.set_result(caption)

    def _captions(self, embeddings: npt.NDArray[np.float32], first: _QueuedWork) -> list[Caption]:
        return self.captioner.caption_embeddings(embeddings, first=first.place, options=first.options)


def _alike(batch: list[_QueuedWork]) -> Iterable[list[int]]:
    """Rows that go through the decoder together. A sampled caption depends on its position, so it goes alone."""
    groups: dict[tuple[CaptionOptions, int], list[int]] = {}
    for row, job in enumerate(batch):
        groups.setdefault((job.options, row if job.options.search.sample else -1), []).append(row)
    return groups.values()


def _fail(jobs: list[_QueuedWork], error: Exception) -> None:
    for job in jobs:
        job.future.set_exception(error)
