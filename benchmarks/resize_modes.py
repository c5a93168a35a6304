"""Which way of making pictures square serves a model best on photographs at their own size and aspect ratio?

    python benchmarks/resize_modes.py PHOTOS CAPTIONS [--model BUNDLE]

captions every photograph once with each mode and prints BLEU-4 and CIDEr-D x 100 of each, with the difference from
`squash` and a 95% interval of that difference from 2,000 bootstrap samples of the photographs.
"""

import argparse

import numpy as np

from showtell import Captioner
from showtell.data.captions.caption_set import align, read_captions
from showtell.data.sources.picture_source import PictureSource
from showtell.metrics import bleu, cider_d
from showtell.metrics.ptb import ptb_tokenize

MODES = ("squash", "crop", "pad")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos")
    parser.add_argument("captions")
    parser.add_argument("--model")
    parser.add_argument("--split", help="only photographs of this split of the captions")
    args = parser.parse_args()
    source = PictureSource(args.photos)
    captions = read_captions(args.captions)
    aligned = align(source.names(), captions.only(args.split) if args.split else captions)
    references = {name: [ptb_tokenize(c) for c in aligned.captions[name]] for name in aligned.names}
    print(f"{len(references)} photographs, {aligned.summary()}")
    per_picture = {}
    for mode in MODES:
        captioner = Captioner(args.model, resize=mode)
        stream = captioner.caption_stream(p for p in source.read() if p.name in references)
        found = {r.name: ptb_tokenize(r.caption.text) for r in stream if r.caption}
        cider, bleu_4 = cider_d(found, references), bleu(found, references).corpus["BLEU-4"]
        per_picture[mode] = cider.per_picture[:, 0]
        print(f"{mode:7s} BLEU-4 {100 * bleu_4:5.1f}   CIDEr-D {100 * cider.corpus['CIDEr-D']:5.1f}")
    rng = np.random.default_rng(0)
    samples = rng.integers(0, len(references), (2000, len(references)))
    for mode in MODES[1:]:
        difference = 100 * (per_picture[mode] - per_picture["squash"])
        low, high = np.percentile(difference[samples].mean(axis=1), [2.5, 97.5])
        print(
            f"{mode} - squash: CIDEr-D {difference.mean():+.1f}, 95% of bootstrap samples in [{low:+.1f}, {high:+.1f}]"
        )


if __name__ == "__main__":
    main()
