"""A model, pictures and references -> an `Evaluation`: captions, their scores, next-word predictions and copies."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Unpack

import numpy as np

from showtell.captioning.captioner import Caption, Captioner
from showtell.captioning.confidence import expected_calibration_error
from showtell.captioning.options import CaptionOptions, Guiding, SearchKeywords
from showtell.data.selection import AnyPictures, Captions, Selection, select
from showtell.embeddings.cached import CachedEmbeddings, embedded
from showtell.errors import InputError
from showtell.evaluation.copies import TrainingCaption, Words, find_copies
from showtell.evaluation.correlation import rank_correlation
from showtell.evaluation.diversity import set_diversity
from showtell.evaluation.figures import NextWordFigures, figures_of, in_order
from showtell.evaluation.hallucination import chair, hallucinated, hallucination
from showtell.evaluation.human_baseline import human_baseline
from showtell.evaluation.next_word import next_words
from showtell.evaluation.result import EvaluatedPicture, Evaluation, Figure
from showtell.evaluation.signature import signature
from showtell.evaluation.wording import diversity, wording
from showtell.metrics import Scores, score
from showtell.metrics.bootstrap import Summed
from showtell.progress import bar
from showtell.text import TokenVocabulary, tokenize

_PICTURES_AT_ONCE = 64
_CAPTIONS_AT_ONCE = 256
_LONGEST = 1000  # ids of a reference that are predicted, more than any real caption has


def evaluate(
    model: Captioner | str | Path,
    pictures: AnyPictures,
    captions: Captions,
    split: str | None = None,
    *,
    training: Captions | None = None,
    store: str | Path | None = None,
    resamples: int = 1000,
    bootstrap_seed: int = 0,
    guide: Guiding = "auto",
    careful: bool = False,
    partial: bool = False,
    show: bool = True,
    **options: Unpack[SearchKeywords],
) -> Evaluation:
    """Caption pictures with a model, and compare the captions with people's.

    Arguments:
        model: a loaded model, or a bundle's path.
        pictures: folder, archive, files or a list of these; or anything with `names` and `read`.
        captions: the references: a caption file (see `showtell.data.captions.caption_set`), or its `CaptionSet`.
        split: evaluate only the pictures of this split; None for all that have captions.
        training: captions that the model was trained on, to find copies. By default those of `captions` in the splits
            `train` and `restval`, unless these are evaluated. Without any, copies are not looked for.
        store: an embedding store to read and fill. It stores float16, which can change a figure's last digit.
        resamples: number of bootstrap resamples for the intervals.
        bootstrap_seed: the seed of the resamples (`seed` is that of sampled captions).
        guide: whether tags guide the captions, as for `Captioner.caption`.
        careful: whether captions leave out what the model is unsure of, as for `Captioner.caption`.
        partial: leave out captioned names without a picture (`Evaluation.without_pictures`) instead of raising.
        show: show progress on stderr.
        options: fields of `showtell.search.SearchOptions` that differ from the model's defaults, such as `beam=5`.

    Raises:
        InputError: a file or an option is wrong, captioned pictures are missing, or none can be read.
    """
    captioner = model if isinstance(model, Captioner) else Captioner(model)
    chosen = captioner.caption_options(guide=guide, careful=careful, **options)
    if resamples < 1:
        raise InputError(f"an interval needs at least 1 resample, not {resamples}")
    selected = select(pictures, captions, split, training, partial=partial)
    output, store_folder = captioner.bundle.model["output"], Path(store) if store else None
    done = embedded(captioner.encoder, output, selected.source, selected.references, store_folder, show=show)
    found = _captioned(captioner, done, chosen, show)
    return _compared(captioner, chosen, selected, done, found, split, resamples, bootstrap_seed, show)


def _words_of(vocabulary: TokenVocabulary) -> int:
    """The entries that a caption may contain."""
    return len(vocabulary) - len({*vocabulary.excluded, vocabulary.end})


def _compared(
    captioner: Captioner,
    options: CaptionOptions,
    selected: Selection,
    done: CachedEmbeddings,
    found: Sequence[Caption],
    split: str | None,
    resamples: int,
    seed: int,
    show: bool,
) -> Evaluation:
    """The captions `found` of the embedded pictures, compared with people's captions."""
    spaced = captioner.bundle.vocabulary.spaced  # characters are the words of metrics, too
    references = {name: tuple(map(spaced, selected.references[name])) for name in done.names}
    training_words = _training_words(selected.training_captions, show) if selected.training_captions else None
    scores = score({name: spaced(caption.text) for name, caption in zip(done.names, found, strict=True)}, references)
    words = [tuple(tokenize(spaced(caption.text))) for caption in found]
    copies = None if training_words is None else find_copies(words, training_words)
    next_word = _next_word_figures(captioner, done, references, show)
    texts = [caption.text for caption in found]
    parts: list[Summed] = [*scores.parts, next_word, wording(words, copies), hallucination(texts, references)]
    parts += [chair(texts, references), *_set_diversity(found)]
    figures = figures_of(parts, resamples, seed)
    figures |= diversity(words, captioner.bundle.vocabulary) | _trust(found, scores, references)
    guided = captioner.generator.guided(options)
    return Evaluation(
        model=captioner.name,
        split=split,
        signature=signature(options.search, references, resamples, seed, guided=guided, careful=options.careful),
        vocabulary=_words_of(captioner.bundle.vocabulary),
        figures=in_order(figures),
        pictures=_pictures(found, references, scores, copies),
        unreadable=done.unreadable,
        without_pictures=selected.without_pictures,
        notes=selected.notes,
    )


def _set_diversity(captions: Sequence[Caption]) -> Sequence[Summed]:
    """How much the captions of each picture differ, if there are several."""
    words = [[tuple(tokenize(one.text)) for one in caption.n_best] for caption in captions]
    fewest = min(map(len, words))
    return set_diversity([of_picture[:fewest] for of_picture in words]) if fewest > 1 else ()


def _captioned(captioner: Captioner, done: CachedEmbeddings, options: CaptionOptions, show: bool) -> list[Caption]:
    found: list[Caption] = []
    with bar("captioning", len(done.names), "pictures", show=show) as tick:
        for begin in range(0, len(done.names), _PICTURES_AT_ONCE):
            rows = range(begin, min(begin + _PICTURES_AT_ONCE, len(done.names)))
            found += captioner.caption_embeddings(done.take(rows), first=begin, options=options)
            tick(len(rows))
    return found


def _next_word_figures(
    captioner: Captioner, done: CachedEmbeddings, references: Mapping[str, Sequence[str]], show: bool
) -> NextWordFigures:
    """Feed the model every reference, in batches of similar length, so that little is computed for padding."""
    vocabulary = captioner.bundle.vocabulary
    every = [
        (len(vocabulary.encode(text)), row, text) for row, texts in enumerate(references.values()) for text in texts
    ]
    every.sort(key=lambda one: one[0])
    sums = np.zeros((len(references), 3))
    with bar("predicting words", len(every), "captions", show=show) as tick:
        for begin in range(0, len(every), _CAPTIONS_AT_ONCE):
            lengths, rows, texts = zip(*every[begin : begin + _CAPTIONS_AT_ONCE], strict=True)
            result = next_words(captioner.generator.decoder, done.take(rows), texts, vocabulary, _LONGEST)
            owner = np.repeat(rows, np.minimum(lengths, _LONGEST) - 1)
            columns = np.stack([result.losses, result.correct, np.ones(len(owner))], axis=1)
            np.add.at(sums, owner, columns)
            tick(len(texts))
    return NextWordFigures(sums)


def _training_words(captions: Mapping[str, Sequence[str]], show: bool) -> Iterator[tuple[str, Words]]:
    with bar("looking for copies", len(captions), "pictures", show=show) as tick:
        for picture, texts in captions.items():
            for text in texts:
                yield picture, tuple(tokenize(text))
            tick(1)


def _trust(captions: Sequence[Caption], scores: Scores, references: Mapping[str, Sequence[str]]) -> dict[str, Figure]:
    """Rank correlation of confidence and CIDEr-D and, for a calibrated model, its calibration error and the share of
    unfamiliar pictures. With one picture, or all scores equal, the correlation is 0.
    """
    cider = np.array([of["CIDEr-D"] for of in scores.per_picture.values()])
    stated = [caption.confidence for caption in captions]
    sure = np.array([caption.score for caption in captions] if None in stated else stated, np.float64)
    figures = {"rank_correlation": Figure(rank_correlation(sure, cider))}
    found = None if None in stated else human_baseline([caption.text for caption in captions], references)
    if found and found.judged.any():
        figures["confidence_error"] = Figure(expected_calibration_error(sure[found.judged], found.good[found.judged]))
    strange = [caption.unfamiliar for caption in captions]
    if None not in strange:
        figures["unfamiliar"] = Figure(float(np.mean(np.array(strange, np.float64))))
    return figures


def _pictures(
    captions: Sequence[Caption],
    references: Mapping[str, Sequence[str]],
    scores: Scores,
    copies: Sequence[TrainingCaption | None] | None,
) -> tuple[EvaluatedPicture, ...]:
    rows = zip(references.items(), captions, copies or [None] * len(captions), strict=True)
    return tuple(
        EvaluatedPicture(
            name=name,
            caption=caption.text,
            score=caption.score,
            confidence=caption.confidence,
            unfamiliar=caption.unfamiliar,
            words=tuple((word.word, word.probability) for word in caption.words),
            references=tuple(texts),
            scores=scores.per_picture[name],
            copied=copied,
            tags=tuple((tag.name, tag.probability) for tag in caption.tags),
            hallucinated=hallucinated(caption.text, texts),
        )
        for (name, texts), caption, copied in rows
    )
