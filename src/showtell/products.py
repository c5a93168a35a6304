"""Products of a batch's rows with a matrix, by the thread that asks for them.

A BLAS library shares a product among threads of its own from some size on. Batches are captioned in several threads
already, so those of the library only get in their way (`benchmarks/library_threads.py` measures it). Limits such as
`OPENBLAS_NUM_THREADS` hold for a whole process, which belongs to the program that imports Showtell. Here a product is
made in pieces so small that OpenBLAS leaves each to one thread, and no setting is changed. As every piece has the same
size, a row's products are the same to the last bit in any company.
"""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Scalar = TypeVar("Scalar", np.float32, np.float64)

_ROWS = 8
_ONE_THREAD = 1 << 18
"""Multiplications of a product that OpenBLAS leaves to one thread: SMP_THRESHOLD_MIN x GEMM_MULTITHREAD_THRESHOLD."""


def row_products(rows: npt.NDArray[Scalar], matrix: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """The product of every row with every row of a matrix.

    Arguments:
        rows: `float32` or `float64` `(B, D)`.
        matrix: of the same type, `(C, D)`.

    Returns:
        `rows @ matrix.T`, `(B, C)`.
    """
    (count, size), columns = rows.shape, len(matrix)
    if not count or not columns:
        return np.zeros((count, columns), rows.dtype)
    wide = max(2, _ONE_THREAD // (_ROWS * max(1, size)))  # a product with one column is another routine of BLAS
    pieces, blocks = -(-columns // wide), -(-count // _ROWS)
    padded = np.zeros((blocks * _ROWS, size), rows.dtype)
    padded[:count] = rows
    whole = np.zeros((pieces * wide, size), matrix.dtype)
    whole[:columns] = matrix
    stacked = whole.reshape(pieces, wide, size).transpose(0, 2, 1)
    found = np.matmul(padded.reshape(blocks, 1, _ROWS, size), stacked)  # (blocks, pieces, rows, columns)
    products: npt.NDArray[Scalar] = found.transpose(0, 2, 1, 3).reshape(blocks * _ROWS, pieces * wide)
    return products[:count, :columns]
