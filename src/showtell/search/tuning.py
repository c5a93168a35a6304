"""Search settings by what they give: every candidate captions the same pictures, and CIDEr-D judges.

Length normalisation trades BLEU's and CIDEr-D's likings for a model's own, so its exponent is chosen on validation
pictures, as Wu et al. 2016 (section 7) chose theirs on a development set. Pictures that chose are not pictures to
report scores on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from showtell.errors import InputError
from showtell.metrics import bleu, cider_d, ptb_tokenize
from showtell.search import Floats, SearchOptions, StepDecoder, search
from showtell.text import Vocabulary

LENGTH_PENALTIES = (0.0, 0.3, 0.5, 0.7, 0.9, 1.1)


@dataclass(frozen=True, slots=True)
class Tried:
    """What some options gave: CIDEr-D (0 to 10) and BLEU-4 (0 to 1) of the captions, and their words on average."""

    options: SearchOptions
    cider_d: float
    bleu_4: float
    words: float


def try_searches(
    decoder: StepDecoder,
    batches: Iterable[tuple[Sequence[str], Floats]],
    vocabulary: Vocabulary,
    references: Mapping[str, Sequence[str]],
    candidates: Sequence[SearchOptions],
) -> list[Tried]:
    """Caption pictures with every candidate.

    Arguments:
        decoder: exported, or in training; in evaluation mode.
        batches: names and embeddings `float32 (B, D)` or `(B, L, D)` of the pictures, some at a time.
        vocabulary: the decoder's.
        references: people's captions by picture name, of these pictures at least.
        candidates: what to try, in the order of the answer.

    Raises:
        InputError: there are no pictures, or a picture has no references.
    """
    captions: list[dict[str, list[str]]] = [{} for _ in candidates]
    done = 0
    for names, embeddings in batches:
        for options, found in zip(candidates, captions, strict=True):
            sentences = search(decoder, embeddings, vocabulary, options, first=done)
            texts = (vocabulary.decode(best.tokens) for best, *_ in sentences)
            found.update(zip(names, map(ptb_tokenize, texts), strict=True))
        done += len(names)
    if not done:
        raise InputError("there are no pictures to choose search settings by")
    pictures = captions[0] if captions else {}
    if unknown := [name for name in pictures if not references.get(name)]:
        raise InputError(f"{unknown[0]}: has no captions to choose search settings by")
    judges = {name: [ptb_tokenize(text) for text in references[name]] for name in pictures}
    return [
        Tried(
            options,
            float(cider_d(found, judges).corpus["CIDEr-D"]),
            float(bleu(found, judges).corpus["BLEU-4"]),
            sum(map(len, found.values())) / len(found),
        )
        for options, found in zip(candidates, captions, strict=True)
    ]


def best_of(tried: Sequence[Tried]) -> Tried:
    """The one with the highest CIDEr-D, the first of equals."""
    return max(tried, key=lambda one: one.cider_d)


def choose_length_penalty(
    decoder: StepDecoder,
    batches: Iterable[tuple[Sequence[str], Floats]],
    vocabulary: Vocabulary,
    references: Mapping[str, Sequence[str]],
    options: SearchOptions,
    penalties: Sequence[float] = LENGTH_PENALTIES,
) -> SearchOptions:
    """The options with the length penalty of the highest CIDEr-D; their own wins among equals.

    Arguments are those of `try_searches`; `penalties` are tried besides the options' own.
    """
    others = [penalty for penalty in penalties if penalty != options.length_penalty]
    candidates = [options, *(replace(options, length_penalty=penalty) for penalty in others)]
    return best_of(try_searches(decoder, batches, vocabulary, references, candidates)).options
