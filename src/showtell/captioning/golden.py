"""A bundle's golden caption: recording it in a bundle, and checking that the model still gives it."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from PIL import Image, ImageDraw

from showtell.captioning.captioner import Captioner
from showtell.errors import BundleError
from showtell.files import json_bytes
from showtell.models.bundle import write_bundle
from showtell.models.card import with_section
from showtell.models.versions import differences, versions_to_record

_NO_SECTIONS: Mapping[str, str] = MappingProxyType({})

SCORE_TOLERANCE = 0.02
"""Processors and releases of ONNX Runtime differ in the last bits of float32, and the score of a sentence sums these
differences.
"""


@dataclass(frozen=True, slots=True)
class Replay:
    """The caption that the model gives now, its score, and the score that the bundle records."""

    text: str
    score: float
    recorded_score: float


def golden(captioner: Captioner) -> dict[str, Any]:
    """The value of `golden` in `model.json`: the model's caption of the golden picture, with its score."""
    caption = captioner.caption(captioner.bundle.parts["golden.png"])
    return {"caption": caption.text, "score": caption.score}


def finish(
    path: str | Path,
    parts: Mapping[str, bytes],
    model: Mapping[str, Any] | None = None,
    *,
    sections: Mapping[str, str] = _NO_SECTIONS,
) -> None:
    """Write a bundle with its own golden caption, the versions that gave it, its card and its checksums.

    Arguments:
        path: the file to write; it may be the one that the parts come from.
        parts: the bundle's parts, in the order of the file.
        model: the values for `model.json`; None for those in `parts`.
        sections: Markdown sections of the model card by heading; they replace sections with the same heading.
    """
    whole = dict(parts)
    for heading, text in sections.items():
        whole["README.md"] = with_section(whole["README.md"].decode(), heading, text).encode()
    if model is not None:
        whole["model.json"] = json_bytes(model)
    described = json.loads(whole["model.json"])
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "draft.showtell"
        write_bundle(draft, whole)
        now = golden(Captioner(draft))
    if now != described.get("golden"):
        versions = versions_to_record(described.get("versions", {}))
        whole["model.json"] = json_bytes(described | {"golden": now, "versions": versions})
    write_bundle(path, whole)


def replay(captioner: Captioner) -> Replay:
    """Caption the golden picture again.

    Raises:
        BundleError: the words differ, or the scores differ by more than `SCORE_TOLERANCE`.
    """
    bundle = captioner.bundle
    if "golden" not in bundle.model:
        raise BundleError(f"{bundle.path}: has no golden caption to compare with")
    recorded = bundle.model["golden"]
    now = golden(captioner)
    if now["caption"] != recorded["caption"] or abs(now["score"] - recorded["score"]) > SCORE_TOLERANCE:
        differing = [f"{name} {there}, here {here}" for name, (there, here) in differences(bundle.versions).items()]
        cause = f"made with {'; '.join(differing)}" if differing else "another ONNX Runtime, or a faulty machine"
        raise BundleError(
            f"{bundle.path}: says {now['caption']!r} ({now['score']:.4f}) of its golden picture, not "
            f"{recorded['caption']!r} ({recorded['score']:.4f}): {cause}"
        )
    return Replay(now["caption"], now["score"], recorded["score"])


def draw_golden(size: int = 256) -> Image.Image:
    """Draw the golden picture, which verifies every bundle: a beach of rectangles, an ellipse and a polygon."""
    picture = Image.new("RGB", (size, size), (120, 180, 235))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, size * 5 // 9, size, size), fill=(40, 110, 180))
    draw.rectangle((0, size * 7 // 9, size, size), fill=(225, 200, 140))
    draw.ellipse((size * 6 // 9, size // 12, size * 8 // 9, size // 12 + size * 2 // 9), fill=(255, 225, 90))
    draw.polygon([(size // 5, size * 5 // 9), (size // 3, size // 4), (size // 3, size * 5 // 9)], fill=(250, 250, 250))
    draw.rectangle((size // 6, size * 5 // 9, size * 3 // 7, size * 3 // 5), fill=(150, 60, 40))
    return picture
