"""A bundle, pictures and captions -> the search settings that suit the model best, and a bundle that has them.

What is tried is every combination of some beams, length penalties and rules against repetition; CIDEr-D decides.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from showtell.bundle import with_section, write_bundle
from showtell.captioner import Captioner
from showtell.evaluation.embedded import Embedded, embedded
from showtell.evaluation.selection import AnyPictures, Captions, select
from showtell.files import json_bytes
from showtell.progress import bar
from showtell.search import Floats, SearchOptions
from showtell.search.tuning import LENGTH_PENALTIES, Tried, best_of, try_searches
from showtell.verify import golden

_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Tuned:
    """What was tried on how many pictures, the model's own settings first; `unreadable` are (name, reason)."""

    tried: tuple[Tried, ...]
    pictures: int
    unreadable: tuple[tuple[str, str], ...]

    @property
    def own(self) -> Tried:
        """What the model's own settings gave."""
        return self.tried[0]

    @property
    def best(self) -> Tried:
        """The highest CIDEr-D; the model's own settings win among equals."""
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
    show: bool = True,
) -> Tuned:
    """Try search settings on pictures that the model did not learn from.

    Arguments:
        model: a bundle.
        pictures: folder, archive, files or a list of these; or anything with `names` and `read`.
        captions: people's captions of them: a caption file, or what was read from one.
        split: only the pictures of this split; None for all that have captions.
        settings: fields of `SearchOptions` with the values to try, all combinations of them; None for
            `LENGTH_PENALTIES`. What the model has is always tried.
        out: a bundle to write, the model with the best settings as its own; it may be the model itself.
        store: an embedding store to use, and to add missing pictures to; None embeds in memory.
        show: show progress on stderr.

    Raises:
        InputError: a file or a setting is wrong, no picture has captions, or none can be read.
    """
    captioner = Captioner(model)
    candidates = _candidates(captioner.options, settings or {"length_penalty": LENGTH_PENALTIES})
    selected = select(pictures, captions, split, None)
    done = embedded(captioner, selected.source, selected.references, Path(store) if store else None, show)
    tried = try_searches(
        captioner.decoder,
        _batches(done, len(candidates), show),
        captioner.bundle.vocabulary,
        selected.references,
        candidates,
    )
    tuned = Tuned(tuple(tried), len(done.names), done.unreadable)
    if out:
        write_bundle(out, _with_settings(captioner, tuned, split))
    return tuned


def _candidates(own: SearchOptions, settings: Mapping[str, Sequence[float]]) -> list[SearchOptions]:
    """The model's own settings, then every other combination."""
    combinations = itertools.product(*settings.values())
    others = (replace(own, **dict(zip(settings, values, strict=True))) for values in combinations)  # type: ignore[arg-type]
    return list(dict.fromkeys((own, *others)))


def _batches(done: Embedded, candidates: int, show: bool) -> Iterator[tuple[Sequence[str], Floats]]:
    with bar(f"trying {candidates} searches", len(done.names), "pictures", show=show) as tick:
        for begin in range(0, len(done.names), _AT_ONCE):
            names = done.names[begin : begin + _AT_ONCE]
            yield names, done.take(range(begin, begin + len(names)))
            tick(len(names))


def _with_settings(captioner: Captioner, tuned: Tuned, split: str | None) -> dict[str, bytes]:
    """The bundle's parts with the best settings and what they are worth."""
    bundle, best = captioner.bundle, tuned.best
    settings = dataclasses.asdict(best.options)
    model = bundle.model | {
        "search": settings,
        "golden": golden(captioner, **settings),
        "tuned": {"split": split, "pictures": tuned.pictures, "cider_d": best.cider_d, "bleu_4": best.bleu_4},
    }
    card = with_section(bundle.parts["README.md"].decode(), "Search", _section(tuned, split))
    return {**bundle.parts, "model.json": json_bytes(model), "README.md": card.encode()}


def _section(tuned: Tuned, split: str | None) -> str:
    """What the model card says of the settings, as Markdown."""
    best, own = tuned.best, tuned.own
    told = f"beam {best.options.beam}, length penalty {best.options.length_penalty:g}"
    if best.options.no_repeat_ngram:
        told += f", no {best.options.no_repeat_ngram} words in a row twice"
    of = f" of the split {split}" if split else ""
    return (
        f"- Settings chosen by CIDEr-D on {tuned.pictures} pictures{of}: {told}\n"
        f"- Scores on these very pictures: BLEU-4 {100 * best.bleu_4:.1f}, CIDEr-D {100 * best.cider_d:.1f} "
        f"(before: {100 * own.bleu_4:.1f} and {100 * own.cider_d:.1f})\n"
    )
