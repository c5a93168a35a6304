"""The interface of families, and the decorator that registers them.

A family is a function in a file of this room. It takes a `Model`, what lies in the folder of one, and returns `Parts`:
the tower as nodes of a graph, and the decoder as arrays.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from showtell.errors import InputError, refuse_duplicate
from showtell.pretrained.graph import ACTIVATIONS, Graph
from showtell.pretrained.modules import TextDecoder
from showtell.pretrained.steps import Prepare
from showtell.pretrained.weights import Weights

Config: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Model:
    """The folder of a model: `config.json`, the weights, the side in pixels to which its processor brings pictures, and
    its tokenizer as a function from text to ids.
    """

    config: Config
    weights: Weights
    side: int
    pieces: Callable[[str], list[int]]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a family makes of a model.

    `tower` appends the vision tower's nodes to a graph, from its input `picture` `(B, 3, S, S)` to rows `(B * L, D)`;
    `tokens` is `(L, D)` and `size` is S. `start` and `end` are the tokens before and after a sentence; `forced` tokens
    follow the first and are no words. `prepare` and `prefix` are those of `showtell.pretrained.steps.step_graphs`.
    `details` are the tasks that the model knows, each with its `prepare`.
    """

    tower: Callable[[Graph], str]
    tokens: tuple[int, int]
    size: int
    decoder: TextDecoder
    start: int
    end: int
    prepare: Prepare | None = None
    prefix: bool = False
    forced: tuple[int, ...] = ()
    details: Mapping[str, Prepare] = field(default_factory=dict)


Read: TypeAlias = Callable[[Model], Parts]


@dataclass(frozen=True, slots=True)
class Family:
    """A family: the `model_type` of its configurations, a line of help, and the function that reads a model."""

    model_type: str
    help: str
    read: Read


REGISTERED: dict[str, Family] = {}
"""The families of the modules imported so far, by `model_type`; `showtell.pretrained.registry.families` has all."""


def family(model_type: str, *, help: str) -> Callable[[Read], Read]:
    """Register a function as the reader of models with this `model_type` in their `config.json`."""

    def register(read: Read) -> Read:
        if model_type in REGISTERED:
            refuse_duplicate(f"the family {model_type!r}", REGISTERED[model_type].read, read)
        REGISTERED[model_type] = Family(model_type, help, read)
        return read

    return register


def section(config: Config, name: str) -> Config:
    """A nested configuration.

    Raises:
        InputError: there is none.
    """
    value = config.get(name)
    if not isinstance(value, Mapping):
        raise InputError(f"config.json has no {name}")
    return value


def whole(config: Config, name: str, default: int | None = None) -> int:
    """An integer of a configuration; the default where it is missing or null.

    Raises:
        InputError: it is missing without a default, or no integer.
    """
    value = config.get(name)
    value = default if value is None else value
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"config.json: {name} must be an integer, not {value!r}")
    return value


def side_of(config: Config) -> int:
    """The side of the pictures that a tower takes, in pixels.

    Raises:
        InputError: they are not squares.
    """
    value = config.get("image_size", 224)
    sides = set(value) if isinstance(value, list) else {value}
    if len(sides) != 1 or not isinstance(value := sides.pop(), int):
        raise InputError(
            f"config.json: image_size {config.get('image_size')!r} is no square, which is all that is known"
        )
    return value


def activation_of(config: Config, name: str, default: str) -> str:
    """An activation's name.

    Raises:
        InputError: it is unknown.
    """
    value = config.get(name, default)
    if value not in ACTIVATIONS:
        raise InputError(f"config.json: {name} {value!r} is unknown: known are {', '.join(ACTIVATIONS)}")
    return str(value)
