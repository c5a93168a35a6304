"""Model bundles: everything that captions a picture in one file, `NAME.showtell`, or the same files in a folder.

    model.json            architecture, preprocessing, search defaults, licence, data, scores, golden caption
    vocabulary.json       the entries in the order of their ids
    tokenizer.json        in its place in bundles of format 3, whose entries are pieces of words; model.json says which
                          of them start and end a sentence (see `showtell.text.Subwords`)
    encoder.onnx          the encoder, self-describing (see `showtell.encoders.runtime`)
    start.onnx, step.onnx the decoder's two graphs; their weights are external initializers (listed in model.json) of
    weights.safetensors   the decoder's tensors
    golden.png            a picture drawn by code, whose caption `showtell verify` reproduces
    calibration.json, calibration.safetensors
                          of a calibrated model: the calibration (see `showtell.captioning.confidence.calibration`)
    tags.json, tags.safetensors
                          of an encoder with a classifier: the classifier and what was fitted to it (see
                          `showtell.captioning.tags.tagger`)
    README.md             the model card
    SHA256SUMS            one line per file above, as `sha256sum` writes and checks them

The file is a stored (not compressed) zip. Every byte that matters is covered by SHA256SUMS and checked when a bundle is
opened. Weights may be stored in float16, or in int8 with a scale for each row (see
`showtell.quantization.int8_weights`). Loading converts them to float32, except for matrices that a graph lists with
their scales and multiplies in int8. Nothing in a bundle is ever executed.
"""

import lzma
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from showtell.decoders.runtime import OnnxSteps
from showtell.encoders.runtime import Encoder
from showtell.errors import BundleError, InputError, ShowtellError, one_line
from showtell.files import sha256_of, write_beside
from showtell.images.preprocessing import ResizeMode
from showtell.models.bundle_parts import (
    check_model,
    entries_of,
    json_of,
    read_folder,
    read_zip,
    rules_of,
    search_options,
    subwords_of,
    tensors_of,
)
from showtell.onnx_graphs.session import open_session
from showtell.quantization.int8_weights import as_taken, unpack
from showtell.search import SearchOptions
from showtell.search.options import MOST
from showtell.text import Subwords, TokenVocabulary, Vocabulary

FORMAT = 1
INT8_FORMAT = 2
"""The format of bundles with int8 weights. Releases that know only the first format cannot read it."""
SUBWORD_FORMAT = 3
"""The format of bundles with `tokenizer.json`: captioners of another maker (`showtell.pretrained`)."""
SUMS = "SHA256SUMS"
_VOCABULARIES = ("vocabulary.json", "tokenizer.json")
_PARTS = (
    "model.json",
    "encoder.onnx",
    "start.onnx",
    "step.onnx",
    "weights.safetensors",
    "golden.png",
)
CALIBRATION_PARTS = ("calibration.json", "calibration.safetensors")
TAG_PARTS = ("tags.json", "tags.safetensors")
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # so that the same parts always give the same file


@dataclass(frozen=True, slots=True, repr=False)
class Bundle:
    """A bundle's parts, checked against their checksums: `model` is `model.json`, `parts` the bytes by file name."""

    path: str
    model: dict[str, Any]
    vocabulary: TokenVocabulary
    parts: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"Bundle({self.path!r}, {self.name!r}, {len(self.vocabulary)} entries)"

    @property
    def name(self) -> str:
        """The model's name."""
        return str(self.model["name"])

    @property
    def bytes_per_picture(self) -> int:
        """What the decoder keeps in memory for a picture while it writes; 0 where that does not matter."""
        value = self.model["decoder"].get("bytes_per_picture", 0)
        return value if type(value) is int and value >= 0 else 0

    @property
    def versions(self) -> dict[str, str]:
        """The versions that its golden caption was recorded with, by name; empty in bundles of earlier releases."""
        return dict(self.model.get("versions", {}))

    def encoder(self, *, resize: ResizeMode | None = None, threads: int | None = None) -> Encoder:
        """A session of the bundle's encoder; `resize` overrides how the bundle makes pictures square.

        Raises:
            BundleError: the encoder cannot be loaded, or is not the one that `model.json` names.
        """
        try:
            encoder = Encoder(self.parts["encoder.onnx"], resize=resize or self.model["resize"], threads=threads)
            encoder.info.shape(self.model["output"])
        except ShowtellError as error:
            raise BundleError(f"{self.path}: encoder.onnx cannot be loaded ({one_line(error)})") from error
        if (encoder.info.dim, encoder.info.cells) != (self.model["encoder"]["dim"], self.model["encoder"]["cells"]):
            raise BundleError(f"{self.path}: encoder.onnx is not the encoder of model.json: copy it again")
        return encoder

    def decoder(self, *, threads: int | None = None) -> "OnnxSteps":
        """A session of the bundle's decoder; a `BundleError` if it cannot be loaded."""
        start, step = (self._session(name, threads) for name in ("start.onnx", "step.onnx"))
        try:
            shared = self.model["format"] == SUBWORD_FORMAT
            return OnnxSteps(start, step, len(self.vocabulary), shares_constants=shared)
        except ShowtellError as error:
            raise BundleError(f"{self.path}: {one_line(error)}") from error

    def _session(self, graph: str, threads: int | None) -> Any:
        try:
            kept = tensors_of(self.parts["weights.safetensors"])
            weights = as_taken(kept, self.model["graphs"][graph])
            return open_session(self.parts[graph], threads, weights, arena=not self.bytes_per_picture)
        except (ShowtellError, KeyError) as error:
            raise BundleError(f"{self.path}: {graph} cannot be loaded ({one_line(error)})") from error

    def weights(self) -> dict[str, npt.NDArray[Any]]:
        """The decoder's tensors by name; floats as `float32`, whatever type they are stored in."""
        return unpack(tensors_of(self.parts["weights.safetensors"]))

    def search_options(self) -> SearchOptions:
        """The model's default search settings; a `BundleError` if they are malformed or of a later release."""
        if unknown := sorted(set(self.model["search"]) - set(SearchOptions.__dataclass_fields__)):
            raise BundleError(f"{self.path}: this release knows no search setting {unknown[0]!r}: upgrade showtell")
        try:
            options = search_options(self.model["search"])
            if options.num_captions > MOST:
                raise InputError(f"{options.num_captions:,} captions of a picture are more than {MOST:,}")
            return options
        except (InputError, TypeError, ValueError) as error:
            raise BundleError(f"{self.path}: its search settings are malformed ({one_line(error)})") from error


def read_bundle(path: str | Path) -> Bundle:
    """Open a bundle, file or folder, and check every part.

    Raises:
        BundleError: the bundle is missing, damaged, or in the format of another release.
    """
    path = Path(path)
    if not path.exists():
        raise BundleError(f"{path}: there is no such model bundle")
    try:
        parts = read_folder(path) if path.is_dir() else read_zip(path)
    except (OSError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError, ValueError, EOFError) as error:
        raise BundleError(f"{path}: not a whole model bundle ({one_line(error)}): copy it again") from error
    _check(path, parts)
    try:
        model = json_of(parts["model.json"])
        if not isinstance(model, dict) or not isinstance(model.get("format"), int):
            raise ValueError("it has no format")
        if model["format"] not in (FORMAT, INT8_FORMAT, SUBWORD_FORMAT):
            raise BundleError(
                f"{path}: bundle format {model['format']}, this release reads {FORMAT} to {SUBWORD_FORMAT}: "
                "upgrade showtell"
            )
        check_model(model)
        vocabulary = _vocabulary(model, parts)
    except BundleError:
        raise
    except (InputError, ValueError) as error:
        words = next(name for name in _VOCABULARIES if name in parts)
        raise BundleError(f"{path}: model.json or {words} is malformed ({one_line(error)})") from error
    return Bundle(str(path), model, vocabulary, parts)


def _vocabulary(model: Mapping[str, Any], parts: Mapping[str, bytes]) -> TokenVocabulary:
    """A bundle's vocabulary; an `InputError` or `ValueError` if it is malformed."""
    if model["format"] != SUBWORD_FORMAT:
        return Vocabulary(entries_of(json_of(parts["vocabulary.json"])), rules_of(model))
    described = subwords_of(model.get("vocabulary"))
    return Subwords(parts["tokenizer.json"], **described)


def write_bundle(path: str | Path, parts: Mapping[str, bytes]) -> None:
    """Write `parts` as one file, with new checksums; the same parts always give the same bytes."""
    contents = {name: data for name, data in parts.items() if name != SUMS}
    everything = {**contents, SUMS: _sums(contents)}
    with write_beside(Path(path)) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in everything.items():
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)


def _sums(parts: Mapping[str, bytes]) -> bytes:
    return "".join(f"{sha256_of(data)}  {name}\n" for name, data in sorted(parts.items())).encode()


def _check(path: Path, parts: Mapping[str, bytes]) -> None:
    if SUMS not in parts:
        raise BundleError(f"{path}: not a model bundle (no {SUMS})")
    sums = {}
    for line in parts[SUMS].decode(errors="replace").splitlines():
        digest, _, name = line.partition("  ")
        sums[name] = digest
    optional = [name for name in (*CALIBRATION_PARTS, *TAG_PARTS) if name in parts]
    kind = next((name for name in _VOCABULARIES if name in parts), _VOCABULARIES[0])
    if missing := [name for name in (*_PARTS, kind, *optional) if name not in parts or name not in sums]:
        raise BundleError(f"{path}: not a whole model bundle ({missing[0]} or its sum is missing): copy it again")
    if unlisted := sorted(set(parts) - set(sums) - {SUMS}):
        raise BundleError(
            f"{path}: has {unlisted[0]}, which {SUMS} does not list: take it out, or copy the bundle again"
        )
    for name, digest in sums.items():
        if sha256_of(parts.get(name, b"")) != digest:
            raise BundleError(f"{path}: damaged ({name} differs from its SHA-256): copy it again")
    if parts[SUMS] != _sums({name: parts[name] for name in sums}):
        raise BundleError(f"{path}: damaged ({SUMS} is malformed): copy it again")
