"""Recipes: everything that makes one model, as frozen options per room, read from a TOML file.

    name = "my-model"
    [data]        pictures, captions, their format and splits; or [[data]] for each of several data sets
    [encoder]     name, weights, output, resize, precision
    [vocabulary]  min_count, and how text is split
    [text]        captions without pictures
    [decoder]     kind and that kind's options
    [training]    epochs, batch size, learning rate, ...
    [fine_tune]   a stage that trains the encoder as well
    [self_critical] a last stage that optimizes CIDEr-D [search]      search settings, for validation and as the model's
    defaults [export]      how the model stores its weights [card]        license, data, limits: copied into the model
    card

An unknown table or key is an error that names the file, so that a misspelt option is never ignored.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from showtell.config import fill, read_tables, table_of
from showtell.data.examples import DataOptions, data_options
from showtell.decoders.base import DecoderOptions
from showtell.decoders.registry import kind_of
from showtell.decoders.show_and_tell import ShowAndTellOptions
from showtell.encoders.runtime import EncoderOutput, Precision
from showtell.errors import InputError, near
from showtell.images.preprocessing import ResizeMode
from showtell.metrics.registry import figures_by_key
from showtell.search import SearchOptions
from showtell.text import guess_rules

FROM_MODEL = "from_model"
"""The name of the encoder of the model that a run starts from, exactly as the model has it."""


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """The pretrained network, its output, and how pictures are made square for it.

    The name `from_model` is the encoder of the model that `[training] from_model` names, exactly as it has it.

    `weights` is a file with the network's weights, for sources (`keras:`, `timm:`) that would otherwise download them.
    With `mirrored` every training picture is embedded a second time with left and right exchanged, and each training
    step uses one of the two at random. Captions that mention left or right keep the original picture.
    """

    name: str = "efficientnet_lite2"
    weights: str = ""
    output: EncoderOutput = "pooled"
    resize: ResizeMode = "crop"
    mirrored: bool = False
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        if self.precision not in get_args(Precision):
            raise InputError(f"precision {self.precision!r} is unknown: choose one of {', '.join(get_args(Precision))}")


@dataclass(frozen=True, slots=True)
class VocabularyOptions:
    """A word enters the vocabulary when it occurs `min_count` times in the training captions.

    `tokenizer` splits captions into `words`, `characters` or `subwords`; `auto` takes characters for scripts without
    spaces between words. `case` is `lower` or `keep`; `auto` keeps it where nouns have capitals. `punctuation` is
    `drop` or `keep`. `subwords` is the most that are learned. `tags` says whether the model gets the names of its
    encoder's classes, which are English: `auto` if the captions are.
    """

    min_count: int = 5
    tokenizer: Literal["auto", "words", "characters", "subwords"] = "auto"
    case: Literal["auto", "lower", "keep"] = "auto"
    punctuation: Literal["drop", "keep"] = "drop"
    subwords: int = 4000
    tags: Literal["auto", "on", "off"] = "auto"

    def __post_init__(self) -> None:
        guess_rules((), self.tokenizer, self.case, self.punctuation)
        if self.tags not in ("auto", "on", "off"):
            raise InputError(f"tags {self.tags!r} is unknown: choose auto, on or off")
        if self.min_count < 1 or self.subwords < 1:
            raise InputError("min_count and subwords must be at least 1")


@dataclass(frozen=True, slots=True)
class TextOptions:
    """Captions without pictures, which the first stage trains on beside the pictures'; none where `captions` is empty.

    `captions` are files in any caption format. An epoch meets `share` batches of them for every batch of pictures'
    captions. A word of theirs enters the vocabulary when it occurs `min_count` times
    (0: none does). `ridge` is the penalty of the
    regression that gives them embeddings (`showtell.training.text_only`).
    """

    captions: tuple[str, ...] = ()
    share: float = 1.0
    min_count: int = 40
    ridge: float = 40.0

    def __post_init__(self) -> None:
        if self.share <= 0 or self.min_count < 0 or self.ridge <= 0:
            raise InputError("share and ridge of [text] must be positive, and min_count at least 0")


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """The loop.

    An epoch goes through every caption in batches of similar length. With `epoch_steps` it is so many batches of
    different random pictures with one random caption each, as in the course notebook. The validation loss uses
    `validation_batches` of the same kind (0: every caption); `validation_pictures` are captioned and scored (0: all).
    `best_by` chooses the epoch that is exported: by a figure of a registered metric, such as `cider_d`, by the
    validation loss, `val_loss`, or simply the `last`. `average` is the decay of the exponential moving average of the
    weights, which is validated and exported (0: the weights themselves). `checkpoint_steps` is the number of steps
    between checkpoints within an epoch (0: only at its end). `keep_epochs` keeps the checkpoint of each epoch,
    `weights_0.safetensors` and so on, and the final one, `weights.safetensors`. With `patience` a stage ends after so
    many epochs in a row without a new best (0: it never ends early). `clip_norm` 0 does not clip gradients. `precision`
    is the type of the matrix products in a training step; weights, losses and validation stay in float32. `bfloat16`
    takes half the time on processors with bfloat16 products.

    `from_model` is a bundle, or the name of a model: the decoder starts from its weights and knows its words, too. The
    recipe's `[decoder]` must be the model's.
    """

    epochs: int = 10
    batch_size: int = 64
    epoch_steps: int = 0
    validation_batches: int = 0
    validation_pictures: int = 0
    max_length: int = 22
    learning_rate: float = 1e-3
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup_steps: int = 0
    weight_decay: float = 0.0
    clip_norm: float = 5.0
    label_smoothing: float = 0.0
    average: float = 0.0
    best_by: str = "cider_d"
    precision: Literal["float32", "bfloat16"] = "float32"
    checkpoint_steps: int = 200
    keep_epochs: bool = False
    patience: int = 0
    seed: int = 0
    from_model: str = ""

    def __post_init__(self) -> None:
        if self.schedule not in ("constant", "cosine"):
            raise InputError(f"schedule {self.schedule!r} is unknown: choose constant or cosine")
        if self.best_by not in (choices := [*figures_by_key(), "val_loss", "last"]):
            raise InputError(
                f"best_by {self.best_by!r} is unknown{near(self.best_by, choices)}: choose one of {', '.join(choices)}"
            )
        if self.precision not in ("float32", "bfloat16"):
            raise InputError(f"precision {self.precision!r} is unknown: choose float32 or bfloat16")
        if self.epochs < 1 or self.batch_size < 1 or self.learning_rate <= 0:
            raise InputError("epochs, batch_size and learning_rate must be positive")
        counts = (self.epoch_steps, self.validation_batches, self.validation_pictures, self.checkpoint_steps)
        if min(*counts, self.patience) < 0:
            raise InputError("counts of steps, batches, pictures and epochs must be at least 0")
        if self.seed < 0:
            raise InputError(f"the seed must be at least 0, not {self.seed}")
        if not (0 <= self.average < 1 and 0 <= self.label_smoothing < 1):
            raise InputError("average and label_smoothing must lie in [0, 1)")


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How the bundle stores the decoder's matrices: in float16, or in int8 with half the size
    (`showtell.quantization.int8_weights`).
    """

    weights: Literal["float16", "int8"] = "float16"

    def __post_init__(self) -> None:
        if self.weights not in ("float16", "int8"):
            raise InputError(f"weights {self.weights!r} are unknown: choose float16 or int8")


@dataclass(frozen=True, slots=True)
class CardOptions:
    """The texts of the model card besides the scores; `commands` are those that made the model."""

    title: str = ""
    licence: str = ""
    data: str = ""
    limits: str = ""
    commands: str = ""


@dataclass(frozen=True, slots=True)
class FineTuneOptions:
    """The stage between cross-entropy and self-critical training; `epochs` 0 leaves it out.

    An epoch goes through every training picture once, `pictures` of them in a batch, with `captions` true captions of
    each (some twice if it has fewer). With `mirrored` half of the pictures are mirrored. The stage starts from the best
    epoch so far, with a new optimizer. `learning_rate` is the decoder's; the encoder has its own, and a `weight_decay`.
    The encoder is trained from its layer `first_layer` on, the beginning of a weight's name; empty trains all of it.
    With `depthwise` the kernels of depthwise convolutions are trained too, which takes as long as everything else
    together. `crop` is the smallest share of a picture's width and of its height in a random crop, which is scaled to
    the full size; it needs an encoder that is trained from its first layer on. `keep_classes` is the weight of a loss
    that keeps the encoder's original classes, which tags need (see `class_divergence`); 0 lets them drift.
    """

    epochs: int = 0
    pictures: int = 16
    captions: int = 5
    learning_rate: float = 5e-4
    encoder_learning_rate: float = 1e-4
    warmup_steps: int = 100
    weight_decay: float = 0.01
    first_layer: str = ""
    depthwise: bool = False
    mirrored: bool = True
    crop: float = 1.0
    keep_classes: float = 0.0

    def __post_init__(self) -> None:
        if self.epochs < 0 or self.pictures < 1 or self.captions < 1 or self.warmup_steps < 0:
            raise InputError("fine-tuning needs at least 1 picture per batch and 1 caption per picture")
        if self.learning_rate <= 0 or self.encoder_learning_rate <= 0 or min(self.weight_decay, self.keep_classes) < 0:
            raise InputError("fine-tuning needs positive learning rates, and weight_decay and keep_classes from 0 up")
        if not 0 < self.crop <= 1:
            raise InputError(f"crop is the smallest share of a picture's sides, in (0, 1], not {self.crop:g}")
        if self.crop < 1 and self.first_layer:
            raise InputError("crop needs an empty first_layer: layers before a later one run only once per picture")


@dataclass(frozen=True, slots=True)
class SelfCriticalOptions:
    """The last stage of training; `epochs` 0 leaves it out.

    An epoch goes through every training picture once, `pictures` of them in a batch, with `samples` captions sampled
    for each. The stage starts from the best epoch so far, with a new optimizer. `cross_entropy` is the weight of the
    first stage's loss in the gradient. If `encoder_learning_rate` is not 0, the encoder learns as well; [fine_tune]
    then sets its first trained layer, mirror images, crops, weight decay and classes to keep.
    """

    epochs: int = 0
    pictures: int = 32
    samples: int = 5
    learning_rate: float = 1e-4
    encoder_learning_rate: float = 0.0
    warmup_steps: int = 0
    cross_entropy: float = 0.0

    def __post_init__(self) -> None:
        if self.epochs < 0 or self.pictures < 1 or self.learning_rate <= 0 or self.warmup_steps < 0:
            raise InputError("self-critical training needs at least 1 picture per batch and a positive learning_rate")
        if self.encoder_learning_rate < 0:
            raise InputError("encoder_learning_rate must not be negative: 0 leaves the encoder as it is")
        if self.samples < 2:
            raise InputError(f"self-critical training needs at least 2 samples per picture, not {self.samples}")
        if not 0 <= self.cross_entropy < 1:
            raise InputError(f"cross_entropy must lie in [0, 1), not {self.cross_entropy:g}")


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that makes one model."""

    name: str = "model"
    data: tuple[DataOptions, ...] = (DataOptions(),)
    encoder: EncoderOptions = EncoderOptions()
    vocabulary: VocabularyOptions = VocabularyOptions()
    text: TextOptions = TextOptions()
    decoder_kind: str = "show_and_tell"
    decoder: DecoderOptions = ShowAndTellOptions()
    training: TrainingOptions = TrainingOptions()
    fine_tune: FineTuneOptions = FineTuneOptions()
    self_critical: SelfCriticalOptions = SelfCriticalOptions()
    search: SearchOptions = SearchOptions()
    export: ExportOptions = ExportOptions()
    card: CardOptions = CardOptions()

    def __post_init__(self) -> None:
        if self.self_critical.epochs and self.training.best_by == "val_loss":
            raise InputError("self-critical training raises the validation loss: set best_by to cider_d or bleu_4")
        if self.self_critical.encoder_learning_rate and not self.fine_tune.epochs:
            raise InputError("encoder_learning_rate of [self_critical] needs [fine_tune], which says what of it learns")

    def to_json(self) -> dict[str, Any]:
        """The recipe as JSON values with every default; `data` is a list if there are several data sets."""
        values = dataclasses.asdict(self) | {"search": self.search.to_json()}
        return values | {"data": values["data"][0]} if len(self.data) == 1 else values


_TABLES = {
    "data": DataOptions,
    "encoder": EncoderOptions,
    "vocabulary": VocabularyOptions,
    "text": TextOptions,
    "training": TrainingOptions,
    "fine_tune": FineTuneOptions,
    "self_critical": SelfCriticalOptions,
    "search": SearchOptions,
    "export": ExportOptions,
    "card": CardOptions,
}


def read_recipe(path: str | Path) -> Recipe:
    """Read a TOML recipe.

    Raises:
        InputError: the file is missing or not TOML, or has an unknown table, key or value; the message names it.
    """
    return recipe_from(read_tables(path), str(path))


def recipe_of(recipe: "Recipe | str | Path | Mapping[str, Any]") -> Recipe:
    """The recipe itself, or one read from a TOML file or from nested plain values; errors as for `read_recipe`."""
    if isinstance(recipe, Recipe):
        return recipe
    return read_recipe(recipe) if isinstance(recipe, (str, Path)) else recipe_from(dict(recipe))


def recipe_from(values: dict[str, Any], where: str = "") -> Recipe:
    """A recipe from nested plain values, such as those of a TOML file; the message of an `InputError` starts with
    `where`.
    """
    try:
        known = ["name", "decoder", *_TABLES]
        if unknown := sorted(set(values) - set(known)):
            raise InputError(
                f"unknown table or key {unknown[0]!r}{near(unknown[0], known)}: there are {', '.join(known)}"
            )
        tables = {name: fill(name, cls, table_of(values, name)) for name, cls in _TABLES.items() if name != "data"}
        decoder = dict(table_of(values, "decoder"))
        kind = decoder.pop("kind", "show_and_tell")
        options = fill("decoder", kind_of(kind).options, decoder)
        name = values.get("name", "model")
        if not isinstance(name, str) or not name or Path(name).name != name:
            raise InputError(f"name must be a file name without folders, not {name!r}")
        return Recipe(name=name, data=data_options(values), decoder_kind=kind, decoder=options, **tables)
    except InputError as error:
        raise InputError(f"{where}: {error}" if where else str(error)) from error
