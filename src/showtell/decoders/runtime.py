"""An exported decoder in ONNX Runtime: embeddings and the words so far -> the next word."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from showtell.errors import ShowtellError, one_line
from showtell.search import Floats, State


class OnnxSteps:
    """An exported decoder with the array interface of `showtell.search` (a `StepDecoder`).

    `start.onnx` takes `embeddings` and gives constants and states; `step.onnx` takes `tokens`, constants and states and
    gives `logits`, the next states, and `attention` if the decoder attends to grid cells. The outputs of `step.onnx`
    for states end in `_next`. If it `shares_constants`, the constants of a picture hold for all its rows.
    """

    def __init__(self, start: Any, step: Any, entries: int | None = None, *, shares_constants: bool = False) -> None:
        """Take sessions of the two graphs.

        Arguments:
            start: session of `start.onnx`.
            step: session of `step.onnx`.
            entries: size of the vocabulary, to check the logits; None for any size.
            shares_constants: see `showtell.search.StepDecoder`.

        Raises:
            ShowtellError: the graphs do not fit together.
        """
        self._start, self._step, self.shares_constants = start, step, shares_constants
        outputs = [out.name for out in self._step.get_outputs()]
        self._states = [name.removesuffix("_next") for name in outputs if name.endswith("_next")]
        self.attends = "attention" in outputs
        self._takes = {value.name for value in self._step.get_inputs()}
        self._entries = entries
        started = {out.name for out in self._start.get_outputs()}
        lacking = (self._takes - {"tokens"} - started) | (set(self._states) - started)
        if "logits" not in outputs or lacking or {one.name for one in self._start.get_inputs()} != {"embeddings"}:
            raise ShowtellError("start.onnx and step.onnx do not fit together")

    def start(self, embeddings: Floats) -> tuple[State, State]:
        """See `showtell.search.StepDecoder`."""
        names = [out.name for out in self._start.get_outputs()]
        values = dict(zip(names, _run(self._start, names, {"embeddings": embeddings}), strict=True))
        if any(value.shape[:1] != embeddings.shape[:1] for name, value in values.items() if name in self._states):
            raise ShowtellError("start.onnx does not give a state for each picture")
        constants = {name: array for name, array in values.items() if name not in self._states}
        return constants, {name: values[name] for name in self._states}

    def step(self, tokens: npt.NDArray[np.int64], constants: State, state: State) -> tuple[Floats, State]:
        """See `showtell.search.StepDecoder`."""
        (logits,), after = self._run(["logits"], tokens, constants, state)
        return logits, after

    def look(self, tokens: npt.NDArray[np.int64], constants: State, state: State) -> tuple[Floats, State, Floats]:
        """Take a step; also return its attention to the grid's cells `(N, L)`. Only if `attends`."""
        (logits, attention), after = self._run(["logits", "attention"], tokens, constants, state)
        return logits, after, attention

    def _run(
        self, wanted: list[str], tokens: npt.NDArray[np.int64], constants: State, state: State
    ) -> tuple[list[Floats], State]:
        given = {"tokens": tokens} | constants | state
        outputs = [*wanted, *(f"{name}_next" for name in self._states)]
        values = _run(self._step, outputs, {name: given[name] for name in self._takes})
        logits = values[0]
        if logits.ndim != 2 or len(logits) != len(tokens) or self._entries not in (None, logits.shape[1]):
            raise ShowtellError(f"step.onnx gives logits of the shape {logits.shape}")
        if not math.isfinite(logits.sum()):
            raise ShowtellError("step.onnx gives logits that are not numbers")
        return values[: len(wanted)], dict(zip(self._states, values[len(wanted) :], strict=True))


def _run(session: Any, outputs: list[str], given: dict[str, Any]) -> Any:
    try:
        return session.run(outputs, given)
    except Exception as error:  # ONNX Runtime's own exception classes are private
        raise ShowtellError(f"the decoder's graphs fail ({one_line(error, 200)})") from error
