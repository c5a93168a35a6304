"""TOML tables -> frozen dataclasses of options. A misspelt key or a value of another type is an error."""

import dataclasses
import math
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from showtell.errors import InputError, near, one_line

OWN_KEYS = frozenset({"name", "pictures", "captions", "validation_captions"})
"""Keys that tell data sets of one recipe apart, so that no option sets them in all of them."""


def read_tables(path: str | Path) -> dict[str, Any]:
    """Read the tables of a TOML file, unchecked; an `InputError` if the file is missing or not TOML."""
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: not TOML ({one_line(error)})") from error


def table_of(values: dict[str, Any], name: str) -> dict[str, Any]:
    """The table `name`, empty if there is none; an `InputError` if `name` is something other than a table."""
    table = values.get(name, {})
    if not isinstance(table, dict):
        raise InputError(f"{name} must be a table: [{name}]")
    return table


def fill(name: str, cls: type[Any], table: dict[str, Any]) -> Any:
    """An instance of the dataclass `cls` with the table's values in place of its defaults.

    Raises:
        InputError: a key is not a field of `cls`, or a value does not have the type of its default.
    """
    fields = {f.name: f for f in dataclasses.fields(cls)}
    filled = {}
    for key, value in table.items():
        if key not in fields:
            raise InputError(f"[{name}] has no key {key!r}{near(key, fields)}: it has {', '.join(fields)}")
        default = fields[key].default
        if isinstance(default, tuple):
            if isinstance(value, str):
                value = (value,)
            if not isinstance(value, (list, tuple)):
                raise InputError(f"[{name}] {key} must be a list")
            value = tuple(value)
        elif isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        elif isinstance(default, (bool, int, float, str)) and type(value) is not type(default):
            raise InputError(f"[{name}] {key} must be of type {type(default).__name__}, not {value!r}")
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"[{name}] {key} must be a finite number, not {value:g}")
        filled[key] = value
    return cls(**filled)


def change(tables: dict[str, Any], key: str, value: Any) -> None:
    """Set `table.key`, or a key of a nested table; missing tables are created.

    Where a table is written several times, as `[[data]]`, the key is set in each of them.

    Raises:
        InputError: something on the way is no table, or each of several tables needs a value of its own.
    """
    *path, name = key.split(".")
    for depth, step in enumerate(path):
        inner = tables.get(step)
        if isinstance(inner, list) and all(isinstance(one, dict) for one in inner):
            rest = ".".join([*path[depth + 1 :], name])
            if rest in OWN_KEYS:
                raise InputError(f"{key}: each [[{step}]] of the recipe has its own: change it there")
            for one in inner:
                change(one, rest, value)
            return
        tables = table_of(tables, step) if step in tables else tables.setdefault(step, {})
    tables[name] = value


def assign(tables: dict[str, Any], assignments: Iterable[str]) -> None:
    """Apply each `table.key=value` in order. A value that is not TOML is taken as text, so text needs no quotes."""
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise InputError(f"--set {assignment}: write it as table.key=value")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except (tomllib.TOMLDecodeError, RecursionError):
            value = text
        change(tables, key.strip(), value)
