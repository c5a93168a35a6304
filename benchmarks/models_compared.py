"""Size, quality and speed of models side by side: what quantizing them costs and brings.

    python benchmarks/models_compared.py PICTURES CAPTIONS [--split val] --model BUNDLE [--model BUNDLE ...]
        [--encoder GRAPH] [--folder PHOTOS] [--rounds 5]

prints for every model its size, CIDEr-D x 100 on the pictures with its own search settings, the difference from the
first model with a 95% interval of 2,000 bootstrap samples of the pictures, and how many captions differ. With
`--encoder`, the first model uses that encoder, a graph from the run's folder of `showtell train`, instead of its own.
With `--folder`, the models caption it in turn, greedily and with their own settings, as `showtell caption` does:
pictures a second by the clock, and the ratio to the first model's in each turn: median, smallest and largest.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from showtell import Captioner
from showtell.data.selection import select
from showtell.data.sources.picture_source import PictureSource
from showtell.embeddings.cached import embedded
from showtell.encoders import Encoder
from showtell.files import json_bytes
from showtell.metrics import CiderD, ptb_tokenize
from showtell.metrics.bootstrap import mean_interval
from showtell.models.bundle import read_bundle, write_bundle

BATCH = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures")
    parser.add_argument("captions")
    parser.add_argument("--split", help="only pictures of this split of the captions")
    parser.add_argument("--model", action="append", type=Path, required=True, help="a bundle; the first is the measure")
    parser.add_argument("--encoder", type=Path, help="an encoder's graph for the first model")
    parser.add_argument("--folder", help="photographs to caption against the clock")
    parser.add_argument("--rounds", type=int, default=5, help="turns of the clock")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.encoder:
            args.model[0] = with_encoder(args.model[0], args.encoder, Path(folder))
        captioners = [Captioner(path) for path in args.model]
        print_quality(captioners, args)
        if args.folder:
            for how, options in (("greedy", {"beam": 1}), ("own settings", {})):
                print_speeds(captioners, PictureSource(args.folder), how, options, args.rounds)


def with_encoder(path, encoder, folder):
    """The model's file with another encoder in it, in `folder`."""
    bundle, graph = read_bundle(path), encoder.read_bytes()
    info = Encoder(graph, resize=bundle.model["resize"], threads=1).info
    model = bundle.model | {"encoder": info.to_json()}
    out = folder / f"{path.stem}-with-{encoder.stem}.showtell"
    write_bundle(out, {**bundle.parts, "encoder.onnx": graph, "model.json": json_bytes(model)})
    return out


def print_quality(captioners, args):
    selected = select(args.pictures, args.captions, args.split, None)
    references = {name: [ptb_tokenize(text) for text in texts] for name, texts in selected.references.items()}
    first = None
    for path, captioner in zip(args.model, captioners, strict=True):
        done = embedded(captioner.encoder, captioner.bundle.model["output"], selected.source, selected.references, None)
        texts = []
        for begin in range(0, len(done.names), BATCH):
            rows = range(begin, min(begin + BATCH, len(done.names)))
            texts += [caption.text for caption in captioner.caption_embeddings(done.take(rows), first=begin)]
        judge = CiderD({name: references[name] for name in done.names})
        scores = 100 * judge.score_batch(done.names, [ptb_tokenize(text) for text in texts])
        first = first or (scores, texts)
        size = sum(map(len, captioner.bundle.parts.values())) / 1e6
        print(f"{path.stem}: {size:.1f} MB, CIDEr-D {scores.mean():.2f} on {len(texts)} pictures", end="")
        if first[1] is not texts:
            difference = scores - first[0]
            low, high = mean_interval(difference, 2000)
            others = np.mean([one != other for one, other in zip(texts, first[1], strict=True)])
            print(f", {difference.mean():+.2f} ({low:+.2f} to {high:+.2f}), {others:.0%} other words", end="")
        print(flush=True)


def print_speeds(captioners, source, how, options, rounds):
    for captioner in captioners:
        speed(captioner, source, options)
    turns = np.array([[speed(captioner, source, options) for captioner in captioners] for _ in range(rounds)])
    print(f"{how}: {len(source.names())} pictures, pictures a second")
    for number, captioner in enumerate(captioners):
        ratios = turns[:, number] / turns[:, 0]
        print(
            f"  {Path(captioner.bundle.path).stem}: {np.median(turns[:, number]):.1f}, {np.median(ratios):.2f} times "
            f"({ratios.min():.2f} to {ratios.max():.2f} in {rounds} turns)"
        )


def speed(captioner, source, options):
    began = time.perf_counter()
    count = sum(1 for _ in captioner.caption_stream(source.read(), **options))
    return count / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
