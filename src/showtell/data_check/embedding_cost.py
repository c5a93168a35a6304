"""Some pictures of a data set -> how long embedding all will take on this machine, and how large the store will be.

Only encoders that are available locally are measured: that of the default model, one that was exported before or can be
exported from an installed package, or a file. Nothing is downloaded for an estimate.
"""

import contextlib
import time
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from math import prod
from pathlib import Path

import numpy as np

from showtell.data.sources.base import Pictures
from showtell.embeddings.pipeline import prepared
from showtell.encoders import Encoder, encoder_graph
from showtell.encoders.runtime import EncoderOutput
from showtell.encoders.sources.efficientnet_lite import is_known
from showtell.errors import ShowtellError
from showtell.images.preprocessing import ResizeMode
from showtell.models.bundle import read_bundle
from showtell.models.names import default_model

_BATCH = 16  # as in embedding


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate for embedding `pictures`: their `rate` per second, measured on `measured` of them, and in all the
    `seconds` and the `bytes` of the store.
    """

    encoder: str
    pictures: int
    measured: int
    rate: float
    seconds: float
    bytes: int


def encoder_at_hand(name: str, *, resize: ResizeMode | None = None, root: Path = Path()) -> Encoder | None:
    """A session of the encoder `name` if it is available without a download, else None."""
    with contextlib.suppress(ShowtellError):
        bundle = read_bundle(default_model())
        if bundle.model["encoder"]["name"] == name:
            return bundle.encoder(resize=resize)
        if is_known(name) or name.startswith("onnx:"):
            return Encoder(encoder_graph(name, root=root), resize=resize)
    return None


def estimate(
    source: Pictures, names: Collection[str], encoder: Encoder, output: EncoderOutput = "pooled", *, measured: int = 64
) -> Estimate | None:
    """Embed the first `measured` pictures of `names` without storing them; None if too few can be read.

    A name that occurs in `names` twice counts twice.
    """
    wanted, known = set(names), source.names()
    chosen = set(islice((name for name in known if name in wanted), measured + _BATCH))
    raw = source.read(skip=set(known) - chosen)
    done, began = -1, 0.0
    with closing(prepared(raw, encoder.info.preprocessing)) as stream, contextlib.suppress(ShowtellError):
        squares = (picture.square for picture in stream if picture.square is not None)
        while batch := list(islice(squares, _BATCH)):
            encoder(np.stack(batch), output)
            if done < 0:  # the first batch warms up
                done, began = 0, time.monotonic()
            else:
                done += len(batch)
    if done < 1:
        return None
    rate = done / (time.monotonic() - began)
    numbers = prod(encoder.info.shape(output))
    store = sum(2 * numbers + len(name.encode()) + 4 for name in names)  # float16, the name, and its offset
    return Estimate(encoder.info.name, len(names), done, rate, len(names) / rate, store)
