"""METEOR 1.5 of captions: tokenized hypotheses and references in, scores of the corpus and of each picture out.

Denkowski and Lavie, "Meteor Universal: Language Specific Translation Evaluation for Any Target Language", WMT 2014,
with the English settings of version 1.5. Its authors' Java program (`showtell.metrics.meteor_java`), which knows stems,
synonyms and paraphrases, aligns each caption with its references. This module turns its counts into scores, so any
selection of pictures can be scored. The scores equal pycocoevalcap's to rounding.
"""

from collections.abc import Callable

import numpy as np

from showtell.metrics.inputs import Hypotheses, References, check_pairs
from showtell.metrics.meteor_java import JavaOptions, align
from showtell.metrics.registry import MetricInput, metric
from showtell.metrics.result import Floats, MetricScores

# The English parameters of METEOR 1.5.
ALPHA = 0.85  # recall weighs this much of the mean
BETA, GAMMA = 0.2, 0.6  # of the penalty on fragmented matches
DELTA = 0.75  # content words weigh this much, function words the rest
STAGES = np.array([1.0, 0.6, 0.8, 0.6])  # weights of an exact match, stem, synonym and paraphrase

WORDS, PIECES = slice(0, 2), 20  # columns of the counts


def meteor(
    hypotheses: Hypotheses,
    references: References,
    *,
    java: JavaOptions | None = None,
    progress: Callable[[int], None] | None = None,
) -> MetricScores:
    """METEOR of one hypothesis per picture against that picture's references, from 0 to 1.

    Args:
        hypotheses: picture id -> tokenized caption, for exactly the pictures of `references`; an empty one scores 0.
        references: picture id -> tokenized reference captions, at least one each; the best one counts.
        java: how to run the Java program.
        progress: called with the number of pictures done since the last call.

    Raises:
        InputError: the two are not of the same pictures, a picture has no reference, a caption is not tokenized, or
            there is no Java.
        MissingExtra: the package with the Java program is not installed.
        ShowtellError: the Java program failed or stopped answering.
    """
    picture_ids = check_pairs(hypotheses, references)
    pairs = [(hypotheses[picture], references[picture]) for picture in picture_ids]
    statistics = summable(align(pairs, java or JavaOptions(), progress))
    return MetricScores(("METEOR",), picture_ids, meteor_of(statistics), statistics, meteor_of)


@metric(
    "METEOR",
    help="words, stems, synonyms and paraphrases that match (needs Java)",
    figures={"METEOR": "matching words and paraphrases"},
    settings="1.5,en,norm",
    default=False,
    order=20,
)
def _meteor(given: MetricInput) -> MetricScores:
    return meteor(given.tokens, given.reference_tokens, progress=given.progress)


def summable(counts: Floats) -> Floats:
    """The counts that METEOR sums over pictures, `(B, 23)`, from its counts of each, `(B, 23)`.

    A hypothesis that matches its whole reference in one piece is not fragmented, so its piece does not count.
    """
    matches = _matches(counts).sum(axis=(-3, -2))
    whole = (matches == counts[:, WORDS]).all(axis=-1) & (counts[:, PIECES] == 1)
    sums = counts.copy()
    sums[whole, PIECES] = 0
    return sums


def meteor_of(counts: Floats) -> Floats:
    """METEOR from the counts of its Java program, made `summable`.

    Args:
        counts: shape `(..., 23)`, of one picture or summed over pictures: words of hypothesis and reference; function
            words of each; for each of 4 stages of matching the content words matched in hypothesis and reference, and
            the function words matched in each; pieces (runs of matches); matched words of hypothesis and reference.

    Returns:
        float64 `(..., 1)`.
    """
    functions = counts[..., 2:4]
    length = DELTA * (counts[..., WORDS] - functions) + (1 - DELTA) * functions
    weights = STAGES[:, np.newaxis, np.newaxis] * np.array([[DELTA], [1 - DELTA]])
    precision, recall = np.moveaxis(_ratio((weights * _matches(counts)).sum(axis=(-3, -2)), length), -1, 0)
    mean = _ratio(precision * recall, (1 - ALPHA) * recall + ALPHA * precision)
    broken = _ratio(counts[..., PIECES], counts[..., 21:23].mean(axis=-1))
    return np.asarray(mean * (1 - GAMMA * broken**BETA))[..., np.newaxis]


def _matches(counts: Floats) -> Floats:
    """Matched words as `(..., stage, content or function, hypothesis or reference)`."""
    return counts[..., 4:20].reshape(*counts.shape[:-1], 4, 2, 2)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """The ratio, and 0 where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.zeros(np.shape(numerator)), where=denominator != 0)
