"""A bundle, pictures and captions -> the same bundle with its calibration, including that of its tags."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from showtell.captioning.captioner import Captioner
from showtell.captioning.confidence import Calibration, fit_out_of_distribution
from showtell.captioning.golden import finish
from showtell.captioning.tags.agreement import TagAgreement
from showtell.data.captions.caption_set import CaptionSet, align, read_captions
from showtell.data.selection import AnyPictures, Captions, select
from showtell.data.sources.base import Pictures
from showtell.embeddings.cached import embedded
from showtell.models.bundle import CALIBRATION_PARTS, Bundle
from showtell.models.card import with_section
from showtell.models.names import bundle_to_write
from showtell.post_training.calibration.fit import CalibrationSet, fit_calibration
from showtell.post_training.calibration.tag_calibration import (
    EmbeddingTap,
    classifier_of,
    fit_tagger,
    with_guiding,
    with_tags,
)
from showtell.progress import bar
from showtell.search import Floats

if TYPE_CHECKING:
    from showtell.embeddings.store import EmbeddingStore

MOST_PICTURES = 2000
"""The most pictures that a calibration after training is fitted on; more would take long and change little."""

_Piece: TypeAlias = tuple[Sequence[str], Floats]  # names, and their embeddings

_AT_ONCE = 512  # training pictures with embeddings in memory


def calibrate(
    bundle: str | Path,
    pictures: AnyPictures,
    captions: Captions,
    split: str | None = None,
    *,
    train_split: str | None = None,
    out: str | Path | None = None,
    store: str | Path | None = None,
    tags: bool = False,
    partial: bool = False,
    show: bool = True,
) -> Calibration:
    """Calibrate a model on pictures that it was not trained on, and store the calibration in its bundle.

    Arguments:
        bundle: the model's file.
        pictures: folder, archive, files or a list of these; or anything with `names` and `read`.
        captions: people's captions: a caption file (see `showtell.data.captions.caption_set`), or what was read from
            one.
        split: fit on the pictures of this split; None for all that have captions.
        train_split: the split that the model was trained on, to fit the detection of unfamiliar pictures; None if it is
            not available.
        out: the file to write; None replaces the bundle in one step, if it was given by its path.
        store: an embedding store to use; missing pictures are added to it. None embeds in memory.
        tags: add the encoder's classifier to the bundle if it has none.
        partial: leave out captioned names without a picture, instead of raising.
        show: show progress on stderr.

    Raises:
        InputError: a file is wrong; no picture of a split has captions; the encoder has no classifier; or `out` is None
            and the bundle is a folder or a model of the package.
        MissingExtra: the package with the classifier is not installed.
    """
    target = bundle_to_write(bundle, out)
    captioner = Captioner(bundle)
    if tags and not captioner.generator.tagger:
        captioner.generator.tagger = classifier_of(captioner.bundle)
    known = captions if isinstance(captions, CaptionSet) else read_captions(captions)
    selected = select(pictures, known, split, None, partial=partial)
    learned = align(selected.source.names(), known.only(train_split)).captions if train_split else {}
    folder = Path(store) if store else None
    done = embedded(
        captioner.encoder, captioner.bundle.model["output"], selected.source, selected.references, folder, show=show
    )
    references = {name: selected.references[name] for name in done.names}
    pieces = _pieces(captioner, selected.source, set(learned), folder, show) if learned else None
    return _calibrate(captioner, CalibrationSet(done.take, references), learned, pieces, target, show)


def calibrate_from_store(
    bundle: Path,
    store: "EmbeddingStore",
    validation: Mapping[str, Sequence[str]],
    training: Mapping[str, Sequence[str]],
    *,
    show: bool = True,
) -> Calibration:
    """Calibrate a bundle in place, right after its training.

    Arguments:
        bundle: the model's file.
        store: embeddings of its pictures; missing ones are left out.
        validation: captions by picture name; the fit uses the first `MOST_PICTURES`.
        training: captions of the pictures that the model was trained on, by picture name.
        show: show progress on stderr.
    """
    captioner = Captioner(bundle)
    references = {name: validation[name] for name in validation if name in store.rows}
    references = dict(list(references.items())[:MOST_PICTURES])
    rows = np.array([store.rows[name] for name in references], np.int64)
    learned = sorted((name for name in training if name in store.rows), key=lambda name: store.rows[name])
    pieces = (
        (names, store.take([store.rows[name] for name in names]))
        for names in (learned[begin : begin + _AT_ONCE] for begin in range(0, len(learned), _AT_ONCE))
    )
    known = CalibrationSet(lambda chosen: store.take(rows[np.asarray(chosen, np.int64)]), references)
    return _calibrate(captioner, known, training, pieces if len(learned) > 1 else None, bundle, show)


def _calibrate(
    captioner: Captioner,
    known: CalibrationSet,
    learned: Mapping[str, Sequence[str]],
    pieces: Iterable[_Piece] | None,
    out: Path,
    show: bool,
) -> Calibration:
    """Fit everything and write the bundle; `learned` are captions of the training pictures, and `pieces` their
    embeddings.
    """
    spaced = captioner.bundle.vocabulary.spaced  # characters are the words of metrics
    references = {name: tuple(map(spaced, texts)) for name, texts in known.references.items()}
    known = CalibrationSet(known.take, references)
    tap = EmbeddingTap(learned)
    ood = fit_out_of_distribution(tap.through(pieces), known.pieces()) if pieces is not None else None
    tagger = fit_tagger(captioner.generator.tagger, known, tap) if captioner.generator.tagger else None
    calibration = fit_calibration(
        captioner.generator.decoder,
        captioner.bundle.vocabulary,
        captioner.generator.search_defaults,
        known,
        ood,
        TagAgreement(tagger) if tagger and tagger.calibration else None,
        show=show,
    )
    parts = with_calibration(captioner.bundle, calibration)
    if tagger:
        parts = with_tags(parts, with_guiding(captioner, calibration, tagger, known, show=show))
    finish(out, parts)
    return calibration


def with_calibration(bundle: Bundle, calibration: Calibration) -> dict[str, bytes]:
    """A bundle's parts with this calibration instead of any other; its card describes it."""
    parts = {name: data for name, data in bundle.parts.items() if name not in CALIBRATION_PARTS}
    if "README.md" in parts:
        card = with_section(parts["README.md"].decode(), "Confidence", card_lines(calibration))
        parts["README.md"] = card.encode()
    return parts | calibration.to_parts()


def card_lines(calibration: Calibration) -> str:
    """The model card's section about a calibration, as Markdown."""
    figures = calibration.figures
    before, after = figures["words_before"], figures["words_after"]
    lines = [
        f"- Word probabilities at temperature {calibration.temperature:.3f}, fitted on {figures['pictures']} pictures; "
        f"calibration error {before['ece']:.3f} before, {after['ece']:.3f} after"
    ]
    if calibration.quality:
        lines.append(
            f"- Confidence: rank correlation with CIDEr-D {figures['rank_correlation']:.2f}, calibration error "
            f"{figures['confidence']['ece']:.3f}, both cross-validated"
        )
    if calibration.out_of_distribution:
        lines.append("- It tells pictures that are unlike its training pictures")
    return "\n".join(lines) + "\n"


def _pieces(
    captioner: Captioner, source: Pictures, names: set[str], store: Path | None, show: bool
) -> Iterator[_Piece]:
    """Embeddings of the training pictures, some at a time: all grids together would not fit into memory."""
    if store:
        done = embedded(captioner.encoder, captioner.bundle.model["output"], source, names, store, show=show)
        for begin in range(0, len(done.names), _AT_ONCE):
            here = done.names[begin : begin + _AT_ONCE]
            yield here, done.take(range(begin, begin + len(here)))
        return
    ordered = [name for name in source.names() if name in names]
    with bar("embedding training pictures", len(ordered), "pictures", show=show) as tick:
        for begin in range(0, len(ordered), _AT_ONCE):
            piece = embedded(
                captioner.encoder,
                captioner.bundle.model["output"],
                source,
                set(ordered[begin : begin + _AT_ONCE]),
                show=False,
            )
            yield piece.names, piece.take(range(len(piece.names)))
            tick(min(_AT_ONCE, len(ordered) - begin))
