"""Pictures and captions that a recipe names -> facts about them, and problems for training."""

import dataclasses
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from showtell.data.examples import DataOptions, load_examples
from showtell.data.sources.base import remarks_of
from showtell.data_check.captions import CaptionFacts
from showtell.data_check.embedding_cost import Estimate, encoder_at_hand, estimate
from showtell.data_check.pictures import PictureFacts, look_at_pictures
from showtell.data_check.problems import Problem, SurveyOptions, caption_problems, picture_problems

_DEFAULT = SurveyOptions()
_QUICK = 200  # pictures that a quick check reads


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
    options: SurveyOptions = _DEFAULT,
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
    captions = options.caption_facts(examples)
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
            *picture_problems(examples, pictures, options),
            *(Problem(False, line) for line in remarks_of(examples.source).lines()),
            *caption_problems(examples, captions, options),
        ),
        quick=len(looked) if len(looked) < len(names) else 0,
        notes=examples.notes,
    )
