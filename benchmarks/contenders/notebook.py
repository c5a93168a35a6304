"""The pipeline of the course notebook that Showtell grew from, in Keras on TensorFlow: InceptionV3, an LSTM, greedy.

Weights are random, so only the speed means anything. Every sentence has 12 words, about as many as captions have. Where
the notebook left room for speed, this uses it: a compiled function writes sentences for 32 pictures at once.
"""

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from contenders.captions import PAD, WORDS, batch_of_ids

BATCH, AHEAD, SIZE, STEPS = 32, 10, 299, 12


def captions(pictures: Sequence[Path]) -> Callable[[int], None]:
    """Bytes -> center crop -> 299 x 299 -> InceptionV3 -> words one by one; a thread reads ahead."""
    keras = import_keras()
    encoder = inception(keras)
    start, step = caption_functions(keras)

    def work(count: int) -> None:
        for batch in read_ahead(pictures, count):
            write(start, step, encoder.predict(batch, verbose=0))

    work(BATCH)
    return work


def predict(pictures: Sequence[Path]) -> Callable[[int], None]:
    """InceptionV3 alone, on squares that are ready."""
    encoder = inception(import_keras())
    batch = next(read_ahead(pictures, BATCH))

    def work(count: int) -> None:
        for _ in range(0, count, BATCH):
            encoder.predict(batch, verbose=0)

    work(BATCH)
    return work


def training(pictures: Sequence[Path]) -> Callable[[int], None]:
    """Steps of Adam on 64 captions of at most 20 ids, cross-entropy averaged over targets that are not PAD."""
    keras = import_keras()
    model = teacher_forced(keras)
    embeddings = np.random.default_rng(0).random((64, 2048), np.float32)
    ids = batch_of_ids()

    def work(count: int) -> None:
        for _ in range(count):
            model.train_on_batch([embeddings, ids[:, :-1]], ids[:, 1:])

    work(2)
    return work


def import_keras() -> Any:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras

    keras.utils.set_random_seed(0)
    return keras


def inception(keras: Any) -> Any:
    return keras.applications.InceptionV3(weights=None, include_top=False, pooling="avg", input_shape=(SIZE, SIZE, 3))


def layers_of(keras: Any) -> dict[str, Any]:
    layers = keras.layers
    return {
        "bottleneck": layers.Dense(120, activation="elu"),
        "initial": layers.Dense(300, activation="elu"),
        "word": layers.Embedding(WORDS, 100),
        "cell": layers.LSTMCell(300),
        "projection": layers.Dense(120, activation="elu"),
        "logits": layers.Dense(WORDS),
    }


def teacher_forced(keras: Any) -> Any:
    layers = layers_of(keras)
    embedding, ids = keras.Input((2048,)), keras.Input((None,), dtype="int64")
    first = layers["initial"](layers["bottleneck"](embedding))
    hidden = keras.layers.RNN(layers["cell"], return_sequences=True)(layers["word"](ids), initial_state=[first, first])
    model = keras.Model([embedding, ids], layers["logits"](layers["projection"](hidden)))

    def loss(targets: Any, logits: Any) -> Any:
        there = keras.ops.cast(targets != PAD, "float32")
        losses = keras.losses.sparse_categorical_crossentropy(targets, logits, from_logits=True)
        return keras.ops.sum(losses * there) / keras.ops.sum(there)

    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss, jit_compile=False)
    return model


def caption_functions(keras: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    import tensorflow as tf

    layers = layers_of(keras)

    @tf.function
    def start(embeddings: Any) -> Any:
        return layers["initial"](layers["bottleneck"](embeddings))

    @tf.function
    def step(tokens: Any, hidden: Any, carry: Any) -> tuple[Any, Any, Any]:
        output, (hidden, carry) = layers["cell"](layers["word"](tokens), [hidden, carry])
        return tf.argmax(layers["logits"](layers["projection"](output)), axis=1), hidden, carry

    return start, step


def write(start: Callable[..., Any], step: Callable[..., Any], embeddings: np.ndarray) -> np.ndarray:
    """The words of a batch, `(B, 12)`: each that is foretold is fed back."""
    hidden = carry = start(embeddings)
    tokens, words = np.zeros(len(embeddings), np.int64), []
    for _ in range(STEPS):
        tokens, hidden, carry = step(tokens, hidden, carry)
        words.append(tokens.numpy())
    return np.stack(words, axis=1)


def read_ahead(pictures: Sequence[Path], count: int) -> Iterator[np.ndarray]:
    """Batches of squares `float32 (32, 299, 299, 3)`, which a thread decodes into a queue of ten."""
    import cv2

    batches: queue.Queue[np.ndarray | None] = queue.Queue(AHEAD)

    def square(path: Path) -> np.ndarray:
        image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
        side = min(image.shape[:2])
        top, left = (image.shape[0] - side + 1) // 2, (image.shape[1] - side + 1) // 2
        resized = cv2.resize(image[top : top + side, left : left + side], (SIZE, SIZE))
        return resized.astype(np.float32) / 127.5 - 1

    def read() -> None:
        paths = list(islice(cycle(pictures), count))
        for begin in range(0, count, BATCH):
            batches.put(np.stack([square(path) for path in paths[begin : begin + BATCH]]))
        batches.put(None)

    threading.Thread(target=read, daemon=True).start()
    while (batch := batches.get()) is not None:
        yield batch
