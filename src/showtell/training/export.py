"""A trained decoder and its encoder -> a model bundle."""

import dataclasses
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import safetensors.numpy
from onnx import TensorProto, helper, numpy_helper

from showtell._version import __version__
from showtell.captioning.golden import draw_golden, finish
from showtell.captioning.tags import ClassHead, Tagger
from showtell.captioning.tags.tagger import tagger_of
from showtell.decoders.base import Decoder
from showtell.decoders.export import decoder_graphs
from showtell.encoders import classifier
from showtell.encoders.runtime import Encoder
from showtell.files import json_bytes
from showtell.models.bundle import FORMAT, INT8_FORMAT, Bundle
from showtell.models.card import model_card
from showtell.quantization.int8_matmul import multiply_in_int8
from showtell.quantization.int8_weights import int8_names, pack
from showtell.text import Vocabulary
from showtell.text.rules import WORDS
from showtell.training.recipe import Recipe


def export_bundle(
    path: Path,
    recipe: Recipe,
    decoder: Decoder,
    vocabulary: Vocabulary,
    encoder_graph: bytes,
    scores: Mapping[str, Any],
    counts: Mapping[str, int],
    start: Bundle | None = None,
    english: bool = True,
) -> None:
    """Write the bundle of a trained decoder.

    Arguments:
        path: the bundle's file.
        recipe: the recipe of the model; all of it goes into `model.json`.
        decoder: the decoder, in evaluation mode.
        vocabulary: the decoder's.
        encoder_graph: the serialized ONNX graph of the recipe's encoder.
        scores: figures of the exported weights on the validation split.
        counts: sizes of the splits, for the model card.
        start: the model whose encoder this is, with its tags; None for the encoder that the recipe names.
        english: whether its captions are in the language of tags; others get none.

    Weights are stored in float16, which changes log-probabilities by about 1e-3, or in int8, as the recipe says.
    """
    encoder = Encoder(encoder_graph, resize=recipe.encoder.resize)
    graphs = decoder_graphs(decoder, encoder.info.shape(recipe.encoder.output))
    used = {name for _, names in graphs.values() for name in names}  # of tied tensors, the one that a graph uses
    tensors = {name: tensor.detach().numpy() for name, tensor in decoder.state_dict().items() if name in used}
    in_int8 = recipe.export.weights == "int8"
    weights = {name: _half(tensor) for name, tensor in (pack(tensors) if in_int8 else tensors).items()}
    if in_int8:
        graphs["step.onnx"] = multiply_in_int8(graphs["step.onnx"][0], int8_names(weights))
    model = {
        **({"text": dataclasses.asdict(vocabulary.rules)} if vocabulary.rules != WORDS else {}),
        "format": INT8_FORMAT if in_int8 else FORMAT,
        "name": recipe.name,
        "showtell": __version__,
        "decoder": {"kind": recipe.decoder_kind, "options": dataclasses.asdict(recipe.decoder)},
        "encoder": encoder.info.to_json(),
        "output": recipe.encoder.output,
        "resize": recipe.encoder.resize,
        "specials": {"pad": vocabulary.pad, "unk": vocabulary.unk, "start": vocabulary.start, "end": vocabulary.end},
        "graphs": {name: names for name, (_, names) in graphs.items()},
        "search": recipe.search.to_json(),
        "card": dataclasses.asdict(recipe.card),
        "data": dict(counts),
        "scores": dict(scores),
        "recipe": recipe.to_json(),
    }
    parts = {
        "vocabulary.json": json_bytes(list(vocabulary.entries)),
        "encoder.onnx": halve_weights(encoder_graph) if start is None else encoder_graph,
        **{name: graph for name, (graph, _) in graphs.items()},
        "weights.safetensors": safetensors.numpy.save(weights),
        "golden.png": _golden_picture(),
        **_tag_parts(recipe.encoder.name, encoder.info.dim, start, english),
    }
    finish(path, {"model.json": b"", "README.md": model_card(model).encode(), **parts}, model)


def _golden_picture() -> bytes:
    picture = io.BytesIO()
    draw_golden().save(picture, format="png")
    return picture.getvalue()


def _tag_parts(encoder: str, dim: int, start: Bundle | None, english: bool) -> dict[str, bytes]:
    """The classifier that the encoder was trained with, if one is known, or that of the model that gave the encoder."""
    if not english:
        return {}
    if start is not None:
        return _tags_of(start)
    found = classifier(encoder)
    return Tagger(ClassHead.of(*found)).to_parts() if found and found[0].shape[1] == dim else {}


def _tags_of(bundle: Bundle) -> dict[str, bytes]:
    """The parts of a model's tags, without what was fitted to them on other pictures."""
    tagger = tagger_of(bundle)
    return dataclasses.replace(tagger, calibration=None).to_parts() if tagger else {}


def halve_weights(graph: bytes) -> bytes:
    """Store a graph's float32 matrices and kernels as float16 and cast them before use; ONNX Runtime folds the casts.

    Vectors stay in float32: they are small, and some are variances outside of float16's range.
    """
    model = onnx.load_from_string(graph)
    casts = []
    for initializer in model.graph.initializer:
        size = np.prod(initializer.dims)
        if initializer.data_type != TensorProto.FLOAT or size < 16 or size == max(initializer.dims):
            continue
        name = initializer.name
        initializer.CopyFrom(numpy_helper.from_array(_half(numpy_helper.to_array(initializer)), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised


def _half(array: Any) -> Any:
    return array.astype(np.float16) if array.dtype == np.float32 and array.size >= 16 else array
