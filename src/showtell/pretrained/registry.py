"""The registry of families: those that the modules of `showtell.pretrained.families` register."""

import functools
import importlib
import pkgutil
from collections.abc import Mapping

from showtell.errors import InputError
from showtell.pretrained import families as room
from showtell.pretrained.families.base import REGISTERED, Family


@functools.cache
def families() -> Mapping[str, Family]:
    """All families by the `model_type` of their configurations. It imports the modules of the room."""
    for module in pkgutil.iter_modules(room.__path__):
        importlib.import_module(f"{room.__name__}.{module.name}")
    return {name: REGISTERED[name] for name in sorted(REGISTERED)}


def family_of(model_type: object, source: str) -> Family:
    """The family of a model; an `InputError` that names what is known if there is none."""
    known = families()
    if not isinstance(model_type, str) or model_type not in known:
        raise InputError(f"{source}: its config.json is of the kind {model_type!r}: known are {', '.join(known)}")
    return known[model_type]
