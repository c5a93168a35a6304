"""An exported decoder in ONNX Runtime: embeddings and words so far -> the next word."""

from typing import Any

import numpy as np
import numpy.typing as npt

from showtell.search import Floats, State


class OnnxSteps:
    """An exported decoder behind the arrays that `showtell.search` speaks (a `StepDecoder`).

    `start.onnx` takes `embeddings` and gives constants and states; `step.onnx` takes `tokens`, constants and states and
    gives `logits`, the next states, and `attention` where the decoder looks at grid cells. States end in `_next` on the
    way out of `step.onnx`.
    """

    def __init__(self, start: Any, step: Any) -> None:
        self._start, self._step = start, step
        outputs = [out.name for out in self._step.get_outputs()]
        self._states = [name.removesuffix("_next") for name in outputs if name.endswith("_next")]
        self.attends = "attention" in outputs
        self._takes = {value.name for value in self._step.get_inputs()}

    def start(self, embeddings: Floats) -> tuple[State, State]:
        """See `showtell.search.StepDecoder`."""
        names = [out.name for out in self._start.get_outputs()]
        values = dict(zip(names, self._start.run(names, {"embeddings": embeddings}), strict=True))
        constants = {name: array for name, array in values.items() if name not in self._states}
        return constants, {name: values[name] for name in self._states}

    def step(self, tokens: npt.NDArray[np.int64], constants: State, state: State) -> tuple[Floats, State]:
        """See `showtell.search.StepDecoder`."""
        (logits,), after = self._run(["logits"], tokens, constants, state)
        return logits, after

    def look(self, tokens: npt.NDArray[np.int64], constants: State, state: State) -> tuple[Floats, State, Floats]:
        """A step, and its attention to the grid's cells `(N, L)`; only where `attends`."""
        (logits, attention), after = self._run(["logits", "attention"], tokens, constants, state)
        return logits, after, attention

    def _run(
        self, wanted: list[str], tokens: npt.NDArray[np.int64], constants: State, state: State
    ) -> tuple[list[Floats], State]:
        given = {"tokens": tokens} | constants | state
        outputs = [*wanted, *(f"{name}_next" for name in self._states)]
        values = self._step.run(outputs, {name: given[name] for name in self._takes})
        return values[: len(wanted)], dict(zip(self._states, values[len(wanted) :], strict=True))
