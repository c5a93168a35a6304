"""Checks on a bundle from an untrusted source: parts of bounded size, JSON of the right types, finite numbers."""

import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from showtell.config import fill, table_of
from showtell.encoders.runtime import EncoderInfo, EncoderOutput
from showtell.errors import InputError
from showtell.images.preprocessing import ResizeMode
from showtell.search import SearchOptions
from showtell.text import TokenRules

MOST_PARTS = 64
MOST_BYTES = 1 << 32
"""Limit of all parts of a bundle together."""

_GROWTH = 8  # parts are stored uncompressed; in a zip that somebody compressed they may be this many times as large
_SMALL = 1 << 20
_MOST_JSON = 1 << 26
_MOST_ENTRIES = 1 << 20
_LONGEST_ENTRY = 256
_MOST_FORCED = 8
_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "format": int,
    "name": str,
    "decoder": dict,
    "encoder": dict,
    "output": str,
    "resize": str,
    "graphs": dict,
    "search": dict,
}
JSON_ERRORS = (KeyError, TypeError, ValueError, AttributeError, RecursionError, OverflowError, InputError)
"""What reading JSON of an unexpected shape raises."""


def read_zip(path: Path) -> dict[str, bytes]:
    """The parts in a zip, by name; a `ValueError` if they are too many or too large."""
    most = min(MOST_BYTES, _GROWTH * path.stat().st_size + _SMALL)
    parts: dict[str, bytes] = {}
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if len(entries) > MOST_PARTS:
            raise ValueError(f"{len(entries)} parts")
        for entry in entries:
            if entry.filename in parts:
                raise ValueError(f"{entry.filename} is in it twice")
            with archive.open(entry) as file:
                parts[entry.filename] = file.read(most + 1)
            most -= len(parts[entry.filename])
            if most < 0:
                raise ValueError("its parts are far larger than it")
    return parts


def read_folder(folder: Path) -> dict[str, bytes]:
    """The parts in a folder, by name, without hidden files; a `ValueError` if they are too many or too large."""
    files = [file for file in sorted(folder.iterdir()) if file.is_file() and not file.name.startswith(".")]
    if len(files) > MOST_PARTS or sum(file.stat().st_size for file in files) > MOST_BYTES:
        raise ValueError("a folder of other things, too")
    return {file.name: file.read_bytes() for file in files}


def json_of(data: bytes) -> Any:
    """Parse a JSON part; a `ValueError` if it is not JSON, too deep or too large, or has NaN or infinities."""
    if len(data) > _MOST_JSON:
        raise ValueError(f"{len(data):,} bytes of JSON")
    try:
        return json.loads(data, parse_constant=_no_number, parse_float=_number)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _number(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_number(text)


def check_model(model: Any) -> None:
    """Raise a `ValueError` if a value of `model.json` that captioning needs is missing or of another type."""
    if not isinstance(model, dict):
        raise ValueError("no table of values")
    for name, kind in _KINDS.items():
        if not isinstance(model.get(name), kind) or isinstance(model[name], bool):
            raise ValueError(f"{name} is missing, or of another type")
    if model["output"] not in get_args(EncoderOutput):
        raise ValueError(f"output {model['output']!r} is unknown")
    if model["resize"] not in get_args(ResizeMode):
        raise ValueError(f"resize {model['resize']!r} is unknown")
    if not isinstance(model["decoder"].get("kind"), str):
        raise ValueError("the decoder has no kind")
    for graph in ("start.onnx", "step.onnx"):
        names = model["graphs"].get(graph)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError(f"graphs has no list of the tensors of {graph}")
    golden = model.get("golden")
    if golden is not None and not (
        isinstance(golden, dict)
        and isinstance(golden.get("caption"), str)
        and isinstance(golden.get("score"), (int, float))
    ):
        raise ValueError("golden is no caption with its score")
    versions = model.get("versions", {})
    if not isinstance(versions, dict) or not all(isinstance(one, str) for one in versions.values()):
        raise ValueError("versions are no table of texts")
    try:
        EncoderInfo.from_json(model["encoder"])
    except JSON_ERRORS as error:
        raise ValueError(f"the encoder is not described ({error})") from error


def search_options(value: dict[str, Any]) -> SearchOptions:
    """The search settings of a bundle; an `InputError` or `ValueError` if one is of another type or out of range."""
    options: SearchOptions = fill("search", SearchOptions, value)
    if not all(isinstance(entry, str) for entry in (*options.must, *options.must_not)):
        raise ValueError("words of the search are no texts")
    return options


def number(value: Any, least: float = -1e15, most: float = 1e15) -> float:
    """A JSON number as a float; a `ValueError` if it is not a number or out of range."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise ValueError(f"{str(value)[:50]!r} is no number from {least:g} to {most:g}")
    return float(value)


def entries_of(value: Any) -> tuple[str, ...]:
    """The entries of a vocabulary; a `ValueError` if they are not a list of words."""
    if not isinstance(value, list) or len(value) > _MOST_ENTRIES:
        raise ValueError("the vocabulary is no list of words")
    for entry in value:
        if not isinstance(entry, str) or not 0 < len(entry) <= _LONGEST_ENTRY or not entry.isprintable():
            raise ValueError(f"the vocabulary has an entry that is no word: {str(entry)[:50]!r}")
    return tuple(value)


def subwords_of(value: Any) -> dict[str, Any]:
    """The arguments of a vocabulary of subwords but for its tokenizer; a `ValueError` if they are malformed."""
    names = ("size", "start", "end", "max_tokens")
    if not isinstance(value, dict):
        raise ValueError("it has no vocabulary")
    forced = value.get("forced", [])
    if not isinstance(forced, list) or len(forced) > _MOST_FORCED:
        raise ValueError("forced tokens are no short list")
    numbers = {name: value.get(name) for name in names}
    for number in (*numbers.values(), *forced):
        if type(number) is not int or not 0 <= number <= _MOST_ENTRIES:
            raise ValueError(f"the vocabulary has a number that is none: {str(number)[:50]!r}")
    return {**numbers, "forced": tuple(forced)}


def rules_of(model: Mapping[str, Any]) -> TokenRules:
    """How a model's text is split: by words in lower case, unless it says otherwise."""
    rules: TokenRules = fill("text", TokenRules, dict(table_of(dict(model), "text")))
    return rules


def tensors_of(data: bytes) -> dict[str, npt.NDArray[Any]]:
    """The tensors of a part, by name; an `InputError` if it is damaged, or holds NaN or infinities."""
    try:
        tensors: dict[str, npt.NDArray[Any]] = safetensors.numpy.load(data)
    except (safetensors.SafetensorError, *JSON_ERRORS, MemoryError) as error:
        raise InputError(f"no tensors ({error})") from error
    for name, tensor in tensors.items():
        if tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
            raise InputError(f"{name} has numbers that are none")
    return tensors
