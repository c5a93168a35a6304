"""The size of a data set -> values for the options of training that its recipe leaves open.

The defaults of recipes fit some thousand pictures. A small set would get a few steps of them, and a vocabulary without
most of its words. Options that the recipe sets stay as they are.
"""

import copy
import math
from collections.abc import Mapping
from typing import Any

from showtell.config import table_of
from showtell.data.examples import Examples
from showtell.data.synthetic.base import Drawn
from showtell.text import guess_rules

_BATCHES = ((6_400, 64), (1_600, 32), (0, 16))  # captions from which on a batch has so many
_MIN_COUNTS = ((10_000, 5), (3_000, 3), (600, 2), (0, 1))
_SEARCHED = 20  # words of a caption, by default
_PARTS = 2  # subwords of a word, about
_LONGEST = 100
_STEPS, _FEWEST, _MOST = 1_500, 10, 40  # an LSTM from scratch: so many steps, in so many epochs
_FROM_MODEL_STEPS, _FROM_MODEL_FEWEST, _FROM_MODEL_MOST = 200, 5, 8  # more of them overfit


def is_open(tables: Mapping[str, Any]) -> bool:
    """Whether a recipe leaves an option open that follows the size of its data."""
    training, vocabulary = table_of(dict(tables), "training"), table_of(dict(tables), "vocabulary")
    return not ({"batch_size", "epochs"} <= training.keys() and "min_count" in vocabulary)


def sized(tables: Mapping[str, Any], examples: Examples) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The tables of a recipe with values for the options that it leaves open, and a sentence that says which.

    Arguments:
        tables: the tables of a recipe.
        examples: the pictures and captions that it names.

    `training.batch_size`, `training.epochs` and `vocabulary.min_count` follow the number of training captions. The
    tables are returned unchanged, without a sentence, where nothing is open, where the defaults fit, where epochs are
    counted in steps (`epoch_steps`), and for data that are drawn by code.
    """
    filled = copy.deepcopy(dict(tables))
    training, vocabulary = table_of(filled, "training"), table_of(filled, "vocabulary")
    if isinstance(examples.source, Drawn) or training.get("epoch_steps"):
        return filled, ()
    captions = examples.counts()["captions"]
    changed: list[tuple[str, int]] = []

    def choose(table: dict[str, Any], name: str, key: str, value: int, default: int) -> None:
        if key not in table and value != default:
            filled.setdefault(name, table)[key] = value
            changed.append((f"{name}.{key}", value))

    choose(training, "training", "batch_size", _at(_BATCHES, captions), 64)
    steps = math.ceil(captions / training.get("batch_size", 64))
    wanted, fewest, most = (
        (_FROM_MODEL_STEPS, _FROM_MODEL_FEWEST, _FROM_MODEL_MOST)
        if training.get("from_model")
        else (_STEPS, _FEWEST, _MOST)
    )
    choose(training, "training", "epochs", min(max(math.ceil(wanted / steps), fewest), most), 10)
    choose(vocabulary, "vocabulary", "min_count", _at(_MIN_COUNTS, captions), 5)
    longest, are_words = _longest(vocabulary, examples)
    if longest > _SEARCHED:
        choose(training, "training", "max_length", longest + 2, 22)
        if are_words:  # a search counts words, each of several subwords
            choose(table_of(filled, "search"), "search", "max_length", longest, _SEARCHED)
    if not changed:
        return filled, ()
    values = ", ".join(f"{key}={value}" for key, value in changed)
    return filled, (f"for {captions:,} training captions: {values} (--set chooses others)",)


def _longest(vocabulary: Mapping[str, Any], examples: Examples) -> tuple[int, bool]:
    """The tokens of nearly the longest training caption, if they are characters or subwords, else 0; and whether a
    search counts them as words.
    """
    texts = [text for name in examples.train for text in examples.captions[name]]
    given = {key: str(vocabulary[key]) for key in ("tokenizer", "case", "punctuation") if key in vocabulary}
    rules = guess_rules(texts, **given)
    if rules.tokenizer == "words":
        return 0, True
    parts = 1 if rules.tokenizer == "characters" else _PARTS
    lengths = sorted(len(rules.tokens(text)) for text in texts)
    return min(parts * lengths[int(0.98 * (len(lengths) - 1))], _LONGEST), rules.tokenizer == "characters"


def _at(table: tuple[tuple[int, int], ...], count: int) -> int:
    return next(value for least, value in table if count >= least)
