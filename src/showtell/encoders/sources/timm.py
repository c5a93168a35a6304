"""The networks of timm as encoders, by the name `timm:NAME`, such as `timm:resnet50.a1_in1k`.

timm builds the network without its classifier, with weights that it downloads at first use or those of a file. PyTorch
exports it as an ONNX graph. Size, normalization and interpolation are those of timm's pretrained configuration. The
whole picture is used (timm's own evaluation crops its border by `crop_pct`).
"""

import difflib
import functools
import hashlib
import importlib.metadata
from pathlib import Path
from typing import Any, cast

from showtell.encoders.graph_editing import finished
from showtell.encoders.runtime import EncoderInfo
from showtell.encoders.sources.base import EncoderEntry, encoder_source
from showtell.errors import InputError, MissingExtra, ShowtellError, one_line
from showtell.files import sha256_file
from showtell.images.preprocessing import Interpolation, Preprocessing
from showtell.onnx_graphs.export import to_onnx

_EXPORT_RULES = "1"  # increase it when the exported graph of the same weights changes
_INTERPOLATIONS: dict[str, Interpolation] = {"bilinear": "bilinear", "bicubic": "bicubic"}


def key(name: str, weights: Path | None) -> str:
    """The cache key of `timm:NAME`: its weights and the rules of export."""
    if weights:
        which = sha256_file(weights)
    else:
        try:
            which = f"pretrained {importlib.metadata.version('timm')}"
        except importlib.metadata.PackageNotFoundError as error:
            raise MissingExtra(f"the encoder timm:{name}", "timm") from error
    return hashlib.sha256(f"timm:{name} {which} {_EXPORT_RULES}".encode()).hexdigest()


def export(name: str, weights: Path | None) -> bytes:
    """The serialized ONNX graph of `timm:NAME`; see `showtell.encoders.runtime` for its inputs and outputs.

    Arguments:
        name: a model of timm, with or without a tag for its weights.
        weights: safetensors or a PyTorch state dict that timm wrote; None for those that timm downloads.

    Raises:
        MissingExtra: timm is not installed.
        InputError: there is no such model, or the file does not fit it.
        ShowtellError: the weights could not be downloaded.
    """
    timm = import_timm()
    network = _loaded(timm, name, weights)
    configuration = network.pretrained_cfg
    preprocessing = preprocessing_of(configuration)
    pooled, cells = _shapes(network, preprocessing.size)
    import torch

    picture = torch.zeros(2, 3, preprocessing.size, preprocessing.size)
    outputs = ["pooled", "grid"] if cells else ["pooled"]
    model = to_onnx(_outputs(network, bool(cells)), [picture], ["picture"], outputs, [{0: torch.export.Dim("B")}])
    info = EncoderInfo(
        name=f"timm:{name}",
        fingerprint=_digest(name, network),
        dim=pooled,
        cells=cells,
        preprocessing=preprocessing,
        licence="" if weights else str(configuration.get("license") or ""),
        source=f"timm {name}, " + (f"weights of {weights.name}" if weights else f"{configuration.get('hf_hub_id')}"),
    )
    return finished(model, info)


@encoder_source("timm:NAME", help="any network of timm, with the weights that timm downloads or those of a file")
def entry(name: str, weights: Path | None, root: Path) -> EncoderEntry:
    """The encoder `timm:` and the name."""
    return EncoderEntry(functools.partial(key, name, weights), functools.partial(export, name, weights))


def import_timm() -> Any:
    """Import timm, with its parts of torchvision, whether or not torchvision's compiled part loads."""
    try:
        import onnx  # noqa: F401
        import torch  # noqa: F401

        try:
            import torchvision
        except RuntimeError:
            # PyPI's torchvision is built for CUDA. With a PyTorch for CPUs its compiled operators do not load. Then its
            # Python part, which is all that timm needs, fails at the first operator that it describes.
            _declare_operators()
            import torchvision  # noqa: F401
        import timm
    except ImportError as error:
        raise MissingExtra("an encoder of timm", "timm") from error
    except RuntimeError as error:
        raise InputError(
            f"torchvision does not match PyTorch ({one_line(error, 300)}): install matching versions"
        ) from error
    return timm


@functools.cache
def _declare_operators() -> Any:
    """Declare the operators that torchvision describes on import; they cannot be called, and nothing here calls
    them.
    """
    import torch

    library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library  # kept, because the declarations end with it


def preprocessing_of(configuration: Any) -> Preprocessing:
    """The preprocessing of a model with this pretrained configuration."""
    _, height, width = configuration["input_size"]
    if height != width:
        raise InputError(f"timm:{configuration['architecture']} takes {height} x {width}: only squares are supported")
    return Preprocessing(
        size=height,
        interpolation=_INTERPOLATIONS.get(configuration["interpolation"], "bicubic"),
        mean=cast(tuple[float, float, float], tuple(round(255 * value, 6) for value in configuration["mean"])),
        std=cast(tuple[float, float, float], tuple(round(255 * value, 6) for value in configuration["std"])),
    )


def _loaded(timm: Any, name: str, weights: Path | None) -> Any:
    if not name.startswith("hf-hub:"):
        _require_known(timm, name, downloaded=weights is None)
    try:
        network = timm.create_model(name, pretrained=weights is None, num_classes=0, exportable=True)
    except Exception as error:  # downloads fail with many classes of errors
        raise ShowtellError(
            f"timm:{name} could not be loaded ({one_line(error, 300)}): "
            "if you have its weights in a file, give --encoder-weights FILE"
        ) from error
    if weights:
        _fill(timm, network, name, weights)
    return network.eval()


def _require_known(timm: Any, name: str, downloaded: bool) -> None:
    if not timm.is_model(name):
        close = difflib.get_close_matches(name, [*timm.list_models(), *timm.list_pretrained()], 3)
        raise InputError(f"timm has no {name!r}" + (f": did you mean {', '.join(close)}?" if close else ""))
    if downloaded and not timm.models.is_model_pretrained(name):
        raise InputError(f"timm has no weights for {name}: give --encoder-weights FILE")


def _fill(timm: Any, network: Any, name: str, weights: Path) -> None:
    try:
        tensors = timm.models.load_state_dict(str(weights), weights_only=True)
        left_out = network.load_state_dict(tensors, strict=False)
    except Exception as error:  # from safetensors, PyTorch's restricted reader, or wrong shapes
        raise InputError(f"{weights}: not weights of timm:{name} ({one_line(error, 300)})") from error
    if missing := left_out.missing_keys:
        others = f" and {len(missing) - 1} others" if len(missing) > 1 else ""
        raise InputError(f"{weights}: not weights of timm:{name} (without {missing[0]}{others})")


def _shapes(network: Any, size: int) -> tuple[int, int]:
    """D, and the number of cells if the last features have D channels themselves, else 0."""
    import torch

    with torch.no_grad():
        features = network.forward_features(torch.zeros(1, 3, size, size))
        dim = network.forward_head(features, pre_logits=True).shape[-1]
        cells = _cells(network, features)
    return dim, cells.shape[1] if cells is not None and cells.shape[2] == dim else 0


def _cells(network: Any, features: Any) -> Any:
    """Features as `(B, L, D)`: planes, channels first or last, or tokens without those that have no position; else
    None.
    """
    if features.ndim == 4:
        return features.flatten(1, 2) if getattr(network, "output_fmt", "NCHW") == "NHWC" else features.flatten(2).mT
    if features.ndim == 3:
        return features[:, getattr(network, "num_prefix_tokens", 0) :]
    return None


def _outputs(network: Any, with_grid: bool) -> Any:
    import torch

    class Outputs(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, ...]:
            features = self.network.forward_features(picture)
            pooled = self.network.forward_head(features, pre_logits=True)
            return (pooled, _cells(self.network, features)) if with_grid else (pooled,)

    return Outputs()


def _digest(name: str, network: Any) -> str:
    """A digest of the network and its weights, whatever file they came in."""
    digest = hashlib.sha256(f"timm:{name.partition('.')[0]} {_EXPORT_RULES}".encode())
    for tensor_name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{tensor_name} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()
