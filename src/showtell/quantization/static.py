"""An encoder's float32 graph -> the same network in 8-bit integers, with weights of a quarter of the size.

Static quantization with ONNX Runtime (Jacob et al. 2018, arXiv:1712.05877): sample pictures run through the network,
and the range of each tensor is written into the graph. Weights become int8 with a scale for each output channel,
rounded together (see `showtell.quantization.gptq`). Activations become uint8 with one scale and one zero point for each
tensor, because on x86 ONNX Runtime has fast kernels for unsigned with signed. Everything after the last convolution
stays, so `pooled` and `grid` are float32 as before.

It needs the package onnx, which functions import when they run.
"""

import contextlib
import dataclasses
import hashlib
import logging
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from showtell.encoders.graph_editing import finished
from showtell.encoders.runtime import Encoder, EncoderInfo
from showtell.errors import InputError, require
from showtell.images.preprocessing import normalize
from showtell.progress import Tick, bar
from showtell.quantization.gptq import round_kernels

_RULES = "2"  # increase it when the result for the same graph and pictures changes
_AT_ONCE = 8
# Sums and pools use the integers of the convolutions around them, instead of converting to float and back.
_OPERATORS = ["Conv", "Add", "Clip", "Relu", "MaxPool", "AveragePool", "Concat"]


def quantized(graph: bytes, squares: npt.NDArray[np.uint8], *, show: bool = True) -> bytes:
    """The int8 form of an encoder's graph; the same graph and pictures always give the same bytes on a machine.

    Arguments:
        graph: a serialized float32 graph with an `EncoderInfo` in its metadata.
        squares: `uint8 (N, S, S, 3)`, like the encoder's later inputs: they set the ranges of its tensors.
        show: show progress on stderr.

    Raises:
        MissingExtra: the package onnx is not installed.
        InputError: the graph has no convolutions, is already quantized, or there are no pictures.
    """
    require("onnx", extra="train", what="an encoder in int8")
    import onnx

    info = Encoder(graph, threads=1).info
    model = onnx.load_from_string(graph)
    if info.precision != "float32":
        raise InputError(f"the encoder {info.name} is already in {info.precision}")
    if not any(node.op_type == "Conv" for node in model.graph.node):
        raise InputError(f"the encoder {info.name} has no convolutions to convert to int8: leave it in float32")
    if not len(squares):
        raise InputError("there are no pictures to calibrate int8 on")
    result = _static(model, squares, info, show)
    del result.metadata_props[:]
    digest = hashlib.sha256(f"int8 {info.fingerprint} {_RULES}".encode())
    digest.update(result.SerializeToString(deterministic=True))
    return finished(
        result,
        dataclasses.replace(
            info, precision="int8", fingerprint=digest.hexdigest(), float32_fingerprint=info.fingerprint
        ),
    )


class _Inputs:
    """The pictures in the form that ONNX Runtime's calibration takes."""

    def __init__(self, squares: npt.NDArray[np.uint8], info: EncoderInfo, tick: Tick) -> None:
        self._batches = self._read(squares, info, tick)

    def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
        return next(self._batches, None)

    @staticmethod
    def _read(
        squares: npt.NDArray[np.uint8], info: EncoderInfo, tick: Tick
    ) -> Iterator[dict[str, npt.NDArray[np.float32]]]:
        for begin in range(0, len(squares), _AT_ONCE):
            batch = squares[begin : begin + _AT_ONCE]
            yield {"picture": normalize(batch, info.preprocessing)}
            tick(len(batch))


def _static(model: Any, squares: npt.NDArray[np.uint8], info: EncoderInfo, show: bool) -> Any:
    import onnx
    from onnxruntime import quantization

    quantization.CalibrationDataReader.register(_Inputs)
    for number, node in enumerate(model.graph.node):  # the tools identify nodes only by name
        node.name = str(number)
    with tempfile.TemporaryDirectory() as name, _quiet():
        given, folded, written = (Path(name) / file for file in ("given.onnx", "folded.onnx", "int8.onnx"))
        onnx.save(model, given)
        quantization.quant_pre_process(given, folded, skip_symbolic_shape=True)
        model = onnx.load(folded)
        steps = round_kernels(model, squares, info, show=show)
        onnx.save(model, folded)
        with bar("measuring ranges", len(squares), "pictures", show=show) as tick:
            quantization.quantize_static(
                folded,
                written,
                _Inputs(squares, info, tick),
                quant_format=quantization.QuantFormat.QDQ,
                op_types_to_quantize=_OPERATORS,
                per_channel=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                extra_options={"TensorQuantOverrides": _by_channel(steps)},
            )
        return onnx.load(written)


def _by_channel(steps: Mapping[str, npt.NDArray[np.float32]]) -> dict[str, list[dict[str, Any]]]:
    """The scales of kernels by name, in ONNX Runtime's form."""
    from onnxruntime.quantization import QuantType

    fixed = {"quant_type": QuantType.QInt8, "zero_point": np.array(0, np.int8), "axis": 0}
    return {name: [{**fixed, "scale": np.array(scale)} for scale in scales] for name, scales in steps.items()}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the tools' advice on the root logger, which does not concern users."""
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.root.setLevel(level)
