"""A finished bundle and pictures -> the same model in int8: smaller, and faster if its encoder gets faster.

Nothing is trained. The encoder is quantized on the pictures (`showtell.quantization.encoder`). The decoder's matrices
are stored as int8 rows and multiplied in int8 (`showtell.quantization.int8_matmul`). The golden caption comes from the
new model. A decoder that was trained on the float32 encoder's embeddings now gets slightly different ones; a decoder
trained with `[encoder] precision = "int8"` does not.
"""

from dataclasses import dataclass
from pathlib import Path

import safetensors.numpy

from showtell.captioning.golden import finish
from showtell.data.selection import AnyPictures, source_of
from showtell.encoders import Encoder
from showtell.errors import InputError
from showtell.models.bundle import INT8_FORMAT, Bundle, read_bundle
from showtell.models.names import bundle_to_write, find_model
from showtell.quantization.encoder import CALIBRATION_PICTURES, quantized_on
from showtell.quantization.int8_matmul import multiply_in_int8
from showtell.quantization.int8_weights import int8_names, pack


@dataclass(frozen=True, slots=True)
class Quantized:
    """Sizes in bytes, before and after, of the encoder's graph, the decoder's weights and the bundle's file."""

    encoder: tuple[int, int]
    decoder: tuple[int, int]
    bundle: tuple[int, int]


def quantize(
    model: str | Path,
    out: str | Path | None = None,
    pictures: AnyPictures | None = None,
    *,
    show: bool = True,
) -> Quantized:
    """Write the int8 form of a bundle.

    Arguments:
        model: the bundle or the name of one; a part that is already int8 does not change.
        out: the file to write; None replaces the bundle in one step, if it was given by its path.
        pictures: folder, archive, files or a list of these, or anything with `names` and `read`: up to
            `CALIBRATION_PICTURES` of them set the ranges of the encoder's tensors. None leaves the encoder unchanged.
        show: show progress on stderr.

    Raises:
        InputError: both parts are already int8; the encoder cannot be quantized; no picture can be read; or `out` is
            None and the bundle is a folder or a model of the package.
        MissingExtra: the package onnx is not installed.
    """
    target = bundle_to_write(model, out)
    before = read_bundle(find_model(model))
    encoder = Encoder(before.parts["encoder.onnx"], threads=1).info
    source = source_of(pictures) if pictures is not None and encoder.precision == "float32" else None
    whole_decoder = before.model["format"] != INT8_FORMAT
    if not source and not whole_decoder:
        whole = "" if encoder.precision == "int8" else " except for its encoder, which needs pictures for that"
        raise InputError(f"{model}: already in int8{whole}")
    parts, described = dict(before.parts), dict(before.model)
    count = 0
    if source:
        count = min(len(source.names()), CALIBRATION_PICTURES)
        graph = quantized_on(before.parts["encoder.onnx"], source, source.names(), before.model["resize"], show=show)
        parts["encoder.onnx"] = graph
        described["encoder"] = Encoder(graph, resize=before.model["resize"], threads=1).info.to_json()
    if whole_decoder:
        weights = pack(safetensors.numpy.load(before.parts["weights.safetensors"]))
        parts["weights.safetensors"] = safetensors.numpy.save(weights)
        parts["step.onnx"], names = multiply_in_int8(before.parts["step.onnx"], int8_names(weights))
        described["graphs"] = before.model["graphs"] | {"step.onnx": names}
        described["format"] = INT8_FORMAT
    finish(target, parts, described, sections={"Quantisation": _section(count, whole_decoder)})
    after = read_bundle(target)
    return Quantized(
        _sizes(before, after, "encoder.onnx"),
        _sizes(before, after, "weights.safetensors"),
        (sum(map(len, before.parts.values())), sum(map(len, after.parts.values()))),
    )


def _sizes(before: Bundle, after: Bundle, part: str) -> tuple[int, int]:
    return len(before.parts[part]), len(after.parts[part])


def _section(pictures: int, decoder: bool) -> str:
    """The model card's section about it, as Markdown."""
    encoder = f"- The encoder was quantised to int8 after training, on {pictures} pictures\n" if pictures else ""
    return encoder + (
        "- The decoder's matrices were rounded to int8 after training, and its steps multiply in int8\n" * decoder
    )
