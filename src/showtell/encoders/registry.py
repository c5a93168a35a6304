"""The encoders by name. A source of weights registers its entries; everything else asks `find`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from showtell.encoders import efficientnet_lite
from showtell.encoders.runtime import EncoderInfo
from showtell.errors import InputError


@dataclass(frozen=True, slots=True)
class Entry:
    """One encoder: `describe` finds and checks its weights and says what it is, `export` builds its ONNX graph."""

    describe: Callable[[], EncoderInfo]
    export: Callable[[], bytes]


def _entries() -> dict[str, Entry]:
    source = efficientnet_lite
    return {name: Entry(partial(source.describe, name), partial(source.export, name)) for name in source.VARIANTS}


def encoder_names() -> list[str]:
    """Names that `find` knows."""
    return sorted(_entries())


def find(name: str) -> Entry:
    """The entry of an encoder; an `InputError` that lists the names where there is none."""
    entries = _entries()
    if name not in entries:
        raise InputError(f"encoder {name!r} is unknown: choose one of {', '.join(sorted(entries))}")
    return entries[name]
