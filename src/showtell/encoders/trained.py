"""An encoder's graph with trained weights from another file of the same network.

Input: the float32 graph of a published network, and a file with the trained one: the ONNX graph `tuned/encoder.onnx` of
a run, or a model bundle, in float32, float16 or int8. Output: the float32 graph with these weights. Int8 weights are
multiplied by their scales, so the result keeps their rounding.
"""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from showtell.encoders.graph_editing import finished
from showtell.encoders.runtime import METADATA_KEY, EncoderInfo
from showtell.errors import InputError

TRAINED_NAME = "+tuned"
"""The suffix of the name of an encoder with trained weights."""
TRAINED_SOURCE = ", trained further on captions"

_PART = "encoder.onnx"  # in a bundle


def with_weights(graph: bytes, path: Path) -> bytes:
    """`graph` with the weights of the trained encoder in `path`, the ONNX file or a bundle.

    Raises:
        InputError: the file cannot be read, or it has another network.
    """
    import onnx
    from onnx import numpy_helper

    model = onnx.load_from_string(graph)
    found = _weights(_read(path))
    for initializer in model.graph.initializer:
        if not initializer.name.endswith((".weight", ".bias")):
            continue
        weight = found.get(initializer.name)
        if weight is None or weight.shape != tuple(initializer.dims):
            raise InputError(f"{path}: not an encoder of this network: it has no weights that fit {initializer.name}")
        initializer.CopyFrom(numpy_helper.from_array(weight, initializer.name))
    return finished(model, trained_info(model))


def trained_info(model: Any) -> EncoderInfo:
    """The description in a model's metadata, changed for further training: in its name and source, and in its
    fingerprint, the SHA-256 of the graph.
    """
    described = {entry.key: entry.value for entry in model.metadata_props}[METADATA_KEY]
    info = EncoderInfo.from_json(json.loads(described))
    return replace(
        info,
        name=info.name.removesuffix(TRAINED_NAME) + TRAINED_NAME,
        fingerprint=hashlib.sha256(model.graph.SerializeToString(deterministic=True)).hexdigest(),
        source=info.source.removesuffix(TRAINED_SOURCE) + TRAINED_SOURCE,
    )


def _read(path: Path) -> Any:
    import onnx

    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as bundle:
                return onnx.load_from_string(bundle.read(_PART))
        return onnx.load(path)
    except KeyError as error:
        raise InputError(f"{path}: has no {_PART}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except Exception as error:  # protobuf's and onnx's own, which have no common class
        raise InputError(f"{path}: not a complete ONNX model ({' '.join(str(error).split())[:200]})") from error


def _weights(model: Any) -> dict[str, npt.NDArray[np.float32]]:
    """The float32 values of every weight, by its name in the published graph."""
    from onnx import numpy_helper

    raw: Mapping[str, npt.NDArray[Any]] = {
        initializer.name: numpy_helper.to_array(initializer) for initializer in model.graph.initializer
    }
    found = {
        name.removesuffix(".half"): array.astype(np.float32)
        for name, array in raw.items()
        if array.dtype in (np.float16, np.float32)
    }
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in raw:
            values, scale, zero = (raw[name] for name in node.input)
            axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
            along = [-1 if i == axis else 1 for i in range(values.ndim)] if scale.ndim else []
            offset = values.astype(np.int64) - zero.astype(np.int64).reshape(along)
            name = node.input[0].removesuffix("_quantized")
            found[name] = (offset * scale.astype(np.float64).reshape(along)).astype(np.float32)
    return found
