"""`score`: text in, all scores out, and what users get wrong."""

import json
import random

import numpy as np
import pytest
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

from showtell.errors import InputError
from showtell.metrics import DocumentFrequency, bleu, cider_d, ptb_tokenize, rouge_l, score
from word_salads import reference_scores

HYPOTHESES = {"b.jpg": "A cat sleeps.", "a.jpg": "A dog isn't running", "c.jpg": "un café"}
REFERENCES = {
    "a.jpg": ["A dog runs (fast).", "The dog's running on grass"],
    "b.jpg": ["A cat is asleep"],
    "c.jpg": ["Un café, s'il vous plaît", "coffee", "a cup of coffee"],
}
PIECES = ["a", "the", "man", "dog", "cat", "runs", "sleeps", "on", "under", "grass", "boat", "two", "red", "big"]
NAMES = ["BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr-D"]


def test_text_scores_as_its_tokens_do_corpus_and_per_picture():
    scores = score(HYPOTHESES, REFERENCES)
    hypotheses = {name: ptb_tokenize(caption) for name, caption in HYPOTHESES.items()}
    references = {name: list(map(ptb_tokenize, captions)) for name, captions in REFERENCES.items()}
    corpus, per_picture = {}, {name: {} for name in REFERENCES}
    for metric in (bleu, rouge_l, cider_d):
        part = metric(hypotheses, references)
        corpus |= part.corpus
        for name, row in zip(part.picture_ids, part.per_picture.tolist(), strict=True):
            per_picture[name] |= dict(zip(part.names, row, strict=True))
    assert list(scores.corpus) == NAMES
    assert scores.corpus == corpus
    assert scores.per_picture == per_picture
    assert list(scores.per_picture) == list(REFERENCES)
    assert all(value > 0 for value in corpus.values())


def test_only_the_metrics_asked_for_are_computed():
    assert list(score(HYPOTHESES, REFERENCES, metrics=["ROUGE-L"]).corpus) == ["ROUGE-L"]
    assert list(score(HYPOTHESES, REFERENCES, metrics={"CIDEr-D", "BLEU"}).corpus) == [*NAMES[:4], "CIDEr-D"]
    assert list(score(HYPOTHESES, REFERENCES, metrics=["CIDEr-D", "CIDEr"]).corpus) == ["CIDEr", "CIDEr-D"]


@pytest.mark.parametrize("metrics", [["SPICE"], [], "BLEU"])
def test_unknown_metrics_are_refused(metrics):
    with pytest.raises(InputError, match="metrics must be some of BLEU, METEOR, ROUGE-L"):
        score(HYPOTHESES, REFERENCES, metrics=metrics)


def test_unequal_pictures_are_refused_with_their_number_and_an_example():
    with pytest.raises(InputError, match=r"1 picture has references but no hypothesis, for example 'b.jpg'"):
        score({"a.jpg": "a"}, {"a.jpg": ["a"], "b.jpg": ["b"]})


def test_a_picture_without_references_is_refused():
    with pytest.raises(InputError, match=r"1 picture has no reference caption, for example 'a.jpg'"):
        score({"a.jpg": "a"}, {"a.jpg": []})


def test_what_is_not_text_is_refused():
    with pytest.raises(InputError, match=r"hypothesis of picture 'a' is not a text: None"):
        score({"a": None}, {"a": ["a"]})
    with pytest.raises(InputError, match=r"references of picture 'a' are not a list of texts: 'a dog'"):
        score({"a": "a"}, {"a": "a dog"})
    with pytest.raises(InputError, match=r"references of picture 'a' are not a list of texts: \[\['a'\]\]"):
        score({"a": "a"}, {"a": [["a"]]})


def test_an_empty_caption_scores_nothing_and_an_empty_reference_is_no_error():
    scores = score({"a": " . ", "b": "a cat"}, {"a": ["A dog runs."], "b": ["", "A cat"]})
    assert set(scores.per_picture["a"].values()) == {0.0}
    assert scores.per_picture["b"]["BLEU-1"] == pytest.approx(1.0)
    assert scores.per_picture["b"]["ROUGE-L"] == pytest.approx(1.0)


def test_one_single_picture_has_every_score_but_cider_d():
    scores = score({"a": "A dog runs fast"}, {"a": ["A dog runs fast."]}).corpus
    assert scores.pop("CIDEr-D") == 0.0
    assert list(scores.values()) == pytest.approx([1.0] * 5)


def test_one_single_picture_has_a_cider_d_with_a_table():
    table = DocumentFrequency.of({"x": [["a", "cat"]], "y": [["a", "man"]]})
    scores = score({"a": "A dog runs fast"}, {"a": ["A dog runs fast."]}, document_frequency=table)
    assert scores.corpus["CIDEr-D"] == pytest.approx(10.0)


def test_scripts_beyond_ascii_score_like_any_other():
    captions = {"a": "Собака бежит по траве", "b": "犬 が 走る 草", "c": "ÉCOLE à Łódź café"}
    scores = score(captions, {picture: [f"“{caption.upper()}”!"] for picture, caption in captions.items()}).corpus
    assert scores.pop("CIDEr-D") == pytest.approx(10.0)
    assert list(scores.values()) == pytest.approx([1.0] * 5)


def test_captions_of_ten_thousand_words_score_as_in_pycocoevalcap():
    rng = random.Random(0)
    hypotheses = {str(i): [rng.choice(PIECES) for _ in range(10_000)] for i in range(2)}
    references = {str(i): [[rng.choice(PIECES) for _ in range(10_000)] for _ in range(2)] for i in range(2)}
    scores = score(
        {picture: " ".join(words) for picture, words in hypotheses.items()},
        {picture: [" ".join(words) for words in captions] for picture, captions in references.items()},
    ).corpus
    bleu_scores, _ = reference_scores(Bleu(4), hypotheses, references)
    cider_scores, _ = reference_scores(Cider(), hypotheses, references)
    assert [scores[name] for name in NAMES if name != "ROUGE-L"] == pytest.approx(
        [*bleu_scores, *cider_scores], rel=1e-9
    )
    assert 0.4 < scores["ROUGE-L"] < 0.6  # exact values: test_metrics_rouge


@pytest.fixture(scope="module")
def oracle(shared_data):
    """5,000 captions of one published system on the Karpathy test split, and their references."""
    folder = shared_data / "metrics"
    if not folder.is_dir():
        pytest.skip("the metric oracle is not here: metrics/ of the real data")
    predictions = json.loads((folder / "karpathy_test5k_predictions.json").read_text("utf-8"))
    hypotheses = {str(prediction["image_id"]): prediction["caption"] for prediction in predictions}
    references: dict[str, list[str]] = {picture: [] for picture in hypotheses}
    for annotation in json.loads((folder / "captions_karpathy_test5k.json").read_text("utf-8"))["annotations"]:
        references[str(annotation["image_id"])].append(annotation["caption"])
    return hypotheses, references


def test_the_published_scores_of_a_published_system_come_out(oracle):
    corpus = {name: round(value, 4) for name, value in score(*oracle).corpus.items()}
    assert corpus == dict(zip(NAMES, [0.8064, 0.6551, 0.5140, 0.3976, 0.5844, 1.3106], strict=True))


@pytest.mark.parametrize("scorer", [Bleu(4), Rouge(), Cider()], ids=lambda scorer: scorer.method())
def test_pictures_of_a_published_system_score_one_by_one_as_in_pycocoevalcap(oracle, scorer):
    # One in five of them; benchmarks/score_captions.py compares all, and with Java's own tokens.
    pictures = list(oracle[0])[::5]
    hypotheses, references = ({picture: of[picture] for picture in pictures} for of in oracle)
    names = {"Bleu": NAMES[:4], "Rouge": ["ROUGE-L"], "CIDEr": ["CIDEr-D"]}[scorer.method()]
    scores = score(hypotheses, references)
    tokens = {picture: ptb_tokenize(text, keep_spaces=True) for picture, text in hypotheses.items()}
    reference_tokens = {
        picture: [ptb_tokenize(text, keep_spaces=True) for text in texts] for picture, texts in references.items()
    }
    corpus, per_picture = reference_scores(scorer, tokens, reference_tokens)
    np.testing.assert_allclose([scores.corpus[name] for name in names], corpus, rtol=1e-9, atol=0)
    ours = [[of[name] for name in names] for of in scores.per_picture.values()]
    np.testing.assert_allclose(ours, per_picture, rtol=1e-9, atol=0)
