"""Run an encoder's ONNX graph: squares in, embeddings out.

A Showtell encoder graph takes `picture`, `float32 (B, 3, S, S)` or `(B, S, S, 3)`, normalised, and gives `pooled`,
`float32 (B, D)`, and where it has one `grid`, `float32 (B, L, D)`, its L cells in row order. What the graph expects and
where its weights come from stands in its ONNX metadata under the key `showtell`, as the JSON of an `EncoderInfo`.
"""

import dataclasses
import functools
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from showtell.errors import InputError, ShowtellError
from showtell.image import Preprocessing, ResizeMode, normalise

# ONNX Runtime tells its makers of its use unless this is set before it is imported; 0 lets it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

EncoderOutput: TypeAlias = Literal["pooled", "grid"]
Precision: TypeAlias = Literal["float32", "int8"]
METADATA_KEY = "showtell"


@dataclass(frozen=True, slots=True)
class EncoderInfo:
    """What a graph is: `dim` numbers per embedding, `cells` grid cells (0 where it has no grid output).

    `fingerprint` identifies the function that the graph computes (its weights and export rules), not its bytes.
    `precision` is what the network computes in; where that is int8, `float32_fingerprint` is that of the network which
    was quantised.
    """

    name: str
    fingerprint: str
    dim: int
    cells: int
    preprocessing: Preprocessing
    licence: str = ""
    source: str = ""
    precision: Precision = "float32"
    float32_fingerprint: str = ""

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values; those of int8 only where it is one."""
        left_out = ("precision", "float32_fingerprint") if self.precision == "float32" else ()
        fields = [field.name for field in dataclasses.fields(self) if field.name not in left_out]
        return {name: getattr(self, name) for name in fields} | {"preprocessing": self.preprocessing.to_json()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "EncoderInfo":
        """The inverse of `to_json`."""
        return cls(**value | {"preprocessing": Preprocessing.from_json(value["preprocessing"])})

    def with_resize(self, resize: ResizeMode) -> "EncoderInfo":
        """The same encoder, fed with pictures that are made square in another way."""
        return dataclasses.replace(self, preprocessing=dataclasses.replace(self.preprocessing, resize=resize))

    def shape(self, output: EncoderOutput) -> tuple[int, ...]:
        """The shape of one embedding: `(D,)` or `(L, D)`."""
        if output not in get_args(EncoderOutput):
            raise InputError(
                f"encoder output {output!r} is unknown: choose one of {', '.join(get_args(EncoderOutput))}"
            )
        if output == "grid" and not self.cells:
            raise InputError(f"encoder {self.name} has no grid output")
        return (self.cells, self.dim) if output == "grid" else (self.dim,)


class Encoder:
    """An ONNX Runtime session of one encoder graph, which several threads may call.

    Pictures go through the network one by one, each on one thread and several at a time. That takes less of the
    processors than a batch on which all threads work together: activations stay in the cache and no thread waits for
    another. And an embedding depends, to the last bit, on its own picture alone.
    """

    def __init__(self, graph: bytes, *, resize: ResizeMode | None = None, threads: int | None = None) -> None:
        """Load a graph.

        Arguments:
            graph: a serialised ONNX model with an `EncoderInfo` in its metadata.
            resize: how pictures are made square, where it shall differ from the graph's own default.
            threads: pictures that go through the network at a time; None for one per available core.

        Raises:
            InputError: the bytes are no Showtell encoder graph.
        """
        self._session = open_session(graph, 1)
        self.threads = threads or available_cores()
        described = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        if described is None:
            raise InputError("the ONNX graph has no Showtell encoder metadata")
        info = EncoderInfo.from_json(json.loads(described))
        self.info = info.with_resize(resize) if resize else info

    def __call__(self, squares: npt.NDArray[np.uint8], output: EncoderOutput = "pooled") -> npt.NDArray[np.float32]:
        """Embed squares `uint8 (B, S, S, 3)`: `float32 (B, D)` for `pooled`, `(B, L, D)` for `grid`."""
        embeddings = np.empty((len(squares), *self.info.shape(output)), np.float32)

        def embed(i: int) -> None:
            inputs = {"picture": normalise(squares[i : i + 1], self.info.preprocessing)}
            embeddings[i] = self._session.run([output], inputs)[0][0]

        if (threads := min(self.threads, len(squares))) > 1:
            with ThreadPoolExecutor(threads, thread_name_prefix="encode") as pool:
                list(pool.map(embed, range(len(squares))))
        else:
            for i in range(len(squares)):
                embed(i)
        return embeddings


def open_session(
    graph: bytes, threads: int | None = None, initializers: dict[str, npt.NDArray[Any]] | None = None
) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on the CPU for a serialised graph.

    Arguments:
        graph: the serialised model.
        threads: threads of one run; None for one per available core.
        initializers: values for the graph's external initializers, by name.

    Raises:
        ShowtellError: ONNX Runtime cannot load the graph.
    """
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
