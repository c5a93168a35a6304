"""Opens ONNX Runtime sessions with the threads and cores of this process."""

import functools
import math
import os
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from showtell.errors import ShowtellError
from showtell.onnx_graphs.safety import require_harmless

# ONNX Runtime reports its use to its makers unless this is set before it is imported; 0 allows it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime


def open_session(
    graph: bytes,
    threads: int | None = None,
    initializers: dict[str, npt.NDArray[Any]] | None = None,
    *,
    arena: bool = True,
) -> onnxruntime.InferenceSession:
    """Open an ONNX Runtime session on the CPU for a serialized graph.

    Arguments:
        graph: the serialized model.
        threads: threads of one run; None for one per available core.
        initializers: values for the graph's external initializers, by name.
        arena: keep freed memory for the next run; without it, large graphs take less memory.

    Raises:
        ShowtellError: ONNX Runtime cannot load the graph, or the graph reads files or may never end.
    """
    require_harmless(graph, initializers or ())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or available_cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = arena
    # Threads that spin while they wait take processor time from those that decode pictures.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not adds_products_of_8_bits():
        options.add_session_config_entry("session.x64quantprecision", "1")
    if initializers:
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(a)) for a in initializers.values()]
        options.add_external_initializers(list(initializers), values)
    try:
        # The fallback would print what the graph says of itself, and try the same again.
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"], enable_fallback=0)
    except Exception as error:  # ONNX Runtime's own exception classes are private
        raise ShowtellError(f"ONNX Runtime cannot load the graph ({str(error).splitlines()[0]})") from error


@functools.cache
def adds_products_of_8_bits() -> bool:
    """Whether the processor is known to add the products of 8-bit integers in 32 bits (VNNI).

    With AVX2 alone two products are added in 16 bits, which overflows, so ONNX Runtime must be asked for precision.
    With VNNI that request would only halve the speed.
    """
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:  # not Linux
        return False
    return "avx512_vnni" in flags or "avx_vnni" in flags


def available_cores() -> int:
    """Cores that this process may use: the machine's, limited by affinity and by a container's quota."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS or Windows
        cores = os.cpu_count() or 1
    return max(1, min(cores, math.ceil(quota_in_cores() or cores)))


def quota_in_cores(root: Path = Path("/")) -> float | None:
    """CPU quota of this process's control groups, in cores; None if there is no limit.

    Follows the kernel's documentation of cgroup v2 (`cpu.max`) and v1 (`cpu.cfs_quota_us`). A group's limit holds for
    all groups below it. `root` is the folder that contains `proc` and `sys`.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except (OSError, UnicodeDecodeError):  # not Linux
        return None
    bounds: list[float] = []
    for line in lines:
        _, controllers, path = ([*line.split(":", 2), "", ""])[:3]
        if controllers == "":
            top, read = root / "sys/fs/cgroup", _quota_v2
        elif "cpu" in controllers.split(","):
            mounts = (root / "sys/fs/cgroup" / name for name in (controllers, "cpu", "cpu,cpuacct"))
            top, read = next((one for one in mounts if one.is_dir()), root / "sys/fs/cgroup/cpu"), _quota_v1
        else:
            continue
        # In a container the path may be the host's, while the mount starts at the container's own group.
        inside = PurePosixPath(path.lstrip("/"))
        bounds += [bound for group in (inside, *inside.parents) if (bound := read(top / group))]
    return min(bounds, default=None)


def _quota_v2(group: Path) -> float | None:
    try:
        quota, period = (group / "cpu.max").read_text().split()
        return int(quota) / int(period)  # "max" if there is no limit
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _quota_v1(group: Path) -> float | None:
    try:
        quota = int((group / "cpu.cfs_quota_us").read_text())
        return quota / int((group / "cpu.cfs_period_us").read_text()) if quota > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
