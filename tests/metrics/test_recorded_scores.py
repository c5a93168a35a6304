"""All scores against those that pycocoevalcap gave once, with its Java tokeniser and its METEOR, to text of our own.

`python tests/metrics/test_recorded_scores.py` records them in tests/recorded/caption_scores.json. So the whole way
from text to scores is tested without Java.
"""

import json
import random
import shutil
from typing import Any

import numpy as np
import pytest

from repository import ROOT
from showtell.metrics import score
from showtell.metrics.meteor import meteor_of, summable

RECORDED = ROOT / "tests" / "recorded" / "caption_scores.json"

CAPTIONS: dict[str, tuple[str, list[str]]] = {
    "plain": ("a dog runs on the grass", ["A dog runs in the grass.", "The brown dog is running on grass", "A dog."]),
    "equal": ("A man rides a bicycle.", ["A man rides a bicycle.", "A cyclist on the road", "Somebody is cycling"]),
    "clitics": ("the man's dog isn't there", ["The man's dog is not there.", "There's no dog", "It's a man's dog"]),
    "number": ("corner of 8th Ave. and 22 3/4 St.", ["the corner of 8th ave and 22 3/4 st", "A sign at 22 3/4 St."]),
    "hyphens": ("a well-known black-and-white photo", ["A well-known photo - black and white", "black/white photo"]),
    "brackets": ("a cat (sleeping) on a chair", ["A cat [asleep] on a chair", "A cat (sleeping) on (a) chair"]),
    "quotes": ('a sign that says "stop"', ["A red ``stop'' sign", "A 'Stop' sign; nothing else.", "Sign: “stop”"]),
    "accents": ("un café à Paris", ["Un café à Paris !", "a coffee in paris", "CAFÉ À PARIS"]),
    "scripts": ("犬 が 走る", ["犬 が 草 の 上 を 走る", "собака бежит"]),
    "repeats": ("a a a a dog dog dog", ["a dog", "a a dog dog"]),
    "nothing in common": ("two planes fly", ["A cat sleeps.", "The cat is asleep on its chair."]),
    "short": ("cat", ["A cat sleeps on a chair in the sun.", "cat"]),
    "empty": ("", ["A boat on a lake.", "Two boats"]),
    "emptied": (" . ", ["A boat on a lake.", "!"]),
    "synonyms": ("large pictures of kids playing", ["a big picture of children who play", "Big photographs of kids"]),
    "one reference": ("a train at a station", ["The train stops at the station."]),
}

PIECES = """
    a the man men dog dogs cat runs running sleeps is isn't on under grass boats two 2 1/2 red big large café, bicycle
    bike cycling quickly fast it's (the) well-known U.S. end.
"""


def salads(count: int) -> dict[str, tuple[str, list[str]]]:
    rng = random.Random(0)
    pieces = PIECES.split()

    def sentence() -> str:
        return " ".join(rng.choice(pieces) for _ in range(rng.randint(0, 14)))

    return {f"salad {i}": (sentence(), [sentence() for _ in range(rng.randint(1, 5))]) for i in range(count)}


ALL = CAPTIONS | salads(120)
HYPOTHESES = {picture: caption for picture, (caption, _) in ALL.items()}
REFERENCES = {picture: references for picture, (_, references) in ALL.items()}


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(RECORDED.read_text("utf-8"))
    assert list(value["per_picture"]) == list(ALL), "recorded of other captions: record again"
    return value


def assert_recorded(scores, recorded):
    for name, value in scores.corpus.items():
        assert value == pytest.approx(recorded["corpus"][name], rel=1e-9, abs=0), name
        ours = [of[name] for of in scores.per_picture.values()]
        theirs = [recorded["per_picture"][picture][name] for picture in scores.per_picture]
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=0, err_msg=name)


def test_scores_without_java_are_the_recorded_ones(recorded):
    scores = score(HYPOTHESES, REFERENCES)
    assert list(scores.corpus) == ["BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr-D"]
    assert_recorded(scores, recorded)


def test_meteor_of_the_recorded_counts_is_the_recorded_one(recorded):
    counts = summable(np.array(recorded["meteor_counts"], dtype=np.float64))
    theirs = [of["METEOR"] for of in recorded["per_picture"].values()]
    np.testing.assert_allclose(meteor_of(counts)[:, 0], theirs, rtol=1e-9, atol=0)
    assert meteor_of(counts.sum(axis=0))[0] == pytest.approx(recorded["corpus"]["METEOR"], rel=1e-9, abs=0)


@pytest.mark.slow  # the jar comes with the extra java
@pytest.mark.skipif(shutil.which("java") is None, reason="no java here: only the recorded counts are tested")
def test_meteor_through_java_is_the_recorded_one(recorded):
    done: list[int] = []
    scores = score(HYPOTHESES, REFERENCES, metrics=["METEOR"], progress=done.append)
    assert list(scores.corpus) == ["METEOR"]
    assert_recorded(scores, recorded)
    assert scores.parts[0].statistics.tolist() == summable(np.array(recorded["meteor_counts"])).tolist()
    assert sum(done) == len(ALL)


def record() -> dict[str, Any]:
    """What pycocoevalcap gives; METEOR's counts as its Java program says them."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.meteor.meteor import Meteor
    from pycocoevalcap.rouge.rouge import Rouge
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    tokenizer, meteor = PTBTokenizer(), Meteor()
    references = tokenizer.tokenize({p: [{"caption": text} for text in texts] for p, texts in REFERENCES.items()})
    hypotheses = tokenizer.tokenize({picture: [{"caption": text}] for picture, text in HYPOTHESES.items()})
    corpus: dict[str, float] = {}
    per_picture: dict[str, dict[str, float]] = {picture: {} for picture in ALL}
    for names, scorer in (
        (("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4"), Bleu(4)),
        (("METEOR",), meteor),
        (("ROUGE-L",), Rouge()),
        (("CIDEr-D",), Cider()),
    ):
        total, each = scorer.compute_score(references, hypotheses)
        for name, value, column in zip(names, np.atleast_1d(total), np.atleast_2d(each), strict=True):
            corpus[name] = float(value)
            for picture, one in zip(references, column, strict=True):
                per_picture[picture][name] = float(one)
    counts = [list(map(float, meteor._stat(hypotheses[picture][0], references[picture]).split())) for picture in ALL]
    return {"corpus": corpus, "per_picture": per_picture, "meteor_counts": counts}


if __name__ == "__main__":
    origin = (
        "Scores that pycocoevalcap 1.2 gives to the captions in tests/test_metrics_recorded.py, with its PTB tokeniser "
        "and METEOR 1.5 on OpenJDK 17. Recorded by: LC_ALL=C.UTF-8 python tests/test_metrics_recorded.py"
    )
    found = record()
    pictures = ",\n".join(f"  {json.dumps(name)}: {json.dumps(of)}" for name, of in found["per_picture"].items())
    counts = ",\n".join(f"  {json.dumps([int(number) for number in row])}" for row in found["meteor_counts"])
    RECORDED.write_text(
        f'{{\n "origin": {json.dumps(origin)},\n "corpus": {json.dumps(found["corpus"])},\n'
        f' "per_picture": {{\n{pictures}\n }},\n "meteor_counts": [\n{counts}\n ]\n}}\n',
        "utf-8",
    )
