"""`model.json` of a pretrained captioner's bundle -> its model card, in Markdown."""

from collections.abc import Mapping
from typing import Any

from showtell.pretrained.check import PrecisionAgreement

PRECISIONS = {
    "int8": "int8, a scale for each output; activations are rounded as they come",
    "float16": "16 bits; everything is computed in float32",
    "float32": "float32",
}


def card_of(model: Mapping[str, Any], agreement: PrecisionAgreement | None) -> str:
    """The card."""
    source, licence = model["source"], model["source"]["licence"]
    revision = f", revision `{source['revision']}`" if source["revision"] else ""
    lines = [
        f"# {model['name']}",
        "",
        f"- Made from `{source['name']}`{revision}, by `showtell import`; Showtell did not train it",
        f"- Licence of these weights: {licence or 'not stated where they come from'}",
        f"- Family: {model['decoder']['kind'].removeprefix('transformers:')}; matrices are stored in "
        f"{PRECISIONS[model['decoder']['precision']]}",
        f"- Pictures are made square by `{model['resize']}`, as its own processor does it",
        "- Not calibrated: probabilities are the model's own, and captions have no confidence until "
        "`showtell calibrate` has run",
        f"- Made by showtell {model['showtell']}",
    ]
    if agreement is not None:
        lines += ["", "## Check", "", agreement.text]
    return "\n".join(lines) + "\n"
