"""Opens ONNX Runtime sessions with the threads and cores of this process."""

import functools
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from showtell.errors import ShowtellError
from showtell.onnx_safety import require_harmless


def open_session(
    graph: bytes, threads: int | None = None, initializers: dict[str, npt.NDArray[Any]] | None = None
) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on the CPU for a serialised graph.

    Arguments:
        graph: the serialised model.
        threads: threads of one run; None for one per available core.
        initializers: values for the graph's external initializers, by name.

    Raises:
        ShowtellError: ONNX Runtime cannot load the graph, or it would read files or need not end.
    """
    require_harmless(graph, initializers or ())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or available_cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that wait by spinning take the processor from those that decode pictures.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not adds_products_of_8_bits():
        options.add_session_config_entry("session.x64quantprecision", "1")
    if initializers:
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(a)) for a in initializers.values()]
        options.add_external_initializers(list(initializers), values)
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own exception classes are private
        raise ShowtellError(f"ONNX Runtime cannot load the graph ({str(error).splitlines()[0]})") from error


@functools.cache
def adds_products_of_8_bits() -> bool:
    """Whether the processor is known to add the products of 8-bit integers in 32 bits (VNNI).

    With AVX2 alone two products are added in 16, which overflows, so ONNX Runtime must be asked for precision; to ask a
    processor with VNNI would halve its speed.
    """
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:  # not Linux
        return False
    return "avx512_vnni" in flags or "avx_vnni" in flags


def available_cores() -> int:
    """Cores that this process may run on: the machine's, less what affinity or a container takes away."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS or Windows
        return os.cpu_count() or 1
