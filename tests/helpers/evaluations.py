"""An evaluation as a small model may have it, for tests of what is made of it; nothing in it is random."""

import numpy as np
from PIL import Image

from showtell.evaluation import EvaluatedPicture, Evaluation, Figure, TrainingCaption

_SUBJECTS = ("a dog", "two men", "a young girl in a red shirt", "a black and white cat")
_PLACES = ("in the grass", "on a very long wooden bench by the sea", "in the snow")


def an_evaluation(
    count: int = 60, *, name: str = "{}.jpg", said: str = "{}", model: str = "tiny", calibrated: bool = False
) -> Evaluation:
    """`count` pictures, the later the better and the surer; every third is a copy, every sixth to the word."""
    pictures = []
    for i in range(count):
        caption = said.format(f"{_SUBJECTS[i % 4]} is {_PLACES[i % 3]}")
        words = tuple((word, ((7 * i + 3 * j) % 10 + 0.5) / 10) for j, word in enumerate(caption.split()))
        copied = None
        if i % 3 == 0:
            learnt = caption if i % 6 == 0 else f"{caption} today"
            copied = TrainingCaption(learnt, name.format(f"learnt{i}"), i % 6 // 3, 1 + i // 6)
        scores = dict.fromkeys(("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L"), i / count)
        references = tuple(said.format(f"{subject} sits {_PLACES[i % 3]} .") for subject in _SUBJECTS[: 1 + i % 4])
        score = -2 + i / count
        confidence, unfamiliar = ((i + 0.5) / count, i == 0) if calibrated else (None, None)
        cider = {"CIDEr-D": 4 * i / count}
        said_of_it = (score, confidence, unfamiliar, words, references)
        pictures.append(EvaluatedPicture(name.format(i), caption, *said_of_it, scores | cider, copied))
    figures = {
        "BLEU-4": Figure(0.2, 0.19, 0.21),
        "CIDEr-D": Figure(0.52, 0.48, 0.56),
        "perplexity": Figure(17.5, 16.0, 19.0),
        "copied": Figure(1 / 6, 0.1, 0.2),
        "distinct": Figure(12 / count),
        "rank_correlation": Figure(0.9),
    }
    return Evaluation(model, "val", "tok:ptb|refs:1-4", 2535, figures, tuple(pictures), (("bad.jpg", "broken"),))


def a_picture(name: str) -> Image.Image:
    """A picture of its own for every name, wider than high."""
    rng = np.random.default_rng(sum(name.encode()))
    small = rng.integers(0, 255, (3, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((320, 240), Image.Resampling.BICUBIC)


def epochs(count: int = 12) -> list[dict[str, float]]:
    """Lines of a `metrics.jsonl`; the last third is of a stage that has no training loss."""
    lines = []
    for i in range(count):
        line = {"epoch": i + 1, "val_loss": 3 - i / 20, "val_accuracy": 0.3 + i / 100}
        line |= {"bleu_4": 0.1 + i / 100, "cider_d": 0.2 + i / 40, "seconds": 9.0}
        if i < 2 * count // 3:
            line |= {"train_loss": 4 - i / 10, "train_accuracy": 0.25 + i / 50}
        lines.append(line)
    return lines
