"""Model bundles of one encoder -> one bundle whose decoder averages theirs: an ensemble as a single model.

The graphs of all decoders stand side by side in one graph, their tensors prefixed by `0.`, `1.` and so on, and the
logits are the logarithm of the mean of their probabilities (as in `showtell.models.ensemble`). A decoder that takes
pooled embeddings may stand beside one that takes grids: it is then given the mean of the cells.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import safetensors.numpy

from showtell.captioning.golden import finish
from showtell.errors import BundleError, InputError, require
from showtell.models.bundle import CALIBRATION_PARTS, Bundle, read_bundle
from showtell.models.card import model_card
from showtell.models.ensemble import check_fit
from showtell.models.names import find_model


def merge(models: Sequence[str | Path], out: str | Path, *, name: str | None = None) -> None:
    """Write one bundle of the decoders of several.

    It has the encoder, the search settings and the tags of the first model that takes grids, or else of the first. It
    has no calibration, which is of one decoder alone: `showtell calibrate` fits one.

    Arguments:
        models: bundles, or names of models, with one encoder and one vocabulary; at least two.
        out: the file to write.
        name: the new model's name; None for the stem of `out`.

    Raises:
        InputError: fewer than two models.
        BundleError: encoders, vocabularies or ways of making pictures square differ.
        MissingExtra: the package onnx is not installed.
    """
    require("onnx", extra="onnx", what="showtell merge")
    from showtell.onnx_graphs.merging import merged_start, merged_step

    if len(models) < 2:
        raise InputError("one model cannot be merged: name two or more")
    target = Path(out)
    bundles = [read_bundle(find_model(model)) for model in models]
    check_fit(bundles, any_output=True)
    main = next((bundle for bundle in bundles if bundle.model["output"] == "grid"), bundles[0])
    pooled = [bundle.model["output"] == "pooled" != main.model["output"] for bundle in bundles]
    tensors = {
        f"{number}.{key}": tensor
        for number, bundle in enumerate(bundles)
        for key, tensor in safetensors.numpy.load(bundle.parts["weights.safetensors"]).items()
    }
    parts = {key: part for key, part in main.parts.items() if key not in CALIBRATION_PARTS}
    parts["start.onnx"] = merged_start([bundle.parts["start.onnx"] for bundle in bundles], pooled)
    parts["step.onnx"] = merged_step([bundle.parts["step.onnx"] for bundle in bundles])
    parts["weights.safetensors"] = safetensors.numpy.save(tensors)
    described = _described(bundles, main, name or target.stem)
    parts["README.md"] = model_card(described).encode()
    finish(target, parts, described, sections={"Ensemble": _section(bundles)})


def _described(bundles: Sequence[Bundle], main: Bundle, name: str) -> dict[str, Any]:
    """The values of `model.json`."""
    members = [bundle.model["decoder"] | {"name": bundle.name} for bundle in bundles]
    if any("members" in member for member in members):
        raise BundleError("a merged model cannot be merged again: merge its members in one go")
    graphs = {
        graph: [f"{i}.{key}" for i, bundle in enumerate(bundles) for key in bundle.model["graphs"][graph]]
        for graph in main.model["graphs"]
    }
    return main.model | {
        "format": max(bundle.model["format"] for bundle in bundles),
        "name": name,
        "decoder": {"kind": "ensemble", "members": members},
        "graphs": graphs,
    }


def _section(bundles: Sequence[Bundle]) -> str:
    """What the model card says of it, as Markdown."""
    lines = [f"- {bundle.name}: {bundle.model['decoder']['kind']}" for bundle in bundles]
    what = "The decoder averages the probabilities of the next word of these models, which share the encoder:"
    return "\n".join(
        [what, "", *lines, "", "The scores above are of the first of them that takes grids, or of the first."]
    )
