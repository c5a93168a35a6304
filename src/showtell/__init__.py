"""Showtell trains image captioners and captions pictures, on an ordinary CPU.

    from showtell import Captioner
    print(Captioner().caption("photo.jpg").text)

The public names load on first use, so that `import showtell` costs milliseconds and never imports PyTorch.
docs/reference/python-api.md describes each of them. Everything below the package may move between releases.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from showtell._version import __version__

if TYPE_CHECKING:
    from showtell.alt_text import AltTextOptions, TextStyle, plan_alt_texts, write_alt_texts
    from showtell.alt_text import Step as AltTextStep
    from showtell.alt_text import Summary as AltTextSummary
    from showtell.captioning.attention import overlay
    from showtell.captioning.caption import NOT_SURE, Caption, Captioned, Word
    from showtell.captioning.captioner import Captioner
    from showtell.captioning.golden import Replay, replay
    from showtell.captioning.jobs import caption_pieces
    from showtell.captioning.options import CaptionOptions
    from showtell.captioning.tags import Tag
    from showtell.client import AsyncClient, Client, ServiceError
    from showtell.data.captions.caption_set import CaptionSet, read_captions
    from showtell.data.examples import DataOptions, Examples, load_examples
    from showtell.data.sources.base import RawPicture
    from showtell.data.sources.gather import PictureSelection, Sample
    from showtell.data.sources.picture_source import PictureSource
    from showtell.embeddings.embed import EmbedOptions, EmbedResult, embed
    from showtell.embeddings.store import EmbeddingStore
    from showtell.encoders import Encoder, EncoderInfo, encoder_graph, encoder_names
    from showtell.errors import (
        BundleError,
        InputError,
        MissingExtra,
        NotFittedError,
        PictureError,
        ShowtellError,
        StoreError,
    )
    from showtell.estimator import CaptioningEstimator
    from showtell.evaluation import (
        EvaluatedPicture,
        Evaluation,
        Figure,
        TrainingCaption,
        evaluate,
        read_evaluation,
        write_evaluation,
    )
    from showtell.evaluation.next_word import Check as NextWordCheck
    from showtell.evaluation.next_word import check as check_next_words
    from showtell.images.decode import DecodeOptions, Picture, decode
    from showtell.images.preprocessing import Preprocessing, normalize, square
    from showtell.metrics import (
        DEFAULT_METRICS,
        METRICS,
        CiderD,
        DocumentFrequency,
        JavaOptions,
        MetricScores,
        Scores,
        bleu,
        bootstrap,
        cider,
        cider_d,
        meteor,
        ptb_tokenize,
        rouge_l,
        score,
        signature_fields,
    )
    from showtell.metrics.comparison import Difference, compare
    from showtell.models.bundle import Bundle, read_bundle, write_bundle
    from showtell.models.names import default_model, find_model, list_models
    from showtell.post_training.calibration import calibrate
    from showtell.post_training.quantize import Quantized, quantize
    from showtell.post_training.search_tuning import Tuned, tune
    from showtell.pretrained.run import Imported, import_model
    from showtell.progress import show_progress
    from showtell.ray import captions_on as ray_captions
    from showtell.ray import cluster as ray_cluster
    from showtell.ray import embed_on as ray_embed
    from showtell.ray import pieces_on as ray_pieces
    from showtell.ray.train import train_on as ray_train
    from showtell.search import SearchOptions, temper
    from showtell.serve import create_app
    from showtell.text import Vocabulary, pad_batch, tokenize
    from showtell.training import Progress as TrainingProgress
    from showtell.training import Recipe, SeedsResult, TrainResult, Watch, read_recipe, recipe_from, train, train_seeds
    from showtell.training import Stopped as TrainingStopped
    from showtell.training.batches import PictureBatches
    from showtell.visualization.learning_curves import learning_curves_svg

# Where each public name is defined: the module, and its name there where that is another.
_HOMES = {
    "AltTextOptions": "showtell.alt_text",
    "AltTextStep": "showtell.alt_text:Step",
    "AltTextSummary": "showtell.alt_text:Summary",
    "AsyncClient": "showtell.client",
    "Bundle": "showtell.models.bundle",
    "BundleError": "showtell.errors",
    "Caption": "showtell.captioning.caption",
    "CaptionOptions": "showtell.captioning.options",
    "CaptionSet": "showtell.data.captions.caption_set",
    "Captioned": "showtell.captioning.caption",
    "Captioner": "showtell.captioning.captioner",
    "CaptioningEstimator": "showtell.estimator",
    "CiderD": "showtell.metrics",
    "Client": "showtell.client",
    "DEFAULT_METRICS": "showtell.metrics",
    "DataOptions": "showtell.data.examples",
    "DecodeOptions": "showtell.images.decode",
    "Difference": "showtell.metrics.comparison",
    "DocumentFrequency": "showtell.metrics",
    "EmbedOptions": "showtell.embeddings.embed",
    "EmbedResult": "showtell.embeddings.embed",
    "EmbeddingStore": "showtell.embeddings.store",
    "Encoder": "showtell.encoders",
    "EncoderInfo": "showtell.encoders",
    "EvaluatedPicture": "showtell.evaluation",
    "Evaluation": "showtell.evaluation",
    "Examples": "showtell.data.examples",
    "Figure": "showtell.evaluation",
    "InputError": "showtell.errors",
    "JavaOptions": "showtell.metrics",
    "METRICS": "showtell.metrics",
    "MetricScores": "showtell.metrics",
    "MissingExtra": "showtell.errors",
    "NOT_SURE": "showtell.captioning.caption",
    "NextWordCheck": "showtell.evaluation.next_word:Check",
    "NotFittedError": "showtell.errors",
    "Picture": "showtell.images.decode",
    "PictureBatches": "showtell.training.batches",
    "PictureError": "showtell.errors",
    "PictureSelection": "showtell.data.sources.gather",
    "PictureSource": "showtell.data.sources.picture_source",
    "Preprocessing": "showtell.images.preprocessing",
    "Imported": "showtell.pretrained.run",
    "Quantized": "showtell.post_training.quantize",
    "RawPicture": "showtell.data.sources.base",
    "Recipe": "showtell.training",
    "Replay": "showtell.captioning.golden",
    "Sample": "showtell.data.sources.gather",
    "Scores": "showtell.metrics",
    "SearchOptions": "showtell.search",
    "SeedsResult": "showtell.training",
    "ServiceError": "showtell.client",
    "ShowtellError": "showtell.errors",
    "StoreError": "showtell.errors",
    "Tag": "showtell.captioning.tags",
    "TextStyle": "showtell.alt_text",
    "TrainResult": "showtell.training",
    "TrainingCaption": "showtell.evaluation",
    "TrainingProgress": "showtell.training:Progress",
    "TrainingStopped": "showtell.training:Stopped",
    "Tuned": "showtell.post_training.search_tuning",
    "Vocabulary": "showtell.text",
    "Watch": "showtell.training",
    "Word": "showtell.captioning.caption",
    "bleu": "showtell.metrics",
    "bootstrap": "showtell.metrics",
    "calibrate": "showtell.post_training.calibration",
    "caption_pieces": "showtell.captioning.jobs",
    "check_next_words": "showtell.evaluation.next_word:check",
    "cider": "showtell.metrics",
    "cider_d": "showtell.metrics",
    "compare": "showtell.metrics.comparison",
    "create_app": "showtell.serve",
    "decode": "showtell.images.decode",
    "default_model": "showtell.models.names",
    "embed": "showtell.embeddings.embed",
    "encoder_graph": "showtell.encoders",
    "encoder_names": "showtell.encoders",
    "evaluate": "showtell.evaluation",
    "find_model": "showtell.models.names",
    "learning_curves_svg": "showtell.visualization.learning_curves",
    "list_models": "showtell.models.names",
    "load_examples": "showtell.data.examples",
    "meteor": "showtell.metrics",
    "normalize": "showtell.images.preprocessing",
    "overlay": "showtell.captioning.attention",
    "pad_batch": "showtell.text",
    "plan_alt_texts": "showtell.alt_text",
    "ptb_tokenize": "showtell.metrics",
    "import_model": "showtell.pretrained.run",
    "quantize": "showtell.post_training.quantize",
    "ray_captions": "showtell.ray:captions_on",
    "ray_cluster": "showtell.ray:cluster",
    "ray_embed": "showtell.ray:embed_on",
    "ray_pieces": "showtell.ray:pieces_on",
    "ray_train": "showtell.ray.train:train_on",
    "read_bundle": "showtell.models.bundle",
    "read_captions": "showtell.data.captions.caption_set",
    "read_evaluation": "showtell.evaluation",
    "read_recipe": "showtell.training",
    "recipe_from": "showtell.training",
    "replay": "showtell.captioning.golden",
    "rouge_l": "showtell.metrics",
    "score": "showtell.metrics",
    "show_progress": "showtell.progress",
    "signature_fields": "showtell.metrics",
    "square": "showtell.images.preprocessing",
    "temper": "showtell.search",
    "tokenize": "showtell.text",
    "train": "showtell.training",
    "train_seeds": "showtell.training",
    "tune": "showtell.post_training.search_tuning",
    "write_alt_texts": "showtell.alt_text",
    "write_bundle": "showtell.models.bundle",
    "write_evaluation": "showtell.evaluation",
}

__all__ = [
    "DEFAULT_METRICS",
    "METRICS",
    "NOT_SURE",
    "AltTextOptions",
    "AltTextStep",
    "AltTextSummary",
    "AsyncClient",
    "Bundle",
    "BundleError",
    "Caption",
    "CaptionOptions",
    "CaptionSet",
    "Captioned",
    "Captioner",
    "CaptioningEstimator",
    "CiderD",
    "Client",
    "DataOptions",
    "DecodeOptions",
    "Difference",
    "DocumentFrequency",
    "EmbedOptions",
    "EmbedResult",
    "EmbeddingStore",
    "Encoder",
    "EncoderInfo",
    "EvaluatedPicture",
    "Evaluation",
    "Examples",
    "Figure",
    "Imported",
    "InputError",
    "JavaOptions",
    "MetricScores",
    "MissingExtra",
    "NextWordCheck",
    "NotFittedError",
    "Picture",
    "PictureBatches",
    "PictureError",
    "PictureSelection",
    "PictureSource",
    "Preprocessing",
    "Quantized",
    "RawPicture",
    "Recipe",
    "Replay",
    "Sample",
    "Scores",
    "SearchOptions",
    "SeedsResult",
    "ServiceError",
    "ShowtellError",
    "StoreError",
    "Tag",
    "TextStyle",
    "TrainResult",
    "TrainingCaption",
    "TrainingProgress",
    "TrainingStopped",
    "Tuned",
    "Vocabulary",
    "Watch",
    "Word",
    "__version__",
    "bleu",
    "bootstrap",
    "calibrate",
    "caption_pieces",
    "check_next_words",
    "cider",
    "cider_d",
    "compare",
    "create_app",
    "decode",
    "default_model",
    "embed",
    "encoder_graph",
    "encoder_names",
    "evaluate",
    "find_model",
    "import_model",
    "learning_curves_svg",
    "list_models",
    "load_examples",
    "meteor",
    "normalize",
    "overlay",
    "pad_batch",
    "plan_alt_texts",
    "ptb_tokenize",
    "quantize",
    "ray_captions",
    "ray_cluster",
    "ray_embed",
    "ray_pieces",
    "ray_train",
    "read_bundle",
    "read_captions",
    "read_evaluation",
    "read_recipe",
    "recipe_from",
    "replay",
    "rouge_l",
    "score",
    "show_progress",
    "signature_fields",
    "square",
    "temper",
    "tokenize",
    "train",
    "train_seeds",
    "tune",
    "write_alt_texts",
    "write_bundle",
    "write_evaluation",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'showtell' has no attribute {name!r}")
    module, _, inner = _HOMES[name].partition(":")
    value = getattr(import_module(module), inner or name)
    globals()[name] = value  # the next use finds it without this function
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
