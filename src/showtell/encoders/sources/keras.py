"""The networks of keras.applications as encoders, by the name `keras:NAME`, such as `keras:InceptionV3`.

Keras 3 builds the network without its classifier, on PyTorch, with weights that it downloads at first use or those of a
file. `keras_graph` converts it. Size, normalization and the pooled embedding are Keras's own. Pictures are resized like
`cv2.resize`, which samples like Keras's own loaders and the course notebook.
"""

import contextlib
import functools
import hashlib
import importlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np

from showtell.encoders.graph_editing import finished
from showtell.encoders.runtime import EncoderInfo
from showtell.encoders.sources.base import EncoderEntry, encoder_source
from showtell.encoders.sources.keras_graph import written
from showtell.errors import InputError, MissingExtra, ShowtellError, one_line
from showtell.files import sha256_file, sha256_of
from showtell.images.preprocessing import Preprocessing

_EXPORT_RULES = "1"  # increase it when the exported graph of the same weights changes
SIZES = {  # each network's input size in Keras's documentation, if it is not 224
    "EfficientNetB1": 240,
    "EfficientNetB2": 260,
    "EfficientNetB3": 300,
    "EfficientNetB4": 380,
    "EfficientNetB5": 456,
    "EfficientNetB6": 528,
    "EfficientNetB7": 600,
    "EfficientNetV2B1": 240,
    "EfficientNetV2B2": 260,
    "EfficientNetV2B3": 300,
    "EfficientNetV2S": 384,
    "EfficientNetV2M": 480,
    "EfficientNetV2L": 480,
    "InceptionResNetV2": 299,
    "InceptionV3": 299,
    "NASNetLarge": 331,
    "Xception": 299,
}


def key(name: str, weights: Path | None) -> str:
    """The cache key of `keras:NAME`: its weights and the rules of export."""
    which = sha256_file(weights) if weights else "imagenet"
    return hashlib.sha256(f"keras:{name} {which} {_EXPORT_RULES}".encode()).hexdigest()


def export(name: str, weights: Path | None) -> bytes:
    """The serialized ONNX graph of `keras:NAME`; see `showtell.encoders.runtime` for its inputs and outputs.

    Arguments:
        name: a network of keras.applications.
        weights: `.weights.h5`, `.h5` or `.keras` with the network's weights, with or without its classifier; None for
            those that Keras downloads.

    Raises:
        MissingExtra: Keras or PyTorch is not installed.
        InputError: there is no such network, the file does not fit it, or Keras does not run on PyTorch.
        ShowtellError: the weights could not be downloaded.
    """
    keras = import_keras()
    with _settings(keras):
        build = _builder(keras, name)
        size = SIZES.get(name, 224)
        model, dim, cells = written(_loaded(build, name, size, weights))
        preprocessing = preprocessing_of(build, size)
    info = EncoderInfo(
        name=f"keras:{name}",
        fingerprint=sha256_of(model.SerializeToString(deterministic=True)),
        dim=dim,
        cells=cells,
        preprocessing=preprocessing,
        licence="" if weights else "as Keras Applications gives it for these weights",
        source=f"Keras Applications, {name} with " + (weights.name if weights else "its ImageNet weights"),
    )
    return finished(model, info)


@encoder_source("keras:NAME", help="any network of keras.applications, with its ImageNet weights or those of a file")
def entry(name: str, weights: Path | None, root: Path) -> EncoderEntry:
    """The encoder `keras:` and the name."""
    return EncoderEntry(functools.partial(key, name, weights), functools.partial(export, name, weights))


def import_keras() -> Any:
    """Import Keras on PyTorch; `KERAS_BACKEND` is set only for the import, and only if it is unset."""
    try:
        import onnx  # noqa: F401
        import torch  # noqa: F401

        chosen = os.environ.get("KERAS_BACKEND")
        if "keras" in sys.modules or chosen == "torch":
            import keras
        elif chosen:
            raise InputError(f"KERAS_BACKEND is {chosen}, but keras: encoders need torch: leave it unset")
        else:
            os.environ["KERAS_BACKEND"] = "torch"
            try:
                import keras
            finally:
                del os.environ["KERAS_BACKEND"]
    except ImportError as error:
        raise MissingExtra("an encoder of Keras", "keras") from error
    if (backend := keras.config.backend()) != "torch":
        raise InputError(f"Keras runs on {backend} here, but keras: encoders need torch: set KERAS_BACKEND=torch")
    return keras


@contextlib.contextmanager
def _settings(keras: Any) -> Iterator[None]:
    """Use channels last, float32 and the processor, whatever the user's keras.json says; restore the settings
    afterwards.
    """
    layout, policy = keras.config.image_data_format(), keras.config.dtype_policy()
    try:
        keras.config.set_image_data_format("channels_last")
        keras.config.set_dtype_policy("float32")
        with keras.device("cpu"):
            yield
    finally:
        keras.config.set_image_data_format(layout)
        keras.config.set_dtype_policy(policy)


def _builder(keras: Any, name: str) -> Callable[..., Any]:
    names = [known for known in dir(keras.applications) if known[:1].isupper()]
    if name not in names:
        raise InputError(f"keras.applications has no {name!r}: it has {', '.join(names)}")
    return cast(Callable[..., Any], getattr(keras.applications, name))


def preprocessing_of(build: Callable[..., Any], size: int) -> Preprocessing:
    """The preprocessing of the network that `build` makes.

    It is found by passing black and the three colors to `preprocess_input` of the network's own module.
    """
    colours = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]], np.float64).reshape(1, 1, 4, 3)
    black, *seen = preprocess_input(build)(colours, data_format="channels_last").reshape(4, 3)
    slopes = (np.array(seen) - black) / 255  # [channel there, channel here]
    channels = "RGB" if slopes[0, 0] else "BGR"
    scale = slopes.diagonal() if channels == "RGB" else slopes[::-1].diagonal()
    mean, std = np.round(0 - black / scale, 6), np.round(1 / scale, 6)  # 0 - x, not -x: no negative zero
    return Preprocessing(
        size=size,
        interpolation="bilinear-opencv",
        mean=tuple(map(float, mean)),  # type: ignore[arg-type]
        std=tuple(map(float, std)),  # type: ignore[arg-type]
        channels=channels,  # type: ignore[arg-type]
    )


def preprocess_input(build: Callable[..., Any]) -> Callable[..., Any]:
    """Keras's own normalization for the network that `build` makes."""
    return cast(Callable[..., Any], importlib.import_module(build.__module__).preprocess_input)


def _loaded(build: Callable[..., Any], name: str, size: int, weights: Path | None) -> Any:
    shape = (size, size, 3)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # the progress of a download
            model = build(include_top=False, pooling="avg", input_shape=shape, weights=None if weights else "imagenet")
    except ValueError as error:  # such as a network that Keras does not have on PyTorch
        raise InputError(f"keras:{name}: {one_line(error, 300)}") from error
    except Exception as error:  # Keras raises plain Exception if a download fails
        raise ShowtellError(
            f"the weights of keras:{name} could not be downloaded ({one_line(error, 300)}): "
            "if you have them in a file, give --encoder-weights FILE"
        ) from error
    if weights:
        _refuse_weights_of_another_network(build, name, weights)
        try:
            _load(model, weights)
        except Exception as error:  # Keras and h5py raise many things for files that do not fit
            if not _load_without_classifier(model, build, shape, weights):
                raise InputError(f"{weights}: not weights of keras:{name} ({one_line(error, 300)})") from error
    return model


def _load(model: Any, weights: Path) -> None:
    with warnings.catch_warnings():  # Keras also warns about what it then raises
        warnings.simplefilter("ignore")
        model.load_weights(weights)


def _load_without_classifier(model: Any, build: Callable[..., Any], shape: tuple[int, ...], weights: Path) -> bool:
    """Fill `model` from a file of the whole network; False if the file is not that either."""
    whole = build(include_top=True, input_shape=shape, weights=None)
    try:
        _load(whole, weights)
    except Exception:
        return False
    model.set_weights(whole.get_weights()[: len(model.weights)])
    return True


def _refuse_weights_of_another_network(build: Callable[..., Any], name: str, weights: Path) -> None:
    """Only for its own ImageNet weights, Keras builds EfficientNet (not V2) with one more step."""
    module = importlib.import_module(build.__module__)
    if module.__name__.endswith(".efficientnet"):
        published = {digest for digests in module.WEIGHTS_HASHES.values() for digest in digests}
        if hashlib.md5(weights.read_bytes(), usedforsecurity=False).hexdigest() in published:
            raise InputError(
                f"{weights}: Keras loads its ImageNet weights of {name} only from its own folder: "
                "put the file into ~/.keras/models and leave out --encoder-weights"
            )
