"""A folder in Hugging Face's layout -> tensors by name, from safetensors files only; nothing is unpickled."""

import json
import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from showtell.errors import InputError
from showtell.pretrained.modules import Linear, Norm

WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
_TYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": np.uint16}
_LARGEST_HEADER = 1 << 26
T = TypeVar("T")


class Weights:
    """Tensors of one or several safetensors files, read when they are asked for; always `float32`.

    `with_prefix` gives a view of the tensors below a name, as state dictionaries nest.
    """

    def __init__(self, tensors: dict[str, tuple[str, tuple[int, ...], Any]], source: str, prefix: str = "") -> None:
        self._tensors, self.source, self.prefix = tensors, source, prefix

    @classmethod
    def read(cls, folder: Path) -> "Weights":
        """Open the files of a folder.

        Raises:
            InputError: it has no safetensors files (the message says what to do), or one is malformed.
        """
        tensors: dict[str, tuple[str, tuple[int, ...], Any]] = {}
        for file in files_of(folder):
            for name, entry in _entries(file):
                tensors[name] = entry
        return cls(tensors, str(folder))

    def below(self, prefix: str) -> "Weights":
        """The tensors whose names begin with `prefix`, under the rest of their names."""
        return Weights(self._tensors, self.source, self.prefix + prefix)

    def __contains__(self, name: str) -> bool:
        return self.prefix + name in self._tensors

    def __getitem__(self, name: str) -> npt.NDArray[np.float32]:
        full = self.prefix + name
        if full not in self._tensors:
            raise InputError(f"{self.source}: its weights have no {full}: it is not what its config.json says")
        kind, shape, data = self._tensors[full]
        values = np.frombuffer(data, _TYPES[kind]).reshape(shape)
        if kind == "BF16":  # the upper half of a float32
            return (values.astype(np.uint32) << 16).view(np.float32)
        return values.astype(np.float32)

    def get(self, name: str, default: T) -> "npt.NDArray[np.float32] | T":
        """A tensor, or `default` where there is none of that name."""
        return self[name] if name in self else default  # noqa: SIM401

    def linear(self, name: str, *, called: str = "", transposed: bool = False) -> Linear:
        """The layer `name`, called so in graphs unless another name is given; `transposed` if stored `(in, out)`."""
        weight = self[f"{name}.weight"]
        bias = self.get(f"{name}.bias", None)
        return Linear(called or self.prefix + name, weight.T if transposed else weight, bias)

    def norm(self, name: str, eps: float) -> Norm:
        """The layer normalization `name`."""
        return Norm(self.prefix + name, self[f"{name}.weight"], self[f"{name}.bias"], eps)


def files_of(folder: Path) -> list[Path]:
    """The safetensors files of a model.

    Raises:
        InputError: it has none.
    """
    if (folder / WHOLE).is_file():
        return [folder / WHOLE]
    if (folder / INDEX).is_file():
        try:
            names = sorted(set(json.loads((folder / INDEX).read_text())["weight_map"].values()))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{folder / INDEX}: is no index of weights: download it again") from error
        if bad := [name for name in names if Path(name).name != name or not name.endswith(".safetensors")]:
            raise InputError(f"{folder / INDEX}: names {bad[0]!r}, which is no safetensors file beside it")
        if missing := [name for name in names if not (folder / name).is_file()]:
            raise InputError(f"{folder / missing[0]}: is missing: download it again")
        return [folder / name for name in names]
    others = sorted(file.name for kind in ("*.bin", "*.pt*", "*.ckpt") for file in folder.glob(kind))
    raise InputError(refusal(str(folder), others))


def refusal(source: str, others: Sequence[str]) -> str:
    """Why a model without safetensors is refused, and what to do."""
    if not others:
        return f"{source}: has no {WHOLE}: give the folder of a model in Hugging Face's layout"
    return (
        f"{source}: has its weights only as {others[0]}, a format that can run any program: choose a --revision "
        f"with {WHOLE} (the hub keeps conversions under refs/pr/NUMBER), or convert it once with "
        "https://huggingface.co/spaces/safetensors/convert"
    )


def _entries(file: Path) -> Iterator[tuple[str, tuple[str, tuple[int, ...], Any]]]:
    """The tensors of a file: name, type, shape and a view of the bytes (github.com/huggingface/safetensors#format)."""
    with file.open("rb") as opened:
        try:
            mapped = memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
            size = int.from_bytes(mapped[:8], "little")
            if size > min(_LARGEST_HEADER, len(mapped) - 8):
                raise ValueError("its header is larger than it")
            header = json.loads(bytes(mapped[8 : 8 + size]))
            for name, entry in header.items():
                if name == "__metadata__" or entry["dtype"] not in _TYPES:
                    continue  # integers are buffers of positions, which families compute
                begin, end = entry["data_offsets"]
                shape = tuple(map(int, entry["shape"]))
                data = mapped[8 + size + begin : 8 + size + end]
                if not 0 <= begin <= end or len(data) != np.dtype(_TYPES[entry["dtype"]]).itemsize * np.prod(shape):
                    raise ValueError(f"{name} reaches over its end")
                yield name, (entry["dtype"], shape, data)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{file}: is no whole safetensors file ({error}): download it again") from error
