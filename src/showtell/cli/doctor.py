"""`showtell doctor`: what is installed, what this machine gives, and what is missing for which command."""

import importlib.metadata
import os
import re
import sys
from collections.abc import Iterator

import typer

_NOT_FOR_USERS = frozenset({"bench", "dev", "test", "test-fast"})
_VARIABLES = ("SHOWTELL_MODELS", "SHOWTELL_CACHE", "SHOWTELL_DATA", "OMP_NUM_THREADS", "OMP_WAIT_POLICY")


def doctor() -> None:
    """Say what is installed, which cores and threads are used, where files are kept, and what is missing.

    Captions the golden picture of the default model as a check. The exit code is 1 if that fails. Nothing is sent
    anywhere.

    Examples:

        showtell doctor
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from showtell.errors import ShowtellError, shown

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    for facts in (_versions(), _machine(), _folders(), _extras()):
        for name, fact in facts:
            table.add_row(name, Text(shown(fact)))
    console = Console(highlight=False)
    console.print(table)
    try:
        print(_check())
    except ShowtellError as error:
        print(f"default model: {shown(str(error))}")
        raise typer.Exit(1) from None


def _versions() -> Iterator[tuple[str, str]]:
    from showtell.models.versions import versions_here

    here = versions_here()
    for name, version in {**here, "PyTorch": here.get("PyTorch", "not installed")}.items():
        yield name, version + (f" ({sys.executable})" if name == "Python" else "")
    for name, package in (("Pillow", "pillow"), ("PyArrow", "pyarrow"), ("ONNX", "onnx")):
        yield name, _installed(package) or "not installed"


def _machine() -> Iterator[tuple[str, str]]:
    import onnxruntime

    from showtell.onnx_graphs.session import adds_products_of_8_bits, available_cores
    from showtell.progress import plural

    yield "runtimes", ", ".join(onnxruntime.get_available_providers()) + "; captioning uses the CPU"
    cores = available_cores()
    yield "cores", f"{plural(os.cpu_count() or 1, 'core')}, of which this process may use {cores}"
    yield "threads", f"{plural(cores, 'thread')} for networks, unless --threads is given"
    yield "int8", "fast (the processor has VNNI)" if adds_products_of_8_bits() else "without VNNI: slower than it could"
    for name in _VARIABLES:
        if name in os.environ:
            yield name, os.environ[name]


def _folders() -> Iterator[tuple[str, str]]:
    from showtell.encoders.cache import cache_folder
    from showtell.models.names import list_models, model_folders
    from showtell.progress import megabytes, plural

    for i, folder in enumerate(model_folders()):
        count = len(list(folder.glob("*.showtell"))) if folder.is_dir() else 0
        yield "models" if not i else "", f"{folder}: {plural(count, 'model')}" if count else f"{folder}: none"
    yield "", ", ".join(list_models())
    cache = cache_folder()
    size = sum(one.stat().st_size for one in cache.rglob("*") if one.is_file()) if cache.is_dir() else 0
    yield "cache", f"{cache}: {megabytes(size) if size else 'empty'}"


def _extras() -> Iterator[tuple[str, str]]:
    from showtell.errors import pip_install

    needed = _requirements()
    for extra in sorted(set(needed) - _NOT_FOR_USERS):
        missing = sorted(package for package in _packages(extra, needed) if not _installed(package))
        yield f"extra {extra}", f"needs {', '.join(missing)}: {pip_install(extra)}" if missing else "installed"


def _requirements() -> dict[str, list[str]]:
    """The packages of each extra, with other extras as `showtell[NAME,...]`."""
    found: dict[str, list[str]] = {}
    try:
        lines = importlib.metadata.requires("showtell") or []
    except importlib.metadata.PackageNotFoundError:
        return found
    for line in lines:
        package = re.match(r"[\w.-]+(?:\[[\w,.-]+\])?", line)
        if package and (extra := re.search(r"extra == ['\"]([\w-]+)['\"]", line)):
            found.setdefault(extra[1], []).append(package[0])
    return found


def _packages(extra: str, needed: dict[str, list[str]]) -> Iterator[str]:
    for package in needed.get(extra, []):
        inner = re.match(r"showtell\[(.*)\]", package)
        if inner:
            for one in inner[1].split(","):
                yield from _packages(one, needed)
        else:
            yield package.partition("[")[0]


def _installed(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _check() -> str:
    """Caption the golden picture of the default model."""
    from showtell.captioning.captioner import Captioner
    from showtell.captioning.golden import replay
    from showtell.models.names import DEFAULT_NAME

    return f"default model {DEFAULT_NAME}: gives its golden caption, {replay(Captioner()).text!r}"
