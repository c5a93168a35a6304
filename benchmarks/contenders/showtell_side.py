"""Showtell's own side: a folder of pictures -> captions, and encoders alone."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from showtell.captioning.captioner import Captioner
from showtell.data.sources.picture_source import RawPicture
from showtell.encoders.runtime import Encoder
from showtell.images.decode import decode
from showtell.images.preprocessing import Preprocessing, normalize, square
from showtell.onnx_graphs.session import available_cores, open_session


def captions(pictures: Sequence[Path], beam: int, model: str = "flickr8k") -> Callable[[int], None]:
    """A model that comes with the package, as `showtell caption` runs it."""
    captioner = Captioner(model)

    def read(count: int) -> Iterator[RawPicture]:
        for path in islice(cycle(pictures), count):
            yield RawPicture(path.name, path.read_bytes())

    def work(count: int) -> None:
        found = sum(result.caption is not None for result in captioner.caption_stream(read(count), beam=beam))
        assert found == count, f"{found} captions of {count} pictures"

    return work


def encoder_alone(pictures: Sequence[Path]) -> Callable[[int], None]:
    """The arithmetic of the model's encoder and nothing else, on every core: its input is made beforehand."""
    captioner = Captioner()
    preprocessing = captioner.encoder.info.preprocessing
    inputs = normalize(squares_of(pictures[:16], preprocessing), preprocessing)
    session = open_session(captioner.bundle.parts["encoder.onnx"], threads=1)
    pool = ThreadPoolExecutor(available_cores())

    def encode(i: int) -> None:
        session.run(["pooled"], {"picture": inputs[i % len(inputs)][None]})

    def work(count: int) -> None:
        list(pool.map(encode, range(count)))

    return work


def inception(pictures: Sequence[Path], int8: bool) -> Callable[[int], None]:
    """InceptionV3 with random weights by way of ONNX Runtime, fed as `predict` is: with batches of 32 squares."""
    from showtell.encoders.sources import keras as keras_encoder
    from showtell.quantization.static import quantized

    keras = keras_encoder.import_keras()
    keras.utils.set_random_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "random.weights.h5"
        keras.applications.InceptionV3(weights=None, include_top=False, pooling="avg").save_weights(weights)
        graph = keras_encoder.export("InceptionV3", weights)
    preprocessing = Encoder(graph, threads=1).info.preprocessing
    squares = squares_of(pictures[:32], preprocessing)
    encoder = Encoder(quantized(graph, squares, show=False) if int8 else graph, threads=available_cores())

    def work(count: int) -> None:
        for begin in range(0, count, len(squares)):
            encoder(squares[: count - begin])

    return work


def squares_of(pictures: Sequence[Path], preprocessing: Preprocessing) -> np.ndarray:
    return np.stack([square(decode(path), preprocessing) for path in pictures])
