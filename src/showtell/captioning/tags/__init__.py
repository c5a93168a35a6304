"""Tags: plain names of what a picture shows, from the classifier that the encoder was trained with; and guiding.

Input: embeddings, and a `Tagger` from a model bundle. Output: for every picture a few `Tag`s with calibrated
probabilities. Everything is NumPy. docs/explanation/tags.md explains the names and their calibration.
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
