"""What a picture shows, in plain names, by the classifier that its encoder was trained with; and captions that say so.

Comes in: embeddings, and a `Tagger` out of a model bundle. Goes out: for every picture a few `Tag`s with calibrated
probabilities. Everything is NumPy; docs/guide/tags.md tells how the names came about and how they are calibrated.
"""

from showtell.captioning.tags.head import ClassHead
from showtell.captioning.tags.names import CLASSES, Name, imagenet_names
from showtell.captioning.tags.tagger import LEAST, MOST, Tag, TagCalibration, Tagger, tagger_of

__all__ = [
    "CLASSES",
    "LEAST",
    "MOST",
    "ClassHead",
    "Name",
    "Tag",
    "TagCalibration",
    "Tagger",
    "imagenet_names",
    "tagger_of",
]
