"""Showtell trains image captioners and captions pictures, on an ordinary CPU.

    from showtell import Captioner
    print(Captioner().caption("photo.jpg").text)

The public names load on first use, so that `import showtell` costs milliseconds and never imports PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from showtell._version import __version__

if TYPE_CHECKING:
    from showtell.captioning.captioner import Caption, Captioned, Captioner, Word
    from showtell.errors import ShowtellError
    from showtell.estimator import CaptioningEstimator
    from showtell.evaluation import Evaluation, evaluate
    from showtell.metrics import Scores, score
    from showtell.models.names import list_models
    from showtell.training import train

_HOMES = {
    "Caption": "showtell.captioning.captioner",
    "Captioned": "showtell.captioning.captioner",
    "Captioner": "showtell.captioning.captioner",
    "CaptioningEstimator": "showtell.estimator",
    "Evaluation": "showtell.evaluation",
    "Scores": "showtell.metrics",
    "ShowtellError": "showtell.errors",
    "Word": "showtell.captioning.captioner",
    "evaluate": "showtell.evaluation",
    "list_models": "showtell.models.names",
    "score": "showtell.metrics",
    "train": "showtell.training",
}

__all__ = [
    "Caption",
    "Captioned",
    "Captioner",
    "CaptioningEstimator",
    "Evaluation",
    "Scores",
    "ShowtellError",
    "Word",
    "__version__",
    "evaluate",
    "list_models",
    "score",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'showtell' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
