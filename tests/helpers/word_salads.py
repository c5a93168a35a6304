"""Random captions of few words, so that n-grams repeat, overlap and match; and pycocoevalcap's own scores of them."""

from collections.abc import Mapping, Sequence

import numpy as np
from hypothesis import strategies as st

WORDS = st.sampled_from(["a", "the", "dog", "cat", "on", "grass", "ß", "n't"])
CAPTION = st.lists(WORDS, max_size=14)
STRANGE_CAPTION = st.lists(WORDS | st.sampled_from(["unheard", "of"]), max_size=14)
# Picture -> (hypothesis, references), tokenised. pycocoevalcap's CIDEr fails where no reference has a word.
CORPUS = st.dictionaries(
    st.text(st.characters(codec="utf-8"), max_size=3),
    st.tuples(STRANGE_CAPTION, st.lists(CAPTION, min_size=1, max_size=5)),
    min_size=1,
    max_size=6,
).filter(lambda corpus: any(any(captions) for _, captions in corpus.values()))


def words(text: str) -> list[str]:
    return text.split()


def parted(corpus):
    """Hypotheses and references of a drawn corpus, in opposite orders, which must not matter."""
    hypotheses = {picture: caption for picture, (caption, _) in reversed(corpus.items())}
    return hypotheses, {picture: captions for picture, (_, captions) in corpus.items()}


def assert_scores_are_those_of(scorer, ours, hypotheses, references) -> None:
    """Compare with one of pycocoevalcap's scorers, corpus and per picture, in the references' order."""
    corpus, per_picture = reference_scores(scorer, hypotheses, references)
    assert ours.picture_ids == tuple(references)
    np.testing.assert_allclose(list(ours.corpus.values()), corpus, rtol=1e-9, atol=0)
    np.testing.assert_allclose(ours.per_picture, per_picture, rtol=1e-9, atol=0)


def reference_scores(
    scorer, hypotheses: Mapping[str, Sequence[str]], references: Mapping[str, Sequence[Sequence[str]]]
) -> tuple[np.ndarray, np.ndarray]:
    """pycocoevalcap's scores, `(N,)` and `(B, N)`, of tokenised captions."""
    quiet = {"verbose": 0} if scorer.method() == "Bleu" else {}
    corpus, per_picture = scorer.compute_score(
        {picture: [" ".join(tokens) for tokens in captions] for picture, captions in references.items()},
        {picture: [" ".join(hypotheses[picture])] for picture in references},
        **quiet,
    )
    return np.atleast_1d(corpus), np.atleast_2d(per_picture).T
