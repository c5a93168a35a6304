"""A folder in Hugging Face's layout -> the parts of a bundle of format 3."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import safetensors.numpy

from showtell._version import __version__
from showtell.captioning.golden import draw_golden
from showtell.encoders.runtime import METADATA_KEY, EncoderInfo
from showtell.errors import InputError, require
from showtell.files import json_bytes, read_json
from showtell.images.preprocessing import Preprocessing
from showtell.models.bundle import SUBWORD_FORMAT
from showtell.pretrained.families.base import Model, Parts
from showtell.pretrained.graph import Graph, Precision
from showtell.pretrained.processor import preprocessing_of
from showtell.pretrained.registry import family_of
from showtell.pretrained.steps import step_graphs
from showtell.pretrained.weights import Weights, files_of

_RULES = 1
"""Changes when the graphs of the same weights change, so that stores of embeddings are not mixed."""
_MOST_TOKENS = 64
"""Tokens of a sentence if the model's own limit is higher; no caption needs more."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model comes from: its name, revision and licence as the hub states them; empty where unknown."""

    name: str
    revision: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Converted:
    """A bundle's parts but for `README.md`, and its `model.json`."""

    parts: Mapping[str, bytes]
    model: Mapping[str, Any]


def convert(folder: Path, source: Source, precision: Precision, detail: str = "") -> Converted:
    """Convert a pretrained captioner.

    Arguments:
        folder: `config.json`, safetensors, `tokenizer.json` and `preprocessor_config.json`.
        source: where it comes from.
        precision: how matrices are stored; those in int8 are multiplied in int8.
        detail: one of the model's tasks; empty for its first one.

    Raises:
        MissingExtra: the package onnx or tokenizers is not installed.
        InputError: a file is missing or malformed, or the model is of a kind that is not known.
    """
    require("onnx", extra="import", what="showtell import")
    config = _json(folder, "config.json")
    generation = _json(folder, "generation_config.json", optional=True)
    config = generation | {name: value for name, value in config.items() if value is not None}
    family = family_of(config.get("model_type"), str(folder))
    weights = Weights.read(folder)
    tokenizer, preprocessing = _tokenizer(folder), preprocessing_of(folder)
    try:
        parts = family.read(Model(config, weights, preprocessing.size, _pieces(tokenizer)))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"{folder}: its config.json does not fit its weights ({error})") from error
    if parts.size != preprocessing.size:
        raise InputError(
            f"{folder}: its processor makes pictures of {preprocessing.size} pixels, its tower takes {parts.size}"
        )
    prepare = _task(parts, detail, folder)
    info = _info(folder, source, parts, precision, preprocessing)
    steps = step_graphs(parts.decoder, parts.tokens, precision, prepare=prepare, prefix=parts.prefix)
    model = {
        **_described(config, generation, source, parts, info),
        "decoder": {
            "kind": f"transformers:{family.model_type}",
            "precision": precision,
            "bytes_per_picture": _bytes_per_picture(parts),
        },
        "graphs": {name: names for name, (_, names) in steps.graphs.items()},
    }
    files = {
        "model.json": json_bytes(model),
        "tokenizer.json": tokenizer,
        "encoder.onnx": _tower(parts, info, precision),
        "weights.safetensors": safetensors.numpy.save(dict(sorted(steps.weights.items()))),
        "golden.png": _golden(),
        **{name: graph for name, (graph, _) in steps.graphs.items()},
    }
    return Converted(files, model)


def _described(
    config: Mapping[str, Any], generation: Mapping[str, Any], source: Source, parts: Parts, info: EncoderInfo
) -> dict[str, Any]:
    """What model.json says besides the decoder and its graphs."""
    return {
        "format": SUBWORD_FORMAT,
        "name": source.name.rpartition("/")[2],
        "showtell": __version__,
        "encoder": info.to_json(),
        "output": "grid",
        "resize": info.preprocessing.resize,
        "vocabulary": {
            "size": len(parts.decoder.head.weight),
            "start": parts.start,
            "end": parts.end,
            "max_tokens": _max_tokens(config, generation, parts),
            "forced": list(parts.forced),
        },
        "search": _search(config, generation, parts),
        "source": {"name": source.name, "revision": source.revision, "licence": source.licence},
    }


def _json(folder: Path, name: str, *, optional: bool = False) -> dict[str, Any]:
    if not (folder / name).is_file():
        if optional:
            return {}
        raise InputError(f"{folder}: has no {name}: give the folder of a model in Hugging Face's layout")
    value = read_json(folder / name)
    if not isinstance(value, dict):
        raise InputError(f"{folder / name}: is no table of values")
    return value


def _tokenizer(folder: Path) -> bytes:
    if not (folder / "tokenizer.json").is_file():
        raise InputError(
            f"{folder}: has no tokenizer.json: write one with Transformers: "
            "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)"
        )
    return (folder / "tokenizer.json").read_bytes()


def _pieces(tokenizer: bytes) -> Callable[[str], list[int]]:
    require("tokenizers", extra="import", what="showtell import")
    from tokenizers import Tokenizer

    read = Tokenizer.from_buffer(tokenizer)
    return lambda text: list(read.encode(text, add_special_tokens=False).ids)


def _task(parts: Parts, detail: str, folder: Path) -> Any:
    if not detail:
        return next(iter(parts.details.values()), parts.prepare)
    if detail not in parts.details:
        known = f"choose one of {', '.join(parts.details)}" if parts.details else "this model has one task only"
        raise InputError(f"{folder}: has no task {detail!r}: {known}")
    return parts.details[detail]


def _info(
    folder: Path, source: Source, parts: Parts, precision: Precision, preprocessing: Preprocessing
) -> EncoderInfo:
    digest = hashlib.sha256()
    for file in files_of(folder):
        with file.open("rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    digest.update((folder / "config.json").read_bytes())

    def fingerprint(kind: str) -> str:
        return hashlib.sha256(digest.digest() + f"{kind} {_RULES}".encode()).hexdigest()

    length, width = parts.tokens
    return EncoderInfo(
        name=f"hf:{source.name}",
        fingerprint=fingerprint(precision),
        dim=width,
        cells=length,
        preprocessing=preprocessing,
        licence=source.licence,
        source=f"{source.name}@{source.revision}" if source.revision else source.name,
        precision="int8" if precision == "int8" else "float32",
        float32_fingerprint=fingerprint("float32") if precision == "int8" else "",
    )


def _tower(parts: Parts, info: EncoderInfo, precision: Precision) -> bytes:
    graph = Graph(precision, external=False)
    grid = graph.reshape(parts.tower(graph), -1, *parts.tokens)
    shape: list[int | str] = ["B", 3, parts.size, parts.size]
    model = graph.finish([("picture", "float", shape)], [("grid", "float", grid)])
    model.metadata_props.add(key=METADATA_KEY, value=json.dumps(info.to_json(), sort_keys=True))
    serialized: bytes = model.SerializeToString(deterministic=True)
    return serialized


def _golden() -> bytes:
    buffer = BytesIO()
    draw_golden().save(buffer, "PNG")
    return buffer.getvalue()


def _setting(name: str, *where: Mapping[str, Any]) -> Any:
    return next((one[name] for one in where if one.get(name) is not None), None)


def _max_tokens(config: Mapping[str, Any], generation: Mapping[str, Any], parts: Parts) -> int:
    """The model's own limit, at most `_MOST_TOKENS` and what its embeddings of positions allow."""
    new = _setting("max_new_tokens", generation, config)
    total = _setting("max_length", generation, config, config.get("decoder") or {}, config.get("text_config") or {})
    own = new if isinstance(new, int) else total - 1 if isinstance(total, int) else 20
    room = len(parts.decoder.positions) - 1 - len(parts.forced)
    return max(1, min(own, _MOST_TOKENS, room))


def _bytes_per_picture(parts: Parts) -> int:
    """The size of a picture's keys and values in all layers."""
    keys = sum(len((block.cross or block.attention).key.weight) for block in parts.decoder.stack.blocks)
    return 2 * 4 * keys * parts.tokens[0]


def _search(config: Mapping[str, Any], generation: Mapping[str, Any], parts: Parts) -> dict[str, Any]:
    """Search settings: those that the model was published with, or a beam of 3."""
    where = (generation, config, config.get("decoder") or {})
    beams, penalty = _setting("num_beams", *where), _setting("length_penalty", *where)
    return {
        "beam": beams if isinstance(beams, int) and beams > 1 else 3,
        "max_length": _max_tokens(config, generation, parts),
        "length_penalty": max(0.0, float(penalty)) if isinstance(penalty, (int, float)) else 1.0,
    }
