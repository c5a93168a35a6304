"""Facts about a data set -> its problems for training, in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from showtell.data.examples import Examples
from showtell.data_check.captions import CaptionFacts, look_at_captions
from showtell.data_check.pictures import NOTHING_READ, PictureFacts, look_at_pictures
from showtell.encoders.runtime import EncoderOutput
from showtell.images.preprocessing import ResizeMode
from showtell.progress import plural
from showtell.text import TokenRules, guess_rules

MOST_READ = 500
"""The largest number of pictures that training reads once more before it starts, to find what is wrong with them."""

_LEAST = 5  # of fewer training pictures nothing can be learned
_FEW = 100  # a model learns little from fewer training pictures
_FEW_TO_VALIDATE = 30  # scores of fewer are mostly chance
_UNKNOWN = 0.1  # with a larger share of unknown words, captions have many gaps
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class SurveyOptions:
    """The parts of a recipe that matter beside its data.

    A batch of different pictures needs `least_train` and `least_validation` of them. With `mirrored`, training pictures
    are embedded twice. `quick` reads 200 random pictures instead of all.
    """

    min_count: int = 5
    tokenizer: str = "auto"
    case: str = "auto"
    punctuation: str = "drop"
    max_length: int = 22
    least_train: int = 1
    least_validation: int = 1
    encoder: str = "efficientnet_lite2"
    output: EncoderOutput = "pooled"
    resize: ResizeMode = "crop"
    mirrored: bool = False
    quick: bool = False

    def rules(self, examples: Examples) -> TokenRules:
        """How the captions are split, as training will guess it where nothing is set."""
        captions = (text for name in examples.train for text in examples.captions[name])
        return guess_rules(captions, self.tokenizer, self.case, self.punctuation)

    def caption_facts(self, examples: Examples) -> CaptionFacts:
        """What these options make of the captions."""
        return look_at_captions(
            examples.captions,
            examples.train,
            examples.validation,
            min_count=self.min_count,
            max_length=self.max_length,
            rules=self.rules(examples),
        )


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem with the data; training cannot work with a `fatal` one."""

    fatal: bool
    text: str


def look_before_training(
    examples: Examples, options: SurveyOptions, *, most: int = MOST_READ, show: bool = True
) -> list[Problem]:
    """The problems of a data set that can be found quickly: of captions and names, and of at most `most` pictures.

    Arguments:
        examples: the pictures and captions.
        options: the parts of a recipe that matter beside them.
        most: pictures are read only if there are no more than these.
        show: show a progress bar.
    """
    names = [*examples.train, *examples.validation]
    pictures = look_at_pictures(examples.source, names, show=show) if len(names) <= most else NOTHING_READ
    captions = options.caption_facts(examples)
    return [*picture_problems(examples, pictures, options), *caption_problems(examples, captions, options)]


def picture_problems(examples: Examples, facts: PictureFacts, options: SurveyOptions) -> list[Problem]:
    """The problems of the pictures, and of names without their other half."""
    problems = []
    if facts.broken_off:
        problems.append(Problem(True, facts.broken_off))
    bad = {name for name, _ in facts.unreadable}
    if bad:
        some = _some([f"{name} ({reason})" for name, reason in facts.unreadable])
        problems.append(Problem(False, f"{plural(len(bad), 'picture')} cannot be read: {some}"))
    for verb, names, least in (
        ("train", examples.train, options.least_train),
        ("validate", examples.validation, options.least_validation),
    ):
        good = len(names) - len(bad.intersection(names))
        if good < least:
            text = f"{plural(good, 'readable picture')} to {verb} on, fewer than the {least:,} of a batch"
            problems.append(Problem(True, text))
    if len(examples.train) < _LEAST:
        text = f"only {plural(len(examples.train), 'picture')} to train on, of which a model learns nothing"
        problems.append(Problem(True, f"{text}: give at least {_LEAST}, and better some hundred"))
    elif len(examples.train) < _FEW:
        text = f"only {plural(len(examples.train), 'picture')} to train on: add more, or start from a model"
        problems.append(Problem(False, text))
    if 0 < len(examples.validation) < _FEW_TO_VALIDATE:
        text = f"only {plural(len(examples.validation), 'picture')} to validate on, so scores are rough"
        problems.append(Problem(False, f"{text}: give more pictures, or raise data.validation_fraction"))
    train, validation = set(examples.train), set(examples.validation)
    shared = [group for group in facts.twins if train.intersection(group) and validation.intersection(group)]
    within = [group for group in facts.twins if group not in shared]
    for groups, where in ((shared, "both to train and to validate on"), (within, "twice in the same split")):
        if groups:
            some = _some([" = ".join(group) for group in groups])
            problems.append(Problem(False, f"{plural(len(groups), 'picture')} byte for byte {where}: {some}"))
    if names := examples.alignment.without_captions:
        problems.append(Problem(False, f"{plural(len(names), 'picture')} without captions: {_some(names)}"))
    if names := examples.alignment.without_pictures:
        problems.append(Problem(False, f"{plural(len(names), 'captioned name')} without a picture: {_some(names)}"))
    return problems


def caption_problems(examples: Examples, facts: CaptionFacts, options: SurveyOptions) -> list[Problem]:
    """The problems of the captions."""
    problems = []
    if facts.vocabulary and facts.different == 1:
        problems.append(Problem(True, f"all captions have the same words: {facts.longest[1]!r}"))
    if not facts.vocabulary:
        text = f"no word occurs {options.min_count} times in the training captions: lower vocabulary.min_count"
        problems.append(Problem(True, text))
    elif options.min_count == 1 and facts.unknown_validation > _UNKNOWN:
        text = "more than one word in ten to validate on occurs in no training caption: give more captions"
        problems.append(Problem(False, text))
    elif max(facts.unknown_train, facts.unknown_validation) > _UNKNOWN:
        text = f"more than one word in ten is unknown (occurs under {options.min_count} times)"
        problems.append(Problem(False, f"{text}: lower vocabulary.min_count or give more captions"))
    if examples.blank or facts.wordless:
        some = f": {_some(facts.wordless)}" if facts.wordless else ""
        text = f"{plural(examples.blank, 'caption')} blank, {len(facts.wordless):,} without a word{some}"
        problems.append(Problem(False, text))
    if facts.cut:
        text = f"{plural(facts.cut, 'caption')} of more than {options.max_length - 2} words, which training cuts"
        problems.append(Problem(False, f"{text}; the longest has {facts.length.largest}: {facts.longest[0]}"))
    if facts.repeated:
        text = f"{plural(facts.repeated, 'caption')} word for word like another of the same picture"
        problems.append(Problem(False, text))
    return problems


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _EXAMPLES
    return ", ".join(names[:_EXAMPLES]) + (f" and {rest:,} more" if rest > 0 else "")
