"""Values of options that several commands take."""

from enum import StrEnum


class Resize(StrEnum):
    """How pictures are made square."""

    crop = "crop"
    squash = "squash"
    pad = "pad"
