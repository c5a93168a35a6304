"""Pictures and captions that a recipe names -> facts about them, and problems for training."""

import dataclasses
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from showtell.data.examples import DataOptions, Examples, load_examples
from showtell.data.sources.base import remarks_of
from showtell.data_check.captions import CaptionFacts, look_at_captions
from showtell.data_check.embedding_cost import Estimate, encoder_at_hand, estimate
from showtell.data_check.pictures import PictureFacts, look_at_pictures
from showtell.encoders.runtime import EncoderOutput
from showtell.images.preprocessing import ResizeMode

_QUICK = 200  # pictures that a quick check reads
_FEW = 100  # a model learns little from fewer training pictures
_UNKNOWN = 0.1  # with a larger share of unknown words, captions have many gaps
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class SurveyOptions:
    """The parts of a recipe that matter beside its data.

    A batch of different pictures needs `least_train` and `least_validation` of them. With `mirrored`, training pictures
    are embedded twice. `quick` reads 200 random pictures instead of all.
    """

    min_count: int = 5
    max_length: int = 22
    least_train: int = 1
    least_validation: int = 1
    encoder: str = "efficientnet_lite2"
    output: EncoderOutput = "pooled"
    resize: ResizeMode = "crop"
    mirrored: bool = False
    quick: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem with the data; training cannot work with a `fatal` one."""

    fatal: bool
    text: str


@dataclass(frozen=True, slots=True)
class Survey:
    """The results of the check.

    `train` and `validation` count pictures with captions, `left_out` those of other splits or beyond a limit.
    `without_captions` and `without_pictures` are names that the other side lacks. `quick` is the number of pictures
    that were read if not all were, else 0. `notes` are sentences on how the caption file was read and its names
    matched.
    """

    source: str
    train: int
    validation: int
    left_out: int
    without_captions: tuple[str, ...]
    without_pictures: tuple[str, ...]
    held_out_by_hash: bool
    pictures: PictureFacts
    captions: CaptionFacts
    embedding: Estimate | None
    problems: tuple[Problem, ...]
    quick: int
    notes: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether training can work."""
        return not any(problem.fatal for problem in self.problems)

    def to_json(self) -> dict[str, Any]:
        """Every fact as JSON values."""
        return dataclasses.asdict(self) | {"usable": self.usable}


def survey(
    data: DataOptions | Sequence[DataOptions],
    options: SurveyOptions = SurveyOptions(),
    *,
    root: Path = Path(),
    show: bool = True,
) -> Survey:
    """Check a data set as training will use it: read and decode every picture with captions, count every caption.

    Arguments:
        data: the pictures and captions, of one data set or several.
        options: the other parts of a recipe that matter.
        root: the folder that relative paths start from.
        show: show a progress bar.

    Raises:
        InputError: training would find no pictures with captions: a file is missing or malformed, names match nothing,
            or a split is unknown or empty.
    """
    examples = load_examples(data, root)
    names = [*examples.train, *examples.validation]
    looked = random.Random(0).sample(names, min(_QUICK, len(names))) if options.quick else names
    pictures = look_at_pictures(examples.source, looked, show=show)
    captions = look_at_captions(
        examples.captions,
        examples.train,
        examples.validation,
        min_count=options.min_count,
        max_length=options.max_length,
    )
    encoder = encoder_at_hand(options.encoder, resize=options.resize, root=root)
    embedded = [*names, *examples.train] if options.mirrored else names
    embedding = estimate(examples.source, embedded, encoder, options.output) if encoder else None
    return Survey(
        source=str(examples.source),
        train=len(examples.train),
        validation=len(examples.validation),
        left_out=len(examples.alignment.names) - len(names),
        without_captions=examples.alignment.without_captions,
        without_pictures=examples.alignment.without_pictures,
        held_out_by_hash=not examples.alignment.splits,
        pictures=pictures,
        captions=captions,
        embedding=embedding,
        problems=(
            *_picture_problems(examples, pictures, options),
            *(Problem(False, line) for line in remarks_of(examples.source).lines()),
            *_caption_problems(examples, captions, options),
        ),
        quick=len(looked) if len(looked) < len(names) else 0,
        notes=examples.notes,
    )


def _picture_problems(examples: Examples, facts: PictureFacts, options: SurveyOptions) -> list[Problem]:
    problems = []
    if facts.broken_off:
        problems.append(Problem(True, facts.broken_off))
    bad = {name for name, _ in facts.unreadable}
    if bad:
        some = _some([f"{name} ({reason})" for name, reason in facts.unreadable])
        problems.append(Problem(False, f"{_count(len(bad), 'picture')} cannot be read: {some}"))
    for verb, names, least in (
        ("train", examples.train, options.least_train),
        ("validate", examples.validation, options.least_validation),
    ):
        good = len(names) - len(bad.intersection(names))
        if good < least:
            text = f"{_count(good, 'readable picture')} to {verb} on, fewer than the {least:,} of a batch"
            problems.append(Problem(True, text))
    if len(examples.train) < _FEW:
        problems.append(Problem(False, f"only {_count(len(examples.train), 'picture')} to train on: add more"))
    train, validation = set(examples.train), set(examples.validation)
    shared = [group for group in facts.twins if train.intersection(group) and validation.intersection(group)]
    within = [group for group in facts.twins if group not in shared]
    for groups, where in ((shared, "both to train and to validate on"), (within, "twice in the same split")):
        if groups:
            some = _some([" = ".join(group) for group in groups])
            problems.append(Problem(False, f"{_count(len(groups), 'picture')} byte for byte {where}: {some}"))
    if names := examples.alignment.without_captions:
        problems.append(Problem(False, f"{_count(len(names), 'picture')} without captions: {_some(names)}"))
    if names := examples.alignment.without_pictures:
        problems.append(Problem(False, f"{_count(len(names), 'captioned name')} without a picture: {_some(names)}"))
    return problems


def _caption_problems(examples: Examples, facts: CaptionFacts, options: SurveyOptions) -> list[Problem]:
    problems = []
    if not facts.vocabulary:
        text = f"no word occurs {options.min_count} times in the training captions: lower vocabulary.min_count"
        problems.append(Problem(True, text))
    elif max(facts.unknown_train, facts.unknown_validation) > _UNKNOWN:
        text = f"more than one word in ten is unknown (occurs under {options.min_count} times)"
        problems.append(Problem(False, f"{text}: lower vocabulary.min_count or give more captions"))
    if examples.blank or facts.wordless:
        some = f": {_some(facts.wordless)}" if facts.wordless else ""
        text = f"{_count(examples.blank, 'caption')} blank, {len(facts.wordless):,} without a word{some}"
        problems.append(Problem(False, text))
    if facts.cut:
        text = f"{_count(facts.cut, 'caption')} of more than {options.max_length - 2} words, which training cuts"
        problems.append(Problem(False, f"{text}; the longest has {facts.length.largest}: {facts.longest[0]}"))
    if facts.repeated:
        text = f"{_count(facts.repeated, 'caption')} word for word like another of the same picture"
        problems.append(Problem(False, text))
    return problems


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _EXAMPLES
    return ", ".join(names[:_EXAMPLES]) + (f" and {rest:,} more" if rest > 0 else "")


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
