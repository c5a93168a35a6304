"""Matrices in a quarter of their size: int8, with one float16 scale for each row (in an output layer, each word).

The largest weight of a row is 127 times its scale, and the error of a weight is at most half a scale. Graphs that
multiply in int8 take them as they are (`showtell.quantization.int8_matmul`); for other graphs they become float32 on
loading.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from showtell.errors import InputError

Floats = npt.NDArray[np.float32]

_SCALES = ".scales"  # the suffix of a tensor's name that names its scales
_SMALLEST = 4096  # numbers; for smaller matrices the scales would cost more than int8 saves


def to_rows(matrix: Floats) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float16]]:
    """Convert a matrix `float32 (n, ...)` to int8 of the same shape and scales `float16 (n,)`."""
    flat = matrix.reshape(len(matrix), -1)
    # Rounded before weights are divided by it, so that its error does not add to theirs.
    scales = np.maximum(np.abs(flat).max(axis=1) / 127, np.finfo(np.float16).tiny).astype(np.float16)
    counts = np.rint(flat / scales.astype(np.float32)[:, None])
    rounded = np.clip(counts, -127, 127).astype(np.int8).reshape(matrix.shape)
    return np.ascontiguousarray(rounded), scales  # safetensors does not support strides


def from_rows(counts: npt.NDArray[np.int8], scales: npt.NDArray[np.float16]) -> Floats:
    """The inverse of `to_rows`, up to half a scale: `float32`."""
    along = (-1, *[1] * (counts.ndim - 1))
    matrix: Floats = counts.astype(np.float32) * scales.astype(np.float32).reshape(along)
    return matrix


def scales_of(name: str) -> str:
    """The name of the scales of a matrix."""
    return name + _SCALES


def pack(tensors: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Tensors by name, with the large float matrices in int8 and their scales beside them as `NAME.scales`."""
    packed = dict(tensors)
    for name, tensor in tensors.items():
        if tensor.dtype in (np.float16, np.float32) and tensor.ndim > 1 and tensor.size >= _SMALLEST:
            packed[name], packed[scales_of(name)] = to_rows(tensor.astype(np.float32))
    return packed


def int8_names(tensors: Mapping[str, npt.NDArray[Any]]) -> set[str]:
    """The names of the matrices that are stored in int8."""
    return {name for name in tensors if scales_of(name) in tensors}


def unpack(tensors: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """The inverse of `pack`; all floats become float32, even those that were stored in float16.

    Raises:
        InputError: scales do not fit their matrix.
    """
    return as_taken(tensors, [name for name in tensors if not name.endswith(_SCALES)])


def as_taken(packed: Mapping[str, npt.NDArray[Any]], names: Collection[str]) -> dict[str, npt.NDArray[Any]]:
    """The tensors that a graph lists: as stored if the matrix's scales are listed too, otherwise as `unpack` gives
    them.

    Raises:
        InputError: scales do not fit their matrix.
        KeyError: there is no such tensor.
    """
    for name in packed:
        counts = packed.get(name.removesuffix(_SCALES))
        if name.endswith(_SCALES) and (
            counts is None or counts.dtype != np.int8 or packed[name].shape != counts.shape[:1]
        ):
            raise InputError(f"{name} are not the scales of an int8 matrix")
    taken = {}
    for name in names:
        tensor, scales = packed[name], scales_of(name)
        if not name.endswith(_SCALES) and scales not in names:
            if scales in packed:
                tensor = from_rows(tensor, packed[scales])
            elif tensor.dtype == np.float16:
                tensor = tensor.astype(np.float32)
        taken[name] = tensor
    return taken
