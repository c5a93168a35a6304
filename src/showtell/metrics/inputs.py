"""The checks of every metric's input: the same pictures on both sides, references for each, tokens instead of text."""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from itertools import chain

from showtell.errors import InputError

Tokens = Sequence[Hashable]
"""One caption, tokenized: words (see `showtell.metrics.ptb_tokenize`), or the numbers that a vocabulary gives them."""
References = Mapping[str, Sequence[Tokens]]
"""Picture id -> its reference captions, tokenized."""
Hypotheses = Mapping[str, Tokens]
"""Picture id -> the caption to be scored, tokenized."""


def check_references(references: References) -> None:
    """Raise an `InputError` unless there is a picture, and every picture has references that are lists of tokens."""
    if not references:
        raise InputError("no references: a metric needs at least one picture with at least one reference caption")
    bare = [picture for picture, captions in references.items() if not captions]
    if bare:
        raise InputError(f"{_how_many(bare, 'picture')} no reference caption, for example {bare[0]!r}")
    if _has_text(references.values()):
        picture = next(picture for picture, captions in references.items() if isinstance(captions, str))
        raise InputError(f"the references of picture {picture!r} are one text: give a list of lists of tokens")
    if _has_text(chain.from_iterable(references.values())):
        for picture, captions in references.items():
            check_tokens((picture,) * len(captions), captions, "reference")


def check_pairs(hypotheses: Hypotheses, references: References) -> tuple[str, ...]:
    """The ids of the pictures, in the order of `references`.

    Raises:
        InputError: there are no pictures, a picture has no reference or is in only one of the two mappings, or a
            caption is text instead of a list of tokens.
    """
    check_references(references)
    check_same_pictures(hypotheses, references)
    check_tokens(tuple(hypotheses), tuple(hypotheses.values()), "hypothesis")
    return tuple(references)


def check_same_pictures(hypotheses: Collection[str], references: Collection[str]) -> None:
    """Raise an `InputError` that counts and names the pictures that only one of the two mappings has."""
    lonely = [picture for picture in references if picture not in hypotheses]
    strange = [picture for picture in hypotheses if picture not in references]
    complaints = [
        f"{_how_many(odd, 'picture')} {lack}, for example {odd[0]!r}"
        for odd, lack in ((lonely, "references but no hypothesis"), (strange, "a hypothesis but no references"))
        if odd
    ]
    if complaints:
        raise InputError(f"hypotheses and references are not of the same pictures: {'; '.join(complaints)}")


def check_texts(hypotheses: Mapping[str, str], references: Mapping[str, Sequence[str]]) -> None:
    """Raise an `InputError` unless every hypothesis is text and the references of each picture are a list of texts."""
    for picture, caption in hypotheses.items():
        if not isinstance(caption, str):
            raise InputError(f"the hypothesis of picture {picture!r} is not a text: {caption!r:.80}")
    for picture, captions in references.items():
        if isinstance(captions, str) or not all(isinstance(caption, str) for caption in captions):
            raise InputError(f"the references of picture {picture!r} are not a list of texts: {captions!r:.80}")


def check_tokens(picture_ids: Sequence[str], captions: Sequence[Tokens], kind: str) -> None:
    """Raise an `InputError` if a caption is text: a string is a sequence too, and would be scored letter by letter."""
    if _has_text(captions):
        picture = next(picture for picture, c in zip(picture_ids, captions, strict=True) if isinstance(c, str))
        raise InputError(f"a {kind} of picture {picture!r} is a text, not a list of tokens: tokenize it first")


def _has_text(values: Iterable[object]) -> bool:
    return any(issubclass(kind, str) for kind in set(map(type, values)))


def _how_many(things: Collection[str], noun: str) -> str:
    return f"1 {noun} has" if len(things) == 1 else f"{len(things)} {noun}s have"
