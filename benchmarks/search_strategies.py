"""What each search strategy costs and brings, on pictures with captions.

    python benchmarks/search_strategies.py PICTURES CAPTIONS [--split val] [--model BUNDLE ...] [--store FOLDER]
        [--words standing background]

captions the pictures with each strategy below, never guided by tags; several models caption together. It prints CIDEr-D
x 100 of the best captions, and of the best of all captions of a picture by CIDEr-D itself ("oracle"); different words
and bigrams of a picture's captions over all their words (distinct-1 and -2, Li et al. 2016); words per caption;
captions that repeat a trigram; and processor milliseconds per picture without the encoder.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from showtell import Captioner
from showtell.data.selection import select
from showtell.embeddings.cached import embedded
from showtell.metrics import CiderD, ptb_tokenize
from showtell.text import tokenize

WAYS = {
    "greedy": {"beam": 1},
    "beam 3": {"beam": 3},
    "beam 5": {"beam": 5},
    "no trigram twice": {"beam": 3, "no_repeat_ngram": 3},
    "at least 10 words": {"beam": 3, "min_length": 10},
    "3 of beam 3": {"beam": 3, "num_captions": 3},
    "3 of beam 9": {"beam": 9, "num_captions": 3},
    "3 draws, temperature 0.7": {"sample": True, "temperature": 0.7, "num_captions": 3},
    "3 diverse by 0.2, beam 3": {"beam": 3, "num_captions": 3, "diversity": 0.2},
    "3 diverse by 0.5, beam 3": {"beam": 3, "num_captions": 3, "diversity": 0.5},
    "3 diverse by 0.2, beam 9": {"beam": 9, "num_captions": 3, "diversity": 0.2},
    "3 diverse by 0.5, beam 9": {"beam": 9, "num_captions": 3, "diversity": 0.5},
    "3 diverse by 1.0, beam 9": {"beam": 9, "num_captions": 3, "diversity": 1.0},
}
NEEDED = ("standing", "background")
BATCH = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures")
    parser.add_argument("captions")
    parser.add_argument("--split", help="only pictures of this split of the captions")
    parser.add_argument("--model", action="append", help="a bundle; may be given again")
    parser.add_argument("--store", type=Path, help="embedding store to use and to fill")
    parser.add_argument("--words", nargs=2, default=NEEDED, help="two words to be forced into captions")
    args = parser.parse_args()
    ways = WAYS | {
        "one needed word": {"beam": 3, "must": args.words[:1]},
        "two needed words": {"beam": 3, "must": args.words},
    }
    captioner = Captioner(args.model)
    selected = select(args.pictures, args.captions, args.split, None)
    done = embedded(
        captioner.encoder, captioner.bundle.model["output"], selected.source, selected.references, args.store
    )
    judge = CiderD({name: [ptb_tokenize(text) for text in selected.references[name]] for name in done.names})
    penalty = captioner.generator.search_defaults.length_penalty
    print(f"{len(done.names)} pictures, model {captioner.name}, length penalty {penalty:g}")
    print(f"{'':26s} CIDEr-D  oracle  distinct-1  -2   words  repeats    ms")
    for way, options in ways.items():
        began = time.process_time()
        sentences = captioned(captioner, done, options)
        milliseconds = 1000 * (time.process_time() - began) / len(done.names)
        best, oracle = judged(judge, done.names, sentences)
        everything = [sentence for several in sentences for sentence in several]
        ones, twos = (np.mean([distinct(several, n) for several in sentences]) for n in (1, 2))
        words = np.mean([len(sentence) for sentence in everything])
        repeats = np.mean([len(set(grams(s, 3))) < len(grams(s, 3)) for s in everything])
        print(
            f"{way:26s} {best:7.1f} {oracle:7.1f} {ones:10.2f} {twos:5.2f} {words:6.1f} {repeats:7.1%} "
            f"{milliseconds:6.1f}",
            flush=True,
        )


def captioned(captioner, done, options):
    """The words of every caption of every picture."""
    found = []
    for begin in range(0, len(done.names), BATCH):
        rows = range(begin, min(begin + BATCH, len(done.names)))
        found += captioner.caption_embeddings(done.take(rows), first=begin, guide="off", **options)
    return [[tokenize(one.text) for one in (best, *best.alternatives)] for best in found]


def judged(judge, names, sentences):
    """CIDEr-D x 100 of the first sentences, and of the best by CIDEr-D of every picture."""
    ranks = range(max(map(len, sentences)))
    scores = [
        judge.score_batch(names, [several[min(rank, len(several) - 1)] for several in sentences]) for rank in ranks
    ]
    return 100 * scores[0].mean(), 100 * np.max(scores, axis=0).mean()


def grams(sentence, n):
    return list(zip(*(sentence[i:] for i in range(n)), strict=False))


def distinct(sentences, n):
    found = [gram for sentence in sentences for gram in grams(sentence, n)]
    return len(set(found)) / max(1, sum(map(len, sentences)))


if __name__ == "__main__":
    main()
