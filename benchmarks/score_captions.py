"""Score captions with Showtell's metrics and with pycocoevalcap's, side by side: scores, differences, seconds.

    python benchmarks/score_captions.py PREDICTIONS.jsonl CAPTIONS.json --split test

PREDICTIONS.jsonl holds a line `{"name": ..., "caption": ...}` for each picture; CAPTIONS.json is Karpathy's JSON, where
a picture's name is its `filename`, or COCO's, where it is its `image_id`. pycocoevalcap's side needs that package and
Java, and is left out where Java is not. Each side runs once, from text to scores, tokenising included; on one core:
`taskset -c 0 python benchmarks/score_captions.py ...`.
"""

import argparse
import contextlib
import io
import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from showtell.errors import InputError
from showtell.metrics import score

Texts = dict[str, list[str]]


def read_predictions(path: Path) -> dict[str, str]:
    """name -> caption from a JSON Lines file; COCO's result file (a JSON list of image_id and caption) will do too."""
    text = path.read_text("utf-8")
    if text.lstrip().startswith("["):
        return {str(row["image_id"]): row["caption"] for row in json.loads(text)}
    rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    return {row["name"]: row["caption"] for row in rows}


def read_references(path: Path, split: str | None) -> Texts:
    """name -> reference captions of one split (None: of all) from Karpathy's or COCO's JSON."""
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if "annotations" in content:
        references: Texts = {}
        for annotation in content["annotations"]:
            references.setdefault(str(annotation["image_id"]), []).append(annotation["caption"])
        return references
    return {
        image["filename"]: [sentence["raw"] for sentence in image["sentences"]]
        for image in content["images"]
        if split is None or image["split"] == split
    }


def ours(references: Texts, predictions: dict[str, str]) -> dict[str, np.ndarray]:
    scores = score({name: predictions[name] for name in references}, references)
    return {
        name: np.array([of_picture[name] for of_picture in scores.per_picture.values()] + [of_corpus])
        for name, of_corpus in scores.corpus.items()
    }


def theirs(references: Texts, predictions: dict[str, str]) -> dict[str, np.ndarray]:
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    tokenizer = PTBTokenizer()
    wrapped = {name: [{"caption": caption} for caption in captions] for name, captions in references.items()}
    tokenised = tokenizer.tokenize(wrapped)
    hypotheses = tokenizer.tokenize({name: [{"caption": predictions[name]}] for name in references})
    corpus, per_picture = Bleu(4).compute_score(tokenised, hypotheses, verbose=0)
    scores = {f"BLEU-{n + 1}": np.append(per_picture[n], corpus[n]) for n in range(4)}
    for name, scorer in (("ROUGE-L", Rouge()), ("CIDEr-D", Cider())):
        corpus, per_picture = scorer.compute_score(tokenised, hypotheses)
        scores[name] = np.append(per_picture, corpus)
    return scores


def timed(score: Callable[[], dict[str, np.ndarray]]) -> tuple[dict[str, np.ndarray], float]:
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        scores = score()
    return scores, time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("predictions", type=Path, metavar="PREDICTIONS.jsonl")
    parser.add_argument("captions", type=Path, metavar="CAPTIONS")
    parser.add_argument("--split", help="Karpathy's split to score (default: all pictures of the file)")
    args = parser.parse_args()
    predictions, references = read_predictions(args.predictions), read_references(args.captions, args.split)
    missing = [name for name in references if name not in predictions]
    if missing and args.split is None:
        # Predictions of one split against a file of all: score those that are there.
        references = {name: captions for name, captions in references.items() if name in predictions}
        print(f"{len(missing)} pictures of {args.captions} have no prediction and are left out", file=sys.stderr)
    elif missing:
        raise InputError(f"{args.predictions}: {len(missing)} pictures have no prediction, such as {missing[0]!r}")
    if not references:
        raise InputError(f"{args.predictions}: no picture of {args.captions} has a prediction here")
    scores, seconds = timed(lambda: ours(references, predictions))
    print(f"{len(references)} pictures, {sum(map(len, references.values()))} references")
    if shutil.which("java") is None:
        print("no java here: pycocoevalcap's side is left out")
        for name, values in scores.items():
            print(f"{name:<8} {values[-1]:.4f}")
        print(f"seconds  {seconds:.2f}")
        return 0
    reference_scores, reference_seconds = timed(lambda: theirs(references, predictions))
    print(f"{'':<8} {'showtell':>10} {'pycocoevalcap':>14} {'difference':>11} {'largest of one picture':>23}")
    for name, values in scores.items():
        gap = np.abs(values - reference_scores[name])
        print(f"{name:<8} {values[-1]:>10.4f} {reference_scores[name][-1]:>14.4f} {gap[-1]:>11.1e} {gap.max():>23.1e}")
    print(f"{'seconds':<8} {seconds:>10.2f} {reference_seconds:>14.2f} {reference_seconds / seconds:>10.1f}x")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InputError as error:
        sys.exit(f"error: {error}")
