"""An encoder's graph and sample pictures -> its int8 form, made once and stored beside what uses it.

Everything downstream depends on the exact graph: a store's fingerprint, a decoder that was trained on its embeddings.
So a resumed run uses the existing graph.
"""

import hashlib
from collections.abc import Collection
from pathlib import Path

import numpy as np

from showtell.data.sources.base import Pictures
from showtell.embeddings.pipeline import prepared
from showtell.encoders.runtime import Encoder
from showtell.errors import InputError
from showtell.files import write_bytes
from showtell.images.preprocessing import ResizeMode
from showtell.quantization.static import quantized

CALIBRATION_PICTURES = 256
INT8_GRAPH = "encoder-int8.onnx"


def int8_graph(
    graph: bytes,
    folder: Path,
    pictures: Pictures,
    names: Collection[str],
    resize: ResizeMode | None = None,
    *,
    show: bool = True,
) -> bytes:
    """The int8 form of an encoder's graph: `encoder-int8.onnx` in `folder`, created now if it is missing.

    Arguments:
        graph: the float32 graph.
        folder: the folder of the int8 graph.
        pictures: the pictures to calibrate on.
        names: the candidates among the pictures; a hash of the names chooses `CALIBRATION_PICTURES` of them.
        resize: how pictures are made square, instead of the graph's default.
        show: show progress on stderr.

    Raises:
        MissingExtra: the package onnx is not installed.
        InputError: the graph cannot be quantized, no picture can be read, or the folder's graph is of another encoder.
    """
    kept = folder / INT8_GRAPH
    if kept.exists():
        made = kept.read_bytes()
        if Encoder(made, threads=1).info.float32_fingerprint != Encoder(graph, threads=1).info.fingerprint:
            raise InputError(f"{kept}: was made from another encoder: choose another folder or delete it")
        return made
    made = quantized_on(graph, pictures, names, resize, show=show)
    write_bytes(kept, made)
    return made


def quantized_on(
    graph: bytes,
    pictures: Pictures,
    names: Collection[str],
    resize: ResizeMode | None = None,
    *,
    show: bool = True,
) -> bytes:
    """The int8 form of an encoder's graph, without storing it; arguments and errors as for `int8_graph`."""
    preprocessing = Encoder(graph, resize=resize, threads=1).info.preprocessing
    chosen = set(sorted(names, key=_digest)[:CALIBRATION_PICTURES])
    stream = prepared(pictures.read(skip=set(pictures.names()) - chosen), preprocessing)
    squares = [picture.square for picture in stream if picture.square is not None]
    if not squares:
        raise InputError(f"{pictures}: no picture could be read to calibrate int8 on")
    return quantized(graph, np.stack(squares), show=show)


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
