"""What does int8 change in an encoder's embeddings, and what does it bring?

    python benchmarks/quantized_encoders.py TRAINING_PICTURES PICTURES [--encoder NAME ...] [--resize squash]
        [--count 500] [--rounds 9]

quantizes each encoder on 256 of the training pictures, as `showtell train` does. For the other pictures it prints the
distance between embeddings in int8 and in float32 over the length of the latter; the cosine between the two; the cosine
after subtracting the mean embedding (what remains is what tells pictures apart); and the distance for cells of the
grid. Then both networks run in turn on a batch of 16, with one thread and with two: pictures a second by the clock, and
the ratio of each turn: median, smallest and largest.
"""

import argparse
import time
from itertools import islice

import numpy as np

from showtell.data.sources.picture_source import PictureSource
from showtell.embeddings.pipeline import prepared
from showtell.encoders import Encoder, encoder_graph
from showtell.quantization.encoder import quantized_on

BATCH = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("training_pictures", help="to quantize on")
    parser.add_argument("pictures", help="to compare on")
    parser.add_argument("--encoder", action="append", help="may be given again")
    parser.add_argument("--resize", default="squash")
    parser.add_argument("--count", type=int, default=500, help="pictures to compare on")
    parser.add_argument("--rounds", type=int, default=9, help="turns of the clock")
    args = parser.parse_args()
    training, pictures = PictureSource(args.training_pictures), PictureSource(args.pictures)
    for name in args.encoder or ["efficientnet_lite0", "efficientnet_lite2"]:
        graph = encoder_graph(name, say=print)
        small = quantized_on(graph, training, training.names(), args.resize)
        info = Encoder(graph, resize=args.resize).info
        stream = prepared(islice(pictures.read(), args.count), info.preprocessing)
        squares = np.stack([picture.square for picture in stream if picture.square is not None])
        print(f"{name}: {len(graph) / 1e6:.1f} MB in float32, {len(small) / 1e6:.1f} MB in int8")
        print_differences(Encoder(graph), Encoder(small), squares)
        for threads in (1, 2):
            both = [Encoder(one, threads=threads) for one in (graph, small)]
            print_speeds(*both, squares[:BATCH], args.rounds, f"{threads} thread{'s' * (threads > 1)}")


def print_differences(whole, small, squares):
    expected, found = pooled(whole, squares), pooled(small, squares)
    mean = expected.mean(axis=0)
    off = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
    for what, values in (
        ("distance", off),
        ("cosine", cosines(found, expected)),
        ("cosine less the mean", cosines(found - mean, expected - mean)),
    ):
        spread = "{:.4f} to {:.4f}".format(*np.percentile(values, [5, 95]))
        print(f"  {what}: median {np.median(values):.4f}, nine tenths of {len(values)} pictures in {spread}")
    if whole.info.cells:
        expected, found = whole(squares[:BATCH], "grid"), small(squares[:BATCH], "grid")
        off = np.linalg.norm(found - expected, axis=2) / np.linalg.norm(expected, axis=2)
        print(f"  distance of a grid's cells: median {np.median(off):.4f}")


def print_speeds(whole, small, squares, rounds, what):
    whole(squares), small(squares)
    turns = np.array([[speed(whole, squares), speed(small, squares)] for _ in range(rounds)])
    ratios = turns[:, 1] / turns[:, 0]
    before, after = np.median(turns, axis=0)
    print(
        f"  {what}: {before:.0f} and {after:.0f} pictures a second, {np.median(ratios):.2f} times as many "
        f"({ratios.min():.2f} to {ratios.max():.2f} in {rounds} turns)"
    )


def pooled(encoder, squares):
    return np.concatenate([encoder(squares[i : i + BATCH]) for i in range(0, len(squares), BATCH)])


def cosines(a, b):
    return np.sum(a * b, axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def speed(encoder, squares):
    began = time.perf_counter()
    encoder(squares)
    return len(squares) / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
