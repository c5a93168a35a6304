"""What guiding captions by tags brings, beside alternatives: the table of docs/results/tags.md.

    python benchmarks/guiding.py MODEL --pictures PICTURES --captions CAPTIONS [--split SPLIT] [--show N]

MODEL is calibrated and has tags. Each alternative captions the same pictures; the difference from plain captions has
the 95% interval of its bootstrap over the pictures. `--show` prints N pictures whose captions were guided.
"""

import argparse
import dataclasses

import numpy as np

from showtell import Captioner
from showtell.captioning.tags.guide import TagGuide
from showtell.data.selection import select
from showtell.embeddings.cached import embedded
from showtell.metrics import score
from showtell.metrics.bootstrap import mean_interval
from showtell.search import search
from showtell.text import SPECIALS

AT_ONCE = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--pictures", nargs="+", required=True)
    parser.add_argument("--captions", required=True)
    parser.add_argument("--split")
    parser.add_argument("--show", type=int, default=0)
    given = parser.parse_args()
    captioner = Captioner(given.model)
    selected = select(given.pictures, given.captions, given.split, None)
    done = embedded(captioner.encoder, captioner.bundle.model["output"], selected.source, selected.references, None)
    references = {name: selected.references[name] for name in done.names}
    embeddings = done.take(range(len(done.names)))
    seen = captioner.generator.tagger.scores(embeddings)
    found, judged = captioned(captioner, embeddings)
    plain = [captioner.bundle.vocabulary.decode(best.tokens) for best, *_ in found]
    base = ciders(plain, references)
    print(f"{'':<60}guided  CIDEr-D  difference, 95% interval")
    row("plain", 0, base, base)
    taken: list[str] = []
    for label, names, confidence in ways(captioner, [one.confidence for one in judged]):
        guide = TagGuide(captioner.generator.decoder, captioner.bundle.vocabulary, names)
        told = guide(embeddings, seen, found, confidence, captioner.generator.search_defaults)
        texts = [" ".join(told[i][0].words) if i in told else text for i, text in enumerate(plain)]
        row(label, len(told), ciders(texts, references), base)
        taken = taken or texts
    scores, changed = (
        ciders(taken, references),
        np.array([one != other for one, other in zip(taken, plain, strict=True)]),
    )
    strange = np.array([one.unfamiliar for one in judged], np.bool_)
    for label, chosen in (("unfamiliar", strange), ("familiar", ~strange)):
        if chosen.any():
            row(f"  of {chosen.sum()} {label} pictures", (changed & chosen).sum(), scores[chosen], base[chosen])
    for i in np.flatnonzero(changed)[: given.show]:
        tags = ", ".join(
            f"{tag.name} {tag.probability:.0%}" for tag in captioner.generator.tagger.tags(seen.probabilities[i])
        )
        print(f"\n{done.names[i]}  [{tags}]\n  plain   {plain[i]}\n  guided  {taken[i]}")
        print(f"  people  {references[done.names[i]][0]}")


def captioned(captioner, embeddings):
    """The plain captions of all pictures, and the judgment of each one's best."""
    found, judged, generator = [], [], captioner.generator
    for begin in range(0, len(embeddings), AT_ONCE):
        here = embeddings[begin : begin + AT_ONCE]
        sentences = search(generator.decoder, here, generator.bundle.vocabulary, generator.search_defaults, first=begin)
        found += sentences
        judged += [best for (best,) in generator.estimator(here, [one[:1] for one in sentences])]
    return found, judged


def ways(captioner, confidence):
    """(what it is, the names, the confidence that tags are held against) of every way to guide; the first is taken."""
    names, count = captioner.generator.tagger.names, len(confidence)
    known = tuple(dataclasses.replace(name, like=(), within="") for name in names)
    yield "guided: the tag at least as sure as the caption, and 0.4; or it contradicts the caption", names, confidence
    yield "without contradictions", tuple(dataclasses.replace(name, kind="") for name in names), confidence
    yield "only words that the model knows", known, confidence
    yield "stand-ins by the classifier's weights instead of the table", nearest(captioner), confidence
    for least in (0.4, 0.5, 0.6, 0.7):
        yield f"whatever the caption's confidence, the tag at least {least}", names, [least] * count


def nearest(captioner):
    """The names with stand-ins by cosine of the classifier's weights: the ten nearest names of known words."""
    head, names, words = (
        captioner.generator.tagger.head,
        captioner.generator.tagger.names,
        captioner.bundle.vocabulary.ids,
    )
    rows = head.weights.astype(np.float32) * head.scales.astype(np.float32)[:, None]
    means = np.stack([rows[list(name.classes)].mean(axis=0) for name in names])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    known = [
        i for i, name in enumerate(names) if len(name.phrase) == 1 and name.phrase[0] in set(words) - set(SPECIALS)
    ]
    order = np.argsort(-(means @ means[known].T), axis=1)[:, :10]
    likes = [tuple(names[known[k]].phrase for k in row) for row in order]
    return tuple(dataclasses.replace(name, like=like) for name, like in zip(names, likes, strict=True))


def ciders(texts, references):
    """CIDEr-D times 100 of every picture."""
    scores = score(dict(zip(references, texts, strict=True)), references, metrics=("CIDEr-D",))
    return 100 * np.array([of["CIDEr-D"] for of in scores.per_picture.values()])


def row(label, guided, scores, base) -> None:
    change = scores - base
    low, high = mean_interval(change)
    print(f"{label:<60}{guided:6}  {scores.mean():7.1f}  {change.mean():+5.2f}, {low:+.2f} to {high:+.2f}")


if __name__ == "__main__":
    main()
