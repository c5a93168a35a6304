"""An evaluation -> what a report shows of it: best, worst and random pictures, suspicious copies, and counts."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from showtell.evaluation import EvaluatedPicture, Evaluation
from showtell.metrics.bootstrap import mean_interval
from showtell.text import tokenize
from showtell.visualization.charts import Spread

JUDGE = "CIDEr-D"
"""The metric that pictures are ranked by."""
_FEWEST = 10  # the mean of fewer pictures says too little to be drawn


@dataclass(frozen=True, slots=True)
class ChosenPictures:
    """Pictures to show: `best` and `worst` by CIDEr-D, `drawn` at random from the others, and suspicious `copies`.

    Of pictures with equal scores, those with the highest confidence count as worst. Exact copies come before those that
    differ in one word, and longer ones first; each is shown once, for the picture where it scores least.
    """

    best: tuple[EvaluatedPicture, ...]
    worst: tuple[EvaluatedPicture, ...]
    drawn: tuple[EvaluatedPicture, ...]
    copies: tuple[EvaluatedPicture, ...]

    def names(self) -> set[str]:
        """Every picture whose thumbnail is shown, the training pictures of copies among them."""
        shown = {picture.name for picture in (*self.best, *self.worst, *self.drawn, *self.copies)}
        return shown | {picture.copied.picture for picture in self.copies if picture.copied}


def choose(evaluation: Evaluation, count: int = 10) -> ChosenPictures:
    """Choose `count` pictures of each kind, fewer if there are fewer; the choice is deterministic."""
    ranked = sorted(evaluation.pictures, key=lambda picture: (-picture.scores[JUDGE], picture.trust))
    best = ranked[: min(count, (len(ranked) + 1) // 2)]
    worst = ranked[len(best) :][::-1][:count]
    others = ranked[len(best) : len(ranked) - len(worst)]
    drawn = random.Random(0).sample(others, min(count, len(others)))
    return ChosenPictures(tuple(best), tuple(worst), tuple(drawn), _suspicious(evaluation.pictures)[:count])


def _suspicious(pictures: Sequence[EvaluatedPicture]) -> tuple[EvaluatedPicture, ...]:
    """A picture for every different copy."""
    copies = [(picture.copied.edits, picture) for picture in pictures if picture.copied]
    copies.sort(key=lambda copy: (copy[0], -len(copy[1].caption.split()), copy[1].scores[JUDGE]))
    return tuple({picture.caption: picture for _, picture in reversed(copies)}.values())[::-1]


def confidence_groups(pictures: Sequence[EvaluatedPicture], groups: int = 10) -> list[Spread]:
    """Groups of equal size, in order of confidence from the lowest: mean confidence and mean score of each.

    Returns:
        For each group the mean `trust` and the mean CIDEr-D times 100 with its 95% interval. A group has at least ten
        pictures, so there may be fewer groups; with fewer than two the list is empty.
    """
    groups = min(groups, len(pictures) // _FEWEST)
    if groups < 2:
        return []
    ranked = sorted(pictures, key=lambda picture: picture.trust)
    return [_spread([ranked[i] for i in part]) for part in np.array_split(np.arange(len(ranked)), groups)]


def _spread(group: Sequence[EvaluatedPicture]) -> Spread:
    scores = 100 * np.array([picture.scores[JUDGE] for picture in group])
    low, high = mean_interval(scores)
    trust = float(np.mean([picture.trust for picture in group]))
    mean = float(scores.mean())
    return Spread(trust, mean, low, high, f"{len(group)} pictures: {JUDGE} {mean:.1f} ({low:.1f} to {high:.1f})")


def surest(pictures: Sequence[EvaluatedPicture], steps: int = 20) -> tuple[tuple[float, float], ...]:
    """The effect of hiding doubtful captions: percent of captions shown, and their mean CIDEr-D times 100.

    The percents rise to 100 in `steps` equal steps, without those that would show fewer than ten captions.
    """
    ranked = sorted(pictures, key=lambda picture: -picture.trust)
    means = np.cumsum([100 * picture.scores[JUDGE] for picture in ranked]) / np.arange(1, len(ranked) + 1)
    counts = {step: round(step * len(ranked) / steps) for step in range(1, steps + 1)}
    return tuple((100 * step / steps, float(means[kept - 1])) for step, kept in counts.items() if kept >= _FEWEST)


def lengths(sentences: Iterable[str]) -> Counter[int]:
    """Number of words -> number of sentences of that length."""
    return Counter(len(tokenize(sentence)) for sentence in sentences)


def word_counts(sentences: Iterable[str]) -> Counter[str]:
    """Word -> number of sentences that contain it; in the order of the first ones, so that ties stay in one order."""
    return Counter(word for sentence in sentences for word in dict.fromkeys(tokenize(sentence)))
