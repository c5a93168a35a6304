"""The alternatives in docs/results/confidence.md: other temperatures, other features, and pictures of other kinds.

    python benchmarks/confidence.py MODEL --pictures PICTURES --captions CAPTIONS [--split SPLIT] [--others PICTURES]

MODEL is calibrated; the pictures are those that it was calibrated on.
"""

import argparse

import numpy as np

from showtell import Captioner
from showtell.captioning.confidence import calibration_of, expected_calibration_error, held_out_confidence
from showtell.captioning.confidence.sentence_confidence import sentence_log_probs
from showtell.captioning.confidence.temperature import likeliest
from showtell.data.selection import select
from showtell.data.sources.picture_source import PictureSource
from showtell.data.synthetic.shapes import Shapes
from showtell.embeddings.cached import embedded
from showtell.evaluation.correlation import rank_correlation
from showtell.evaluation.human_baseline import human_baseline
from showtell.post_training.calibration.words import predict
from showtell.search import search

EACH = 32  # noises, colors and drawings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--pictures", nargs="+", required=True)
    parser.add_argument("--captions", required=True)
    parser.add_argument("--split")
    parser.add_argument("--others", nargs="*", default=[], help="pictures of other kinds: folders or archives")
    given = parser.parse_args()
    captioner = Captioner(given.model)
    selected = select(given.pictures, given.captions, given.split, None)
    done = embedded(captioner.encoder, captioner.bundle.model["output"], selected.source, selected.references, None)
    references = {name: selected.references[name] for name in done.names}
    temperatures(captioner, done, list(references.values()))
    features(captioner, done, references)
    unfamiliar(captioner, given.others)


def temperatures(captioner, done, references) -> None:
    """The temperature of the greatest likelihood of all words, on a grid, beside the one of the calibration."""
    found = predict(captioner.generator.decoder, done.take, references, captioner.bundle.vocabulary)
    right = found.log_probs.argmax(axis=1) == found.words
    rows = np.arange(len(right))
    own = found.log_probs[rows, found.words].astype(np.float64)
    top = found.log_probs.max(axis=1).astype(np.float64)

    def loss(temperature: float) -> float:  # the likeliest word's probability says what the sum of all is
        return float(-((own - top) / temperature + np.log(likeliest(found.log_probs, temperature))).mean())

    by_likelihood = min(np.arange(0.9, 1.2, 0.01), key=loss)
    print("temperature                 nats a word  calibration error of the likeliest")
    for name, temperature in (
        ("none", 1.0),
        ("of the greatest likelihood", by_likelihood),
        ("of the calibration", calibration_of(captioner.bundle).temperature),
    ):
        error = expected_calibration_error(likeliest(found.log_probs, temperature), right, 15)
        print(f"  {name:<26} {temperature:.3f} {loss(temperature):8.4f} {error:8.3f}")


def features(captioner, done, references) -> None:
    """Rank correlation of the confidence with CIDEr-D, cross-validated, by what it is computed from."""
    calibration, vocabulary = calibration_of(captioner.bundle), captioner.bundle.vocabulary
    captions, columns, places = [], [], []
    for begin in range(0, len(done.names), 64):
        piece = done.take(range(begin, min(begin + 64, len(done.names))))
        options = captioner.generator.search_options(num_captions=captioner.generator.search_defaults.beam)
        hypotheses = search(captioner.generator.decoder, piece, vocabulary, options)
        said = [best.tokens for best, *_ in hypotheses]
        log_probs = sentence_log_probs(captioner.generator.decoder, piece, said, vocabulary, calibration.temperature)
        outside = calibration.out_of_distribution.outside(piece)
        for own, (best, *others), share in zip(log_probs, hypotheses, outside, strict=True):
            agreement = np.mean([overlap(best.tokens, one.tokens) for one in others]) if others else 1.0
            gap = best.score - np.mean([one.score for one in others]) if others else 0.0
            columns.append((own.mean(), own.min(), len(own), agreement, gap, share))
        captions += [vocabulary.decode(tokens) for tokens in said]
        places.append(calibration.out_of_distribution.coordinates(piece))
    table, place = np.array(columns), np.concatenate(places)
    found = human_baseline(captions, references)
    print("rank correlation with CIDEr-D, and calibration error, cross-validated")
    for name, chosen in (
        ("mean log-probability", table[:, :1]),
        ("and least, and length", table[:, :3]),
        ("and agreement, and gap", table[:, :5]),
        ("mean and share outside", table[:, [0, 5]]),
        *((f"and {n} directions", np.hstack([table[:, [0, 5]], place[:, :n]])) for n in (8, 16, 24)),
        ("all, and 16 directions", np.hstack([table, place[:, :16]])),
    ):
        confidence = held_out_confidence(chosen, found.model, found.good)
        error = expected_calibration_error(confidence, found.good)
        print(f"  {name:<26} {rank_correlation(confidence, found.model):.3f} {error:8.3f}")


def overlap(a, b) -> float:
    """Share of words that two sentences have in common."""
    return 2 * sum(min(a.count(word), b.count(word)) for word in set(a)) / (len(a) + len(b))


def unfamiliar(captioner, others) -> None:
    """How many pictures of each kind count as unfamiliar."""
    print("unfamiliar pictures")
    for source in others:
        found = [result.caption for result in captioner.caption_stream(PictureSource(source).read())]
        print(f"  {source}: {np.mean([caption.unfamiliar for caption in found if caption]):.0%} of {len(found)}")
    rng = np.random.default_rng(0)
    drawn = [next_one.data for next_one, _ in zip(Shapes().read(), range(EACH), strict=False)]
    size = 256
    kinds = {
        "noise": [rng.integers(0, 256, (size, size, 3), dtype=np.uint8) for _ in range(EACH)],
        "patches of colour": [
            np.kron(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8), np.ones((size // 8, size // 8, 1), np.uint8))
            for _ in range(EACH)
        ],
        "one colour": [np.full((size, size, 3), rng.integers(0, 256, 3), np.uint8) for _ in range(EACH)],
        "drawn shapes": drawn,
    }
    for name, pictures in kinds.items():
        print(f"  {name}: {np.mean([one.unfamiliar for one in captioner.caption(pictures)]):.0%} of {len(pictures)}")


if __name__ == "__main__":
    main()
