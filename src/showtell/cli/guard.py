"""Protects inputs: before a command runs, its outputs are compared with its inputs, so that it never overwrites them.

An option has the same meaning in every command, so its name tells which files it names: `INPUTS` and `OUTPUTS` are the
tables, `NO_FILES` has the other options. A test requires every option of every command in one of them. Files are
compared by device and inode number, so that links, hard links and other spellings count as the file that they lead to.
"""

import contextlib
import math
import os
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import typer

from showtell.cli.help import PlainCommand, PlainGroup, named_values
from showtell.errors import InputError, ShowtellError

Options: TypeAlias = Mapping[str, Any]
"""A command's options by the names of its parameters."""

Find: TypeAlias = Callable[[str, Options], Iterator[Path]]
"""Gives the files that a value of an option names, given all options."""

_FileId: TypeAlias = tuple[int, int]


class Command(PlainCommand):
    """A command that refuses to overwrite its inputs, and refuses numbers that are not finite."""

    def invoke(self, ctx: Any) -> Any:
        """Compare, then run the command."""
        labels = {one.name: one.opts[0] if one.opts[0].startswith("-") else "" for one in self.params if one.name}
        for name, value in ctx.params.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise InputError(f"{labels.get(name) or name}: must be a finite number, not {value:g}")
        require_apart(str(self.name), ctx.params, labels)
        return super().invoke(ctx)


class App(typer.Typer):
    """A group of `Command`s."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"cls": PlainGroup} | options)

    def command(self, *args: Any, **options: Any) -> Any:
        """As `typer.Typer.command`."""
        register = super().command(*args, **{"cls": Command} | options)
        return lambda function: register(named_values(function))


def require_apart(command: str, options: Options, labels: Mapping[str, str]) -> None:
    """Refuse options that make a command overwrite an input, or write two outputs to one file.

    Arguments:
        command: the command's name.
        options: the command's options.
        labels: the names that users know for them.

    Raises:
        InputError: two options name the same file; the message names both.
    """
    written: dict[_FileId, tuple[str, Path]] = {}
    names: dict[str, str] = {}
    for name, path in _outputs(command, options):
        label = labels.get(name) or name
        if (clash := names.setdefault(_folded(path), label)) != label:
            raise InputError(f"{path}: {clash} and {label} name the same file: choose another for one of them")
        if (file := _id(path)) is not None:
            written[file] = label, path
    if not written:
        return  # a file that does not exist yet is not an input
    for name, path in _inputs(options):
        if (file := _id(path)) in written:
            label, output = written[file]
            of = f" ({labels.get(name)})" if labels.get(name) else ""
            raise InputError(f"{output}: {label} would overwrite an input, {path}{of}: name another file")


def _outputs(command: str, options: Options) -> Iterator[tuple[str, Path]]:
    """The files that a command will write or remove; in folders, the existing ones."""
    for name, find in OUTPUTS.items():
        find = OUTPUTS_OF.get((command, name), find)
        values = _values(options.get(name))
        if not values and (command, name) == ("train", "out"):
            values = [str(Path("runs") / _run_name(options))]
        for value in values:
            yield from ((name, path) for path in find(value, options))


def _inputs(options: Options) -> Iterator[tuple[str, Path]]:
    for name, find in INPUTS.items():
        for value in _values(options.get(name)):
            with contextlib.suppress(ShowtellError, OSError, ValueError):  # the command itself reports errors
                yield from ((name, path) for path in find(value, options))


def _values(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(one) for one in (value if isinstance(value, (list, tuple)) else [value])]


def _id(path: Path) -> _FileId | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino) if not os.path.isdir(path) else None


def _folded(path: Path) -> str:
    """One spelling for all names that some file systems treat as equal."""
    return unicodedata.normalize("NFC", os.path.realpath(path)).casefold()


def _file(text: str, options: Options) -> Iterator[Path]:
    yield Path(text)


def _under_root(text: str, options: Options) -> Path:
    return Path(options.get("root") or "") / text


def _pictures(text: str, options: Options) -> Iterator[Path]:
    """The files that a picture source reads: archives, lists and their entries, pictures of folders, matches of
    patterns.
    """
    from showtell.data.sources.braces import expanded, has_braces
    from showtell.data.sources.glob import glob_files
    from showtell.data.sources.list import listed_in, located
    from showtell.data.sources.parts import LIST_SUFFIX, is_text_beside_picture
    from showtell.data.sources.remote import is_remote

    if is_remote(text):
        return
    path = _under_root(text, options)
    if path.is_dir():
        yield from _pictures_below(path)
    elif path.exists():
        yield path
        if path.suffix.lower() == LIST_SUFFIX and path.is_file() and not is_text_beside_picture(path):
            yield from (place for entry in listed_in(path) if isinstance(place := located(entry, path), Path))
    elif has_braces(text):
        for one in expanded(text):
            yield from _pictures(one, options)
    else:
        for match in glob_files(str(path))[1] if set("*?[") & set(str(path)) else ():
            yield from _pictures_below(match) if match.is_dir() else [match]


def _pictures_below(folder: Path) -> Iterator[Path]:
    from showtell.data.sources.base import picture_name
    from showtell.data.sources.folder import walk_files

    for path in map(Path, walk_files(folder, lambda _, __: None)):
        if picture_name(path.relative_to(folder).as_posix()):
            yield path


def _captions(text: str, options: Options) -> Iterator[Path]:
    """A caption file, or the archive that contains it; for a folder every file, as texts beside pictures are
    captions.
    """
    from showtell.data.sources.folder import walk_files

    path = _under_root(text, options)
    yield from (path, *path.parents)
    if path.is_dir():
        yield from map(Path, walk_files(path, lambda _, __: None))


def _model(text: str, options: Options) -> Iterator[Path]:
    """A bundle, by its path or name; for a folder all of its files."""
    from showtell.models.names import find_model

    path = find_model(text)
    yield from path.iterdir() if path.is_dir() else [path]


def _system(text: str, options: Options) -> Iterator[Path]:
    """A bundle by its path or name, or a file of captions."""
    yield Path(text)
    yield from _model(text, options)


def _encoder(text: str, options: Options) -> Iterator[Path]:
    kind, _, file = text.partition(":")
    if kind == "onnx":
        yield from (Path(file), _under_root(file, options))


def _recipe(text: str, options: Options) -> Iterator[Path]:
    """A recipe, and the files that it names."""
    from showtell.config import read_tables

    yield Path(text)
    yield from _named_in(read_tables(text), options)


def _assigned(text: str, options: Options) -> Iterator[Path]:
    """The files that one `--set` names."""
    from showtell.config import assign

    tables: dict[str, Any] = {}
    assign(tables, [text])
    yield from _named_in(tables, options)


def _named_in(tables: dict[str, Any], options: Options) -> Iterator[Path]:
    from showtell.config import table_of
    from showtell.data.examples import data_options

    for data in data_options(tables):
        for one in data.pictures:
            yield from _pictures(one, options)
        for one in (data.captions, data.validation_captions, *data.split_lists.values()):
            yield from _captions(one, options) if one else ()
    encoder = table_of(tables, "encoder")
    yield from _encoder(str(encoder.get("name", "")), options)
    if encoder.get("weights"):
        yield _under_root(str(encoder["weights"]), options)


def _run_name(options: Options) -> str:
    """The name of a training run without --out."""
    from showtell.config import read_tables

    tables: dict[str, Any] = {}
    with contextlib.suppress(ShowtellError):
        tables = read_tables(options["recipe"]) if options.get("recipe") else {}
    return str(options.get("name") or options.get("data") or tables.get("name") or "model")


def _captions_and_parts(text: str, options: Options) -> Iterator[Path]:
    """A caption file with its pieces beside it, or the pieces in a folder."""
    path = Path(text)
    in_pieces = options.get("piece_size") is not None or options.get("ray") is not None
    if not path.is_dir():
        yield path
        path = path.with_name(f"{path.name}.parts") if in_pieces else path
    if in_pieces and path.is_dir():
        yield from path.glob("part-*.parquet")


def _store(text: str, options: Options) -> Iterator[Path]:
    """The files of an embedding store."""
    folder = Path(text)
    for pattern in ("shard-*.arrow", "rejects.jsonl", "store.json", "encoder-int8.onnx"):
        yield from folder.glob(pattern)


def _run(text: str, options: Options) -> Iterator[Path]:
    """The files that training writes and removes in its folder."""
    folder = Path(text)
    if not folder.is_dir():
        return
    for pattern in ("recipe.json", "vocabulary.json", "metrics.jsonl", "curves.svg", "seeds.json", "*.showtell"):
        yield from folder.glob(pattern)
    yield from folder.glob("encoder-int8.onnx")
    for inside in ("checkpoints", "embeddings", "embeddings-mirrored", "tuned", "fine-tune", "seed-*"):
        yield from (path for path in folder.glob(f"{inside}/**/*") if path.is_file())


def _written_below(text: str, options: Options) -> Iterator[Path]:
    """A folder, and the copies of pictures in it that a run may replace."""
    yield Path(text)
    if Path(text).is_dir():
        yield from _pictures_below(Path(text))


def _learning_curves(text: str, options: Options) -> Iterator[Path]:
    yield Path(text) / "metrics.jsonl"


INPUTS: Mapping[str, Find] = {
    "begin_from": _file,
    "captions": _captions,
    "check_pictures": _pictures,
    "df": _file,
    "encoder": _encoder,
    "encoder_weights": _file,
    "evaluation": _file,
    "first": _system,
    "folder": _pictures,
    "from_model": _model,
    "font": _file,
    "model": _model,
    "models": _model,
    "pictures": _pictures,
    "predictions": _captions,
    "recipe": _recipe,
    "references": _captions,
    "run": _learning_curves,
    "second": _system,
    "set_": _assigned,
    "source": _file,
    "sources": _pictures,
    "training_captions": _captions,
}
"""Inputs by the name of the parameter."""

OUTPUTS: Mapping[str, Find] = {
    "html": _file,
    "into_files": _written_below,
    "journal": _file,
    "out": _file,
    "output": _captions_and_parts,
    "per_picture": _file,
    "png": _file,
    "review": _file,
    "save_df": _file,
    "store": _store,
    "target": _file,
}
"""Outputs by the name of the parameter."""

OUTPUTS_OF: Mapping[tuple[str, str], Find] = {
    ("embed", "out"): _store,
    ("train", "out"): _run,
}
"""Exceptions of single commands, by the names of the command and the parameter."""

NO_FILES = frozenset(
    {
        "allowed_host",
        "by",
        "caption_column",
        "cors",
        "data",
        "device",
        "exclude",
        "host",
        "prefix",
        "metrics",
        "mirror",
        "must",
        "must_not",
        "name",
        "origin",
        "only",
        "picture_column",
        "prompt",
        "ray",
        "revision",
        "root",
        "split",
        "token",
        "train_split",
        "zip_encoding",
    }
)
"""Text options that name no file, and the folder for relative paths."""
