"""Exported encoder graphs in the user's cache folder, so that each is exported only once."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import platformdirs

from showtell.encoders.registry import find
from showtell.files import write_bytes


def cache_folder() -> Path:
    """`$SHOWTELL_CACHE`, or the platform's cache folder for `showtell`."""
    named = os.environ.get("SHOWTELL_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("showtell"))


def encoder_graph(
    name: str,
    weights: str | Path | None = None,
    root: str | Path = ".",
    say: Callable[[str], None] = lambda line: None,
) -> bytes:
    """The ONNX graph of the encoder `name`, from the cache or exported now and cached.

    Arguments:
        name: see `showtell.encoders.registry.find`.
        weights: a file with the network's weights; None for the weights of its source.
        root: the folder for relative paths.
        say: called with a line for people before an export, which may take a minute.

    The cache key covers the weights and the rules of export, so a graph with other weights is never used.
    """
    root = Path(root)
    entry = find(name, root / weights if weights else None, root)
    if entry.key is None:
        return entry.export()
    file = re.sub(r"[^\w.]+", "-", name)
    kept = cache_folder() / "encoders" / f"{file}-{entry.key()[:16]}.onnx"
    if kept.exists():
        return kept.read_bytes()
    say(f"exporting the encoder {name} to ONNX, once")
    graph = entry.export()
    write_bytes(kept, graph)
    return graph
