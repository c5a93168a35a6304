"""Metrics: BLEU, ROUGE-L and CIDEr-D of captions with five references each, from text to scores.

The sentences are those of the drawn data set of shapes. pycocoevalcap's side needs Java for its tokenizer.
"""

import contextlib
import io
import shutil
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path

import score_captions
from showtell.data.captions.predictions import Pairs
from showtell.data.synthetic.shapes import Shapes, ShapesOptions


def ours(pictures: Sequence[Path]) -> Callable[[int], None]:
    """showtell.metrics."""
    return scoring(score_captions.ours)


def theirs(pictures: Sequence[Path]) -> Callable[[int], None]:
    """pycocoevalcap, the COCO evaluation code."""
    import pycocoevalcap.cider.cider  # noqa: F401  or an ImportError says that it is missing

    if shutil.which("java") is None:
        raise FileNotFoundError("pycocoevalcap needs Java, and there is none")
    return scoring(score_captions.theirs)


def scoring(side: Callable[[Pairs], object]) -> Callable[[int], None]:
    def work(count: int) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            side(drawn(count))

    return work


def drawn(count: int) -> Pairs:
    """So many pictures: each one's caption is the first of the next picture's, its references are its own."""
    known = Shapes(ShapesOptions()).captions().captions
    names = list(islice(cycle(known), count + 1))
    texts = [known[name] for name in names]
    captions = {f"{i}": texts[i + 1][0] for i in range(count)}
    return Pairs(captions, {f"{i}": tuple(texts[i]) for i in range(count)}, {f"{i}": f"{i}" for i in range(count)})
