"""Replay a bundle's golden picture."""

from dataclasses import dataclass

from showtell.captioner import Captioner
from showtell.errors import BundleError

SCORE_TOLERANCE = 0.02
"""Processors and releases of ONNX Runtime differ in the last bits of float32, which a sentence adds up."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What the model says of its golden picture now, and the score that was recorded when it was made."""

    text: str
    score: float
    recorded_score: float


def replay(captioner: Captioner) -> Replay:
    """Caption the golden picture again.

    Raises:
        BundleError: the words differ, or the score does by more than `SCORE_TOLERANCE`.
    """
    bundle = captioner.bundle
    if "golden" not in bundle.model:
        raise BundleError(f"{bundle.path}: has no golden caption to compare with")
    recorded = bundle.model["golden"]
    caption = captioner.caption(bundle.parts["golden.png"])
    if caption.text != recorded["caption"] or abs(caption.score - recorded["score"]) > SCORE_TOLERANCE:
        raise BundleError(
            f"{bundle.path}: says {caption.text!r} ({caption.score:.4f}) of its golden picture, not "
            f"{recorded['caption']!r} ({recorded['score']:.4f}): another ONNX Runtime, or a faulty machine"
        )
    return Replay(caption.text, caption.score, recorded["score"])
