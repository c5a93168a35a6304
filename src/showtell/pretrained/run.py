"""`import_model`: a pretrained captioner, in a folder or on the hub -> a model bundle."""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from showtell.captioning.golden import finish
from showtell.data.sources.base import Pictures
from showtell.encoders.cache import cache_folder
from showtell.errors import InputError
from showtell.files import held
from showtell.models.bundle import write_bundle
from showtell.models.names import HUB, hub_bundle
from showtell.pretrained.card import PRECISIONS, card_of
from showtell.pretrained.check import PrecisionAgreement, check_pictures, compare
from showtell.pretrained.convert import Source, convert
from showtell.pretrained.graph import Precision
from showtell.pretrained.hub import fetch


@dataclass(frozen=True, slots=True)
class Imported:
    """The bundle that was made, its size in bytes, and how its captions compare with float32 (None: not compared)."""

    path: Path
    size: int
    licence: str
    agreement: PrecisionAgreement | None


def import_model(
    source: str | Path,
    out: str | Path,
    *,
    precision: Precision = "int8",
    revision: str | None = None,
    detail: str = "",
    pictures: Pictures | None = None,
    check: bool = True,
    show: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> Imported:
    """Turn a pretrained captioner of Hugging Face Transformers into a model bundle.

    Arguments:
        source: a folder in Hugging Face's layout, or a name on the hub, with or without `hf:` before it.
        out: the bundle to write.
        precision: how matrices are stored and multiplied: int8, float32, or float16 (stored so, computed in float32).
        revision: a branch, tag or commit on the hub; None for the main branch.
        detail: `short`, `detailed` or `long` captions, of models that know several tasks.
        pictures: pictures on which captions are compared with those of float32.
        check: compare them at all.
        show: show progress on stderr.
        say: called with lines for people.

    Raises:
        MissingExtra: the packages of the extra `import` are not installed.
        InputError: the model is missing, of an unknown family, or has no safetensors.
    """
    if precision not in PRECISIONS:
        raise InputError(f"precision {precision!r} is unknown: choose one of {', '.join(PRECISIONS)}")
    folder, origin = _located(source, revision, say)
    converted = convert(folder, origin, precision, detail)
    out = Path(out)
    with tempfile.TemporaryDirectory() as temporary:
        agreement = None
        if check and precision != "float32":
            compared = Path(temporary) / "compared.showtell"
            write_bundle(compared, {**converted.parts, "README.md": b""})
            exact = Path(temporary) / "float32.showtell"
            write_bundle(exact, {**convert(folder, origin, "float32", detail).parts, "README.md": b""})
            agreement = compare(exact, compared, check_pictures(pictures), show=show)
            compared.unlink()
            exact.unlink()
        finish(out, {**converted.parts, "README.md": card_of(converted.model, agreement).encode()})
    return Imported(out, out.stat().st_size, origin.licence, agreement)


def cached_model(name: str, say: Callable[[str], None] = lambda line: None) -> Path:
    """The bundle of a model on the hub in the user's cache, imported now if it is not there.

    Arguments:
        name: `hf:OWNER/NAME`, or `hf:OWNER/NAME@REVISION`.
        say: called with lines for people.

    Raises:
        MissingExtra, InputError: as for `import_model`.
    """
    path = hub_bundle(name, cache_folder())
    with held(path.parent, f"{path.name}.lock"):
        if not path.exists():
            repository, _, revision = name.removeprefix(HUB).partition("@")
            import_model(repository, path, revision=revision or None, say=say)
    return path


def ensure_cached(models: Iterable[str | Path] | None, say: Callable[[str], None]) -> None:
    """Import those of some models whose name begins with `hf:` into the cache, where they are found by that name."""
    for model in models or ():
        if str(model).startswith(HUB):
            cached_model(str(model), say)


def _located(source: str | Path, revision: str | None, say: Callable[[str], None]) -> tuple[Path, Source]:
    folder = Path(source)
    if folder.is_dir():
        if revision is not None:
            raise InputError(f"{source}: is a folder, which has no revision {revision}: leave it out")
        return folder, Source(folder.resolve().name)
    if folder.exists():
        raise InputError(f"{source}: is no folder of a model: give the folder with its config.json")
    return fetch(str(source).removeprefix(HUB), revision, say)
