"""A bundle, pictures and captions -> the best search settings for the model, and a bundle with them.

Every combination of some beams, length penalties and rules against repetition is tried; the best CIDEr-D wins.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from showtell.captioning.captioner import Captioner
from showtell.captioning.golden import finish
from showtell.data.selection import AnyPictures, Captions, select
from showtell.embeddings.cached import CachedEmbeddings, embedded
from showtell.errors import InputError
from showtell.metrics import bleu, cider_d, ptb_tokenize
from showtell.models.bundle import Bundle
from showtell.progress import bar
from showtell.search import Floats, SearchOptions, StepDecoder, search
from showtell.text import TokenVocabulary

_AT_ONCE = 64


LENGTH_PENALTIES = (0.0, 0.3, 0.5, 0.7, 0.9, 1.1)


@dataclass(frozen=True, slots=True)
class Tried:
    """The result of some options: CIDEr-D (0 to 10) and BLEU-4 (0 to 1) of the captions, and their mean number of
    words.
    """

    options: SearchOptions
    cider_d: float
    bleu_4: float
    words: float


def try_searches(
    decoder: StepDecoder,
    batches: Iterable[tuple[Sequence[str], Floats]],
    vocabulary: TokenVocabulary,
    references: Mapping[str, Sequence[str]],
    candidates: Sequence[SearchOptions],
) -> list[Tried]:
    """Caption pictures with every candidate, and score the captions.

    Arguments:
        decoder: an exported decoder, or one in training that is in evaluation mode.
        batches: names and embeddings `float32 (B, D)` or `(B, L, D)` of some pictures at a time.
        vocabulary: the decoder's.
        references: people's captions by picture name, for at least these pictures.
        candidates: the options to try, in the order of the results.

    Raises:
        InputError: there are no pictures, or a picture has no references.
    """
    captions: list[dict[str, list[str]]] = [{} for _ in candidates]
    done = 0
    for names, embeddings in batches:
        for options, found in zip(candidates, captions, strict=True):
            sentences = search(decoder, embeddings, vocabulary, options, first=done)
            texts = (vocabulary.spaced(vocabulary.decode(best.tokens)) for best, *_ in sentences)
            found.update(zip(names, map(ptb_tokenize, texts), strict=True))
        done += len(names)
    if not done:
        raise InputError("there are no pictures to tune search settings on")
    pictures = captions[0] if captions else {}
    if unknown := [name for name in pictures if not references.get(name)]:
        raise InputError(f"{unknown[0]}: has no captions to tune search settings on")
    judges = {name: [ptb_tokenize(vocabulary.spaced(text)) for text in references[name]] for name in pictures}
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
    """The result with the highest CIDEr-D; the first of equals."""
    return max(tried, key=lambda one: one.cider_d)


@dataclass(frozen=True, slots=True)
class Tuned:
    """The tried settings, the model's own first, and the number of pictures; `unreadable` are (name, reason)."""

    tried: tuple[Tried, ...]
    pictures: int
    unreadable: tuple[tuple[str, str], ...]

    @property
    def own(self) -> Tried:
        """The result of the model's own settings."""
        return self.tried[0]

    @property
    def best(self) -> Tried:
        """The result with the highest CIDEr-D; among equals the model's own settings win."""
        return best_of(self.tried)


def tune(
    model: str | Path,
    pictures: AnyPictures,
    captions: Captions,
    split: str | None = None,
    *,
    settings: Mapping[str, Sequence[float]] | None = None,
    out: str | Path | None = None,
    store: str | Path | None = None,
    partial: bool = False,
    show: bool = True,
) -> Tuned:
    """Try search settings on pictures that the model was not trained on.

    Arguments:
        model: a bundle.
        pictures: folder, archive, files or a list of these; or anything with `names` and `read`.
        captions: people's captions: a caption file, or what was read from one.
        split: only the pictures of this split; None for all that have captions.
        settings: fields of `SearchOptions` with the values to try, all combinations of them; None for
            `LENGTH_PENALTIES`. The model's own values are always tried.
        out: the bundle to write, with the best settings as its own; it may be the model itself.
        store: an embedding store to use; missing pictures are added to it. None embeds in memory.
        partial: leave out captioned names without a picture, instead of raising.
        show: show progress on stderr.

    Raises:
        InputError: a file or a setting is wrong, captioned pictures are missing, or none can be read.
    """
    captioner = Captioner(model)
    candidates = candidates_of(captioner.generator.search_defaults, settings or {"length_penalty": LENGTH_PENALTIES})
    selected = select(pictures, captions, split, None, partial=partial)
    done = embedded(
        captioner.encoder,
        captioner.bundle.model["output"],
        selected.source,
        selected.references,
        Path(store) if store else None,
        show=show,
    )
    tried = try_searches(
        captioner.generator.decoder,
        _batches(done, len(candidates), show),
        captioner.bundle.vocabulary,
        selected.references,
        candidates,
    )
    tuned = Tuned(tuple(tried), len(done.names), done.unreadable)
    if out:
        bundle = captioner.bundle
        finish(out, bundle.parts, _with_settings(bundle, tuned, split), sections={"Search": _section(tuned, split)})
    return tuned


def candidates_of(own: SearchOptions, settings: Mapping[str, Sequence[float]]) -> list[SearchOptions]:
    """The model's own settings, then every other combination."""
    combinations = itertools.product(*settings.values())
    others = (replace(own, **dict(zip(settings, values, strict=True))) for values in combinations)  # type: ignore[arg-type]
    return list(dict.fromkeys((own, *others)))


def _batches(done: CachedEmbeddings, candidates: int, show: bool) -> Iterator[tuple[Sequence[str], Floats]]:
    with bar(f"trying {candidates} searches", len(done.names), "pictures", show=show) as tick:
        for begin in range(0, len(done.names), _AT_ONCE):
            names = done.names[begin : begin + _AT_ONCE]
            yield names, done.take(range(begin, begin + len(names)))
            tick(len(names))


def _with_settings(bundle: Bundle, tuned: Tuned, split: str | None) -> dict[str, Any]:
    """The values of `model.json` with the best settings and their scores."""
    best = tuned.best
    return bundle.model | {
        "search": best.options.to_json(),
        "tuned": {"split": split, "pictures": tuned.pictures, "cider_d": best.cider_d, "bleu_4": best.bleu_4},
    }


def _section(tuned: Tuned, split: str | None) -> str:
    """The model card's section about the settings, as Markdown."""
    best, own = tuned.best, tuned.own
    described = f"beam {best.options.beam}, length penalty {best.options.length_penalty:g}"
    if best.options.no_repeat_ngram:
        described += f", no {best.options.no_repeat_ngram} words in a row twice"
    of = f" of the split {split}" if split else ""
    return (
        f"- Settings chosen by CIDEr-D on {tuned.pictures} pictures{of}: {described}\n"
        f"- Scores on these very pictures: BLEU-4 {100 * best.bleu_4:.1f}, CIDEr-D {100 * best.cider_d:.1f} "
        f"(before: {100 * own.bleu_4:.1f} and {100 * own.cider_d:.1f})\n"
    )
