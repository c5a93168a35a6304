"""A decoder over three words whose probabilities are known, and every sentence that it could write."""

import itertools

import numpy as np

from showtell.text import SPECIALS, Vocabulary

WORDS = ("ant", "bee", "cat")
VOCABULARY = Vocabulary(tuple(sorted([*WORDS, *SPECIALS])))
ALLOWED = [VOCABULARY.ids[word] for word in WORDS]


class Markov:
    """A decoder whose next word depends on the picture, the last word and the place; counts the rows it is given."""

    def __init__(self, seed: int, steps: int = 6) -> None:
        rng = np.random.default_rng(seed)
        self.table = rng.normal(0, 2, (3, steps + 1, len(VOCABULARY), len(VOCABULARY))).astype(np.float32)
        self.rows: list[int] = []

    def start(self, embeddings):
        return {"picture": embeddings[:, 0].astype(np.int64)}, {"t": np.zeros(len(embeddings), np.int64)}

    def step(self, tokens, constants, state):
        self.rows.append(len(tokens))
        assert len(tokens) == len(constants["picture"]) == len(state["t"])
        return self.table[constants["picture"], state["t"], tokens], {"t": state["t"] + 1}


def log_softmax(logits, first):
    kept = np.full(len(VOCABULARY), -np.inf)
    allowed = ALLOWED if first else [*ALLOWED, VOCABULARY.end]
    kept[allowed] = logits[allowed]
    return kept - np.log(np.exp(kept - kept.max()).sum()) - kept.max()


def every_sentence(decoder, picture, options):
    """All sentences up to the maximal length with their scores, computed one by one."""
    for length in range(1, options.max_length + 1):
        for words in itertools.product(ALLOWED, repeat=length):
            total, last = 0.0, VOCABULARY.start
            ids = [*words, VOCABULARY.end] if length < options.max_length else list(words)
            for t, word in enumerate(ids):
                total += log_softmax(decoder.table[picture, t, last].astype(np.float64), t == 0)[word]
                last = word
            yield words, total / len(ids) ** options.length_penalty


PICTURES = np.array([[0.0], [1.0], [2.0]], np.float32)
