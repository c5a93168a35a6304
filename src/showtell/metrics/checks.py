"""What every metric checks of its input before it counts: the same pictures, references to each, tokens not text."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from showtell.errors import InputError

Tokens = Sequence[str]
"""One caption, tokenised (see `showtell.metrics.ptb_tokenize`)."""
References = Mapping[str, Sequence[Tokens]]
"""Picture id -> its reference captions, tokenised."""
Hypotheses = Mapping[str, Tokens]
"""Picture id -> the caption to be scored, tokenised."""


def check_references(references: References) -> None:
    """Raise an `InputError` unless there is a picture, and every picture has a reference that is a list of tokens."""
    if not references:
        raise InputError("no references: a metric needs at least one picture with at least one reference caption")
    bare = [picture for picture, captions in references.items() if not captions]
    if bare:
        raise InputError(f"{_how_many(bare, 'picture')} no reference caption, for example {bare[0]!r}")
    for picture, captions in references.items():
        if isinstance(captions, str):
            raise InputError(f"the references of picture {picture!r} are one text: give a list of lists of tokens")
        _check_tokens(picture, captions, "reference")


def check_pairs(hypotheses: Hypotheses, references: References) -> tuple[str, ...]:
    """The ids of the pictures, in the order of `references`.

    Raises:
        InputError: no pictures, a picture without a reference, a picture that is only in one of the two mappings, or a
            caption that is a text instead of a list of tokens.
    """
    check_references(references)
    if references.keys() != hypotheses.keys():
        complaints = [
            f"{_how_many(odd, 'picture')} {lack}, for example {odd[0]!r}"
            for odd, lack in (
                ([picture for picture in references if picture not in hypotheses], "references but no hypothesis"),
                ([picture for picture in hypotheses if picture not in references], "a hypothesis but no references"),
            )
            if odd
        ]
        raise InputError(f"hypotheses and references are not of the same pictures: {'; '.join(complaints)}")
    for picture, tokens in hypotheses.items():
        _check_tokens(picture, (tokens,), "hypothesis")
    return tuple(references)


def check_texts(hypotheses: Mapping[str, str], references: Mapping[str, Sequence[str]]) -> None:
    """Raise an `InputError` unless hypotheses are texts, and the references of each picture a list of texts."""
    for picture, caption in hypotheses.items():
        if not isinstance(caption, str):
            raise InputError(f"the hypothesis of picture {picture!r} is not a text: {caption!r:.80}")
    for picture, captions in references.items():
        if isinstance(captions, str) or not all(isinstance(caption, str) for caption in captions):
            raise InputError(f"the references of picture {picture!r} are not a list of texts: {captions!r:.80}")


def _check_tokens(picture: str, captions: Iterable[Tokens], kind: str) -> None:
    # A str is a Sequence[str] to the type checker, and would be scored letter by letter without a word of warning.
    if any(isinstance(tokens, str) for tokens in captions):
        raise InputError(f"a {kind} of picture {picture!r} is a text, not a list of tokens: tokenise it first")


def _how_many(things: Collection[str], noun: str) -> str:
    return f"1 {noun} has" if len(things) == 1 else f"{len(things)} {noun}s have"
