"""Exported encoder graphs, kept in the user's cache folder so that each is exported once."""

import os
from pathlib import Path

import platformdirs

from showtell.encoders.registry import find
from showtell.files import write_bytes


def cache_folder() -> Path:
    """`$SHOWTELL_CACHE`, or the platform's cache folder for `showtell`."""
    named = os.environ.get("SHOWTELL_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("showtell"))


def encoder_graph(name: str) -> bytes:
    """The ONNX graph of the encoder `name`: from the cache, or exported now and kept there.

    The cache is keyed by the fingerprint of the weights and export rules, so a graph from other weights is never met.
    """
    entry = find(name)
    info = entry.describe()
    kept = cache_folder() / "encoders" / f"{name.replace(':', '-')}-{info.fingerprint[:16]}.onnx"
    if kept.exists():
        return kept.read_bytes()
    graph = entry.export()
    write_bytes(kept, graph)
    return graph
