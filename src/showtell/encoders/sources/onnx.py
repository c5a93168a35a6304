"""Any ONNX graph as an encoder, by the name `onnx:FILE`.

Input: a graph with one `float32` picture input, and its preprocessing: a JSON object in `FILE.json`, or the same text
under the key `showtell` in the graph's own metadata. The keys are the fields of `GraphOptions`. Output: the same graph
in the form that `showtell.encoders.runtime` runs, with any number of pictures at once.
"""

import dataclasses
import functools
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import numpy.typing as npt

from showtell.encoders.graph_editing import add_outputs, cut, finished, picture_input
from showtell.encoders.runtime import METADATA_KEY, EncoderInfo
from showtell.encoders.sources.base import EncoderEntry, encoder_source
from showtell.errors import InputError, ShowtellError, one_line, require
from showtell.files import parse_json, read_json
from showtell.images.preprocessing import Interpolation, Layout, Preprocessing, normalize
from showtell.onnx_graphs.session import open_session

_EXPORT_RULES = "1"  # increase it when the result of the same graph and options changes


@dataclass(frozen=True, slots=True)
class GraphOptions:
    """The preprocessing and outputs of a graph; only `mean` and `std` are required.

    `mean` and `std` are in 8-bit pixel values, in the order of `channels`: the graph gets `(pixel - mean) / std`.
    `size` and `layout` are needed if the shape of the graph's input does not show them. `pooled` names the tensor, an
    output or any other, with shape `(B, D)`, and `grid` the one with `(B, D, h, w)`, `(B, h, w, D)` or `(B, L, D)`.
    With only `grid`, `pooled` is the mean of its cells. With neither, the shape of the graph's only output decides.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: int = 0
    layout: str = ""
    channels: str = "RGB"
    interpolation: str = "bilinear"
    pooled: str = ""
    grid: str = ""
    licence: str = ""
    source: str = ""


def export(path: Path) -> bytes:
    """The graph in the file `path` with the inputs and outputs of `showtell.encoders.runtime`.

    Raises:
        MissingExtra: the package onnx is not installed.
        InputError: the file is not such a graph, or its preprocessing is unknown.
    """
    model = _load(path)
    values = _description(path, model)
    if "fingerprint" in values and "preprocessing" in values:  # an encoder that Showtell made
        return cast(bytes, model.SerializeToString(deterministic=True))
    try:
        options = _options(values)
        digest = hashlib.sha256(model.SerializeToString(deterministic=True))
        digest.update(json.dumps([_EXPORT_RULES, dataclasses.asdict(options)], sort_keys=True).encode())
        preprocessing = _preprocessing(model, options)
        model, tensors = cut(model, _wanted(model, options), preprocessing)
        dim, cells = add_outputs(model, tensors, _shapes(model, preprocessing), preprocessing.layout)
        info = EncoderInfo(
            name=f"onnx:{path.name}",
            fingerprint=digest.hexdigest(),
            dim=dim,
            cells=cells,
            preprocessing=preprocessing,
            licence=options.licence,
            source=options.source or f"the ONNX file {path.name}",
        )
        return finished(model, info)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


@encoder_source("onnx:FILE", help="an ONNX graph of your own", own_weights=True)
def entry(name: str, weights: Path | None, root: Path) -> EncoderEntry:
    """The graph in a file, which the cache need not keep."""
    return EncoderEntry(None, functools.partial(export, root / name))


def _load(path: Path) -> Any:
    require("onnx", extra="onnx", what=f"the encoder onnx:{path}")
    import onnx

    try:
        return onnx.load(path)  # with tensors in files beside it
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except Exception as error:  # protobuf's and onnx's own, which have no common class
        raise InputError(f"{path}: not a complete ONNX model ({' '.join(str(error).split())[:200]})") from error


def _description(path: Path, model: Any) -> dict[str, Any]:
    beside = path.with_name(f"{path.name}.json")
    inside = next((entry.value for entry in model.metadata_props if entry.key == METADATA_KEY), None)
    if beside.exists():
        where, values = str(beside), read_json(beside)
    elif inside is not None:
        where, values = f"{path}, metadata {METADATA_KEY}", parse_json(inside, f"{path}, metadata {METADATA_KEY}")
    else:
        raise InputError(
            f"{path}: its pixel normalization is unknown: write {beside.name} beside it, such as "
            '{"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}'
        )
    if not isinstance(values, dict):
        raise InputError(f"{where}: must be a JSON object")
    return values


def _options(values: dict[str, Any]) -> GraphOptions:
    fields = {field.name: field for field in dataclasses.fields(GraphOptions)}
    if unknown := sorted(set(values) - set(fields)):
        raise InputError(f"its description has no key {unknown[0]!r}: there are {', '.join(fields)}")
    for name in ("mean", "std"):
        given = values.get(name)
        if not isinstance(given, list) or len(given) != 3 or not all(type(v) in (int, float) for v in given):
            raise InputError(f"its description needs {name!r}: a list of three numbers, in 8-bit pixel values")
    for name, value in values.items():
        if name not in ("mean", "std") and type(value) is not type(fields[name].default):
            raise InputError(f"{name!r} must be of type {type(fields[name].default).__name__}, not {value!r}")
    return GraphOptions(**values | {name: tuple(map(float, values[name])) for name in ("mean", "std")})


def _preprocessing(model: Any, options: GraphOptions) -> Preprocessing:
    value = picture_input(model)
    shape = [dim.dim_value or None for dim in value.type.tensor_type.shape.dim]
    if value.type.tensor_type.elem_type != 1 or len(shape) != 4:
        raise InputError(f"its input {value.name!r} must be float32 of four axes: pictures, channels, rows, columns")
    layouts = [layout for layout, axis in (("NCHW", 1), ("NHWC", 3)) if shape[axis] == 3]
    layout = options.layout or (layouts[0] if len(layouts) == 1 else "")
    if layout not in get_args(Layout):
        raise InputError(f"the shape {shape} of its input does not show the layout: add 'layout', NCHW or NHWC")
    height, width = shape[2:] if layout == "NCHW" else shape[1:3]
    if None not in (height, width) and height != width:
        raise InputError(f"takes pictures of {height} x {width}: only squares are supported")
    size = options.size or height or width
    if not size:
        raise InputError("the shape of its input does not show the size of pictures: add 'size'")
    if {height, width} - {size, None}:
        raise InputError(f"takes pictures of {height} x {width}, but its description says size {size}")
    return Preprocessing(
        size=size,
        interpolation=cast(Interpolation, options.interpolation),
        mean=cast(tuple[float, float, float], options.mean),
        std=cast(tuple[float, float, float], options.std),
        channels=options.channels,  # type: ignore[arg-type]  # checked there
        layout=cast(Layout, layout),
    )


def _wanted(model: Any, options: GraphOptions) -> dict[str, str]:
    """The tensors to use by role: `pooled`, `grid`, or `features` if unknown."""
    wanted = {"pooled": options.pooled, "grid": options.grid}
    wanted = {name: there for name, there in wanted.items() if there}
    known = {name for node in model.graph.node for name in node.output}
    for name, there in wanted.items():
        if there not in known:
            raise InputError(f"has no tensor {there!r}, which its description calls {name!r}")
    if wanted:
        return wanted
    outputs = [value.name for value in model.graph.output]
    if len(outputs) != 1:
        raise InputError(f"has the outputs {', '.join(outputs)}: name the one that is 'pooled' or 'grid'")
    return {"features": outputs[0]}


def _shapes(model: Any, preprocessing: Preprocessing) -> dict[str, tuple[int, ...]]:
    """Shapes of the outputs for two pictures, after checking that two at once give the same as one after another."""
    try:
        session = open_session(model.SerializeToString())
        names = [value.name for value in session.get_outputs()]
        squares = np.random.default_rng(0).integers(0, 256, (2, preprocessing.size, preprocessing.size, 3), np.uint8)
        inputs = normalize(squares, preprocessing)
        both: list[npt.NDArray[Any]] = session.run(names, {"picture": inputs})
        singles = [session.run(names, {"picture": inputs[i : i + 1]}) for i in (0, 1)]
    except ShowtellError as error:
        raise InputError(str(error)) from error
    except Exception as error:  # ONNX Runtime's own exception classes are private
        reason = one_line(error, 200)
        raise InputError(
            f"does not run with one picture and with two: export it for any batch size ({reason})"
        ) from error
    for name, together, *apart in zip(names, both, *singles, strict=True):
        expected = np.concatenate(apart)
        if together.shape != expected.shape or not np.allclose(
            together, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max()
        ):
            raise InputError(f"its output {name!r} for two pictures is not that for each: export it for any batch size")
    return {name: value.shape for name, value in zip(names, both, strict=True)}
