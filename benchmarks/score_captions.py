"""Score captions with Showtell's metrics and with pycocoevalcap's, side by side: scores, differences, seconds.

    taskset -c 0 python benchmarks/score_captions.py PREDICTIONS REFERENCES --runs 5

The files are those of `showtell score`. A run goes from text to scores, tokenizing included, once on each side, one
right after the other, so that other work slows down both; what counts is the ratio within a run. Reading the files and
importing packages are not counted. Java's start is, because every user pays for it. pycocoevalcap's side needs that
package and Java, and is left out where Java is missing.
"""

import argparse
import contextlib
import io
import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from showtell.data.captions.caption_set import read_captions
from showtell.data.captions.predictions import Pairs, pair, read_predictions
from showtell.errors import InputError
from showtell.metrics import score

Columns = dict[str, np.ndarray]
"""By metric, the score of each picture, and the corpus's last."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds by the clock, and seconds that processors worked, Java's included."""

    clock: float
    work: float


def ours(pairs: Pairs) -> Columns:
    scores = score(pairs.captions, pairs.references)
    return {
        name: np.array([of_picture[name] for of_picture in scores.per_picture.values()] + [of_corpus])
        for name, of_corpus in scores.corpus.items()
    }


def theirs(pairs: Pairs) -> Columns:
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    tokenizer = PTBTokenizer()
    references = tokenizer.tokenize(wrapped(pairs.references))
    hypotheses = tokenizer.tokenize(wrapped({name: [pairs.captions[name]] for name in pairs.references}))
    corpus, per_picture = Bleu(4).compute_score(references, hypotheses, verbose=0)
    scores = {f"BLEU-{n + 1}": np.append(per_picture[n], corpus[n]) for n in range(4)}
    for name, scorer in (("ROUGE-L", Rouge()), ("CIDEr-D", Cider())):
        corpus, per_picture = scorer.compute_score(references, hypotheses)
        scores[name] = np.append(per_picture, corpus)
    return scores


def wrapped(captions: Mapping[str, Sequence[str]]) -> dict[str, list[dict[str, str]]]:
    return {name: [{"caption": text} for text in texts] for name, texts in captions.items()}


def timed(side: Callable[[Pairs], Columns], pairs: Pairs) -> tuple[Columns, Timing]:
    before, start = os.times(), time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        scores = side(pairs)
    clock, after = time.perf_counter() - start, os.times()
    return scores, Timing(clock, sum(after[:4]) - sum(before[:4]))


def compare(scores: Columns, reference: Columns) -> None:
    print(f"{'':<8} {'showtell':>10} {'pycocoevalcap':>14} {'largest difference':>19} {'relative':>9}")
    for name, values in scores.items():
        gap = np.abs(values - reference[name])
        relative = (gap / np.where(reference[name] == 0, 1, np.abs(reference[name]))).max()
        print(f"{name:<8} {values[-1]:>10.6f} {reference[name][-1]:>14.6f} {gap.max():>19.1e} {relative:>9.1e}")


def summary(name: str, unit: str, values: Sequence[float]) -> str:
    return f"{name:<28} {statistics.median(values):>7.2f}{unit}  ({min(values):.2f} to {max(values):.2f})"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("predictions", type=Path, metavar="PREDICTIONS")
    parser.add_argument("references", type=Path, metavar="REFERENCES")
    parser.add_argument("--split", help="only references of this split")
    parser.add_argument("--runs", type=int, default=5, help="paired runs (default: 5)")
    args = parser.parse_args()
    known = read_captions(args.references)
    pairs = pair(read_predictions(args.predictions), known.only(args.split) if args.split else known, partial=True)
    print(f"{len(pairs.captions)} pictures, {sum(map(len, pairs.references.values()))} references")
    if shutil.which("java") is None:
        print("no java here: pycocoevalcap's side is left out")
        print(summary("showtell, by the clock", " s", [timed(ours, pairs)[1].clock for _ in range(args.runs)]))
        return 0
    import pycocoevalcap.cider.cider  # noqa: F401  so that its first import is in no run

    runs = [(timed(ours, pairs), timed(theirs, pairs)) for _ in range(args.runs)]
    (scores, _), (reference, _) = runs[0]
    compare(scores, reference)
    print(f"\nmedian of {args.runs} paired runs (least to most)")
    mine, others = [timing for (_, timing), _ in runs], [timing for _, (_, timing) in runs]
    print(summary("showtell, by the clock", " s", [timing.clock for timing in mine]))
    print(summary("pycocoevalcap, by the clock", " s", [timing.clock for timing in others]))
    print(summary("ratio by the clock", " x", [b.clock / a.clock for a, b in zip(mine, others, strict=True)]))
    print(summary("ratio of work", " x", [b.work / a.work for a, b in zip(mine, others, strict=True)]))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InputError as error:
        sys.exit(f"error: {error}")
