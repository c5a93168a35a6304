"""Run an encoder's ONNX graph: squares in, embeddings out.

A Showtell encoder graph takes `picture`, `float32 (B, 3, S, S)` or `(B, S, S, 3)`, normalized. It gives `pooled`,
`float32 (B, D)`, and may give `grid`, `float32 (B, L, D)`, with its L cells in row order. The preprocessing and the
source of the weights are in its ONNX metadata under the key `showtell`, as the JSON of an `EncoderInfo`.
"""

import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from showtell.errors import InputError, ShowtellError, one_line
from showtell.images.preprocessing import Preprocessing, ResizeMode, normalize
from showtell.onnx_graphs.session import available_cores, open_session

EncoderOutput: TypeAlias = Literal["pooled", "grid"]
Precision: TypeAlias = Literal["float32", "int8"]
METADATA_KEY = "showtell"
_LARGEST = 1 << 16  # numbers of an embedding, and cells of a grid


@dataclass(frozen=True, slots=True)
class EncoderInfo:
    """The description of a graph: `dim` numbers per embedding, `cells` grid cells (0 without a grid output).

    `fingerprint` identifies the function that the graph computes (its weights and export rules), not its bytes.
    `precision` is the type of its computations. If that is int8, `float32_fingerprint` is the fingerprint of the
    original network.
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

    def __post_init__(self) -> None:
        texts = (self.name, self.fingerprint, self.licence, self.source, self.float32_fingerprint)
        if not all(isinstance(text, str) for text in texts) or self.precision not in get_args(Precision):
            raise InputError("an encoder's name, fingerprint, licence and source must be texts")
        for what, size, least in (("dim", self.dim, 1), ("cells", self.cells, 0)):
            if type(size) is not int or not least <= size <= _LARGEST:
                raise InputError(f"an encoder's {what} must be from {least} to {_LARGEST:,}, not {size!r}")

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values; those about int8 only for an int8 encoder."""
        left_out = ("precision", "float32_fingerprint") if self.precision == "float32" else ()
        fields = [field.name for field in dataclasses.fields(self) if field.name not in left_out]
        return {name: getattr(self, name) for name in fields} | {"preprocessing": self.preprocessing.to_json()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "EncoderInfo":
        """The inverse of `to_json`."""
        return cls(**value | {"preprocessing": Preprocessing.from_json(value["preprocessing"])})

    def with_resize(self, resize: ResizeMode) -> "EncoderInfo":
        """The same encoder, with pictures made square in another way."""
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
    """An ONNX Runtime session of an encoder graph; several threads may call it.

    Pictures go through the network one by one, each on one thread, several at a time. That takes less processor time
    than a batch on which all threads work together: activations stay in the cache, and no thread waits for another.
    Also, an embedding depends, to the last bit, only on its own picture.
    """

    def __init__(self, graph: bytes, *, resize: ResizeMode | None = None, threads: int | None = None) -> None:
        """Load a graph.

        Arguments:
            graph: a serialized ONNX model with an `EncoderInfo` in its metadata.
            resize: how pictures are made square, instead of the graph's default.
            threads: number of pictures in the network at a time; None for one per available core.

        Raises:
            InputError: the bytes are not a Showtell encoder graph.
        """
        self._session = open_session(graph, 1)
        self.threads = threads or available_cores()
        try:
            described = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
            if described is None:
                raise InputError("the ONNX graph has no Showtell encoder metadata")
            info = EncoderInfo.from_json(json.loads(described))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise InputError(f"the ONNX graph's encoder metadata are malformed ({one_line(error)})") from error
        self.info = info.with_resize(resize) if resize else info

    def __call__(self, squares: npt.NDArray[np.uint8], output: EncoderOutput = "pooled") -> npt.NDArray[np.float32]:
        """Embed squares `uint8 (B, S, S, 3)`: `float32 (B, D)` for `pooled`, `(B, L, D)` for `grid`."""
        embeddings = np.empty((len(squares), *self.info.shape(output)), np.float32)

        def embed(i: int) -> None:
            inputs = {"picture": normalize(squares[i : i + 1], self.info.preprocessing)}
            try:
                embeddings[i] = self._session.run([output], inputs)[0][0]
            except Exception as error:  # ONNX Runtime's own exception classes are private
                raise ShowtellError(f"encoder {self.info.name} fails ({one_line(error, 200)})") from error

        if (threads := min(self.threads, len(squares))) > 1:
            with ThreadPoolExecutor(threads, thread_name_prefix="encode") as pool:
                list(pool.map(embed, range(len(squares))))
        else:
            for i in range(len(squares)):
                embed(i)
        return embeddings
