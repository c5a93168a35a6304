"""Captions of check pictures by the same model in float32 and in the precision of its bundle: how far they agree."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from showtell.captioning.captioner import Captioner
from showtell.captioning.confidence.sentence_confidence import sentence_log_probs
from showtell.captioning.golden import draw_golden
from showtell.data.sources.base import Pictures
from showtell.errors import PictureError
from showtell.images.decode import Picture
from showtell.images.preprocessing import fitted
from showtell.progress import bar
from showtell.search import search

_AT_ONCE = 4
_EXAMPLES = Path(__file__).parents[3] / "examples" / "photos"


@dataclass(frozen=True, slots=True)
class PrecisionAgreement:
    """How captions of a bundle compare with those of float32, on a number of pictures.

    `difference` is the mean absolute difference of the log-probabilities that the two give to the tokens of the
    captions of float32, in nats.
    """

    pictures: int
    identical: int
    difference: float

    @property
    def text(self) -> str:
        """One sentence."""
        return (
            f"On {self.pictures} check pictures {self.identical} captions are those of float32 "
            f"({self.identical / max(1, self.pictures):.0%}); log-probabilities differ by {self.difference:.4f} nats "
            "a token on average."
        )


def compare(exact: Path, bundle: Path, pictures: Sequence[Picture], *, show: bool = True) -> PrecisionAgreement:
    """Caption pictures with both bundles by their own search."""
    one, other = Captioner(exact), Captioner(bundle)
    options, vocabulary = one.generator.search_defaults, one.bundle.vocabulary
    count = identical = 0
    differences: list[float] = []
    with bar("checking", len(pictures), "pictures", show=show) as tick:
        for begin in range(0, len(pictures), _AT_ONCE):
            squares = np.stack([fitted(p, one.encoder.info.preprocessing) for p in pictures[begin : begin + _AT_ONCE]])
            embeddings = [captioner.embed(squares) for captioner in (one, other)]
            decoders = [captioner.generator.decoder for captioner in (one, other)]
            pairs = list(zip(decoders, embeddings, strict=True))
            found = [search(decoder, own, vocabulary, options) for decoder, own in pairs]
            tokens = [best.tokens for best, *_ in found[0]]
            identical += sum(best.tokens == same for (best, *_), same in zip(found[1], tokens, strict=True))
            both = [sentence_log_probs(decoder, own, tokens, vocabulary) for decoder, own in pairs]
            for before, after in zip(*both, strict=True):
                differences.append(float(np.abs(before - after).mean()))
            count += len(squares)
            tick(len(squares))
    return PrecisionAgreement(count, identical, float(np.mean(differences)) if differences else 0.0)


def check_pictures(pictures: Pictures | None) -> list[Picture]:
    """The given pictures; otherwise the example photographs where they lie beside the package, or drawn pictures.

    Raises:
        PictureError: none of the given pictures can be read.
    """
    if pictures is not None:
        found: list[Picture] = [picture.data for picture in pictures.read() if picture.data]
        if not found:
            raise PictureError(f"{pictures}: no picture could be read to check captions on")
        return found
    if photos := sorted(_EXAMPLES.glob("*.jpg")):
        return list(photos)
    return list(_drawn())


def _drawn() -> Iterator[Picture]:
    """The golden picture and parts of it."""
    picture = draw_golden()
    side = picture.width
    yield picture
    for at in range(3):
        for down in range(3):
            left, top = at * side // 4, down * side // 4
            yield picture.crop((left, top, left + side // 2, top + side // 2))
