"""A classifier in a bundle: tags, their calibration, and guided captions."""

import dataclasses
import json

import numpy as np
import pytest
import safetensors.numpy

from repository import ROOT
from showtell import Captioner
from showtell.captioning.tags import CLASSES, ClassHead, Tag, TagCalibration, Tagger, imagenet_names, tagger_of
from showtell.captioning.tags.agreement import TagAgreement
from showtell.captioning.tags.guide import TagGuide
from showtell.captioning.tags.tagger import TagScores
from showtell.captioning.tags.word_transfer import StandInDecoder
from showtell.errors import BundleError, InputError
from showtell.images.decode import decode
from showtell.images.preprocessing import square
from showtell.models.bundle import read_bundle, write_bundle
from showtell.post_training.calibration.tags import CaptionedEmbeddings, fit_tags
from showtell.search import SearchOptions, search
from showtell.text import SPECIALS, Vocabulary

PHOTOS = ROOT / "examples" / "photos"
NAMES = imagenet_names()
PLACES = {name.name: i for i, name in enumerate(NAMES)}
DIM = 8
TABBY, HUSKY, ZEBRA, PIZZA = 281, 250, 340, 963
HONEST = TagCalibration(temperature=1.0, slope=1.0, intercept=0.0, offsets={})


@pytest.fixture(scope="module")
def head():
    """A class for each of the first four numbers of an embedding; the other classes see nothing."""
    weights = np.zeros((CLASSES, DIM), np.float32)
    weights[[TABBY, HUSKY, ZEBRA, PIZZA], range(4)] = 20.0
    return ClassHead.of(weights, np.zeros(CLASSES, np.float32))


def likely(probabilities):
    """What a tagger sees that people mention all that it sees."""
    return TagScores(probabilities.astype(np.float32), probabilities)


def seen(*strengths):
    """One embedding, whose first numbers are the strengths of tabby, husky, zebra and pizza."""
    return np.array([[*strengths, *[0.0] * (DIM - len(strengths))]], np.float32)


def test_int8_weights_give_nearly_the_same_logits():
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 0.1, (CLASSES, 64)).astype(np.float32)
    biases = rng.normal(0, 0.1, CLASSES).astype(np.float32)
    embeddings = rng.uniform(0, 1, (5, 64)).astype(np.float32)
    exact = embeddings @ weights.T + biases
    logits = ClassHead.of(weights, biases)(embeddings)
    assert np.abs(logits - exact).max() < 0.02
    assert np.abs(logits - exact).max() > 0  # it is a rounded form, not the weights themselves


def test_a_grid_is_averaged_over_its_cells(head):
    grid = np.random.default_rng(0).uniform(0, 1, (2, 9, DIM)).astype(np.float32)
    np.testing.assert_allclose(head(grid), head(grid.mean(axis=1)), rtol=1e-6)


def test_the_probability_of_a_name_is_the_sum_over_its_classes(head):
    embeddings = seen(0.4, 0.3, 0.35)
    logits = head(embeddings)[0].astype(np.float64)
    softmax = np.exp(logits) / np.exp(logits).sum()
    sums = Tagger(head).probabilities(embeddings)[0]
    for name in ("cat", "dog", "husky", "zebra", "food"):
        assert sums[PLACES[name]] == pytest.approx(softmax[list(NAMES[PLACES[name]].classes)].sum(), rel=1e-5)
    assert sums[PLACES["dog"]] > sums[PLACES["husky"]]


def test_tags_are_the_likeliest_names_above_a_probability(head):
    tagger = Tagger(head)
    probabilities = tagger.probabilities(seen(0.0, 0.0, 1.0))[0]
    assert tagger.tags(probabilities) == (Tag("zebra", pytest.approx(1.0, abs=1e-5)),)
    tags = tagger.tags(probabilities, most=3, least=0.0)
    assert tags[0].name == "zebra"
    assert len(tags) == 3
    assert tagger.tags(tagger.probabilities(seen())[0]) == ()


def pictures_where(rng, mention_rate):
    """Embeddings of 400 pictures, every other one of a cat, and captions that mention a cat that is there at a rate."""
    embeddings = np.zeros((400, DIM), np.float32)
    embeddings[::2, 0] = rng.uniform(0.3, 0.5, 200)
    embeddings[1::2, 2] = rng.uniform(0.3, 0.5, 200)
    captions = [
        ["a kitten sleeps" if i % 2 == 0 and rng.random() < mention_rate else "somebody sleeps"] for i in range(400)
    ]
    return CaptionedEmbeddings(lambda rows: embeddings[list(rows)], captions)


def test_calibrated_probabilities_are_how_often_people_mention_a_name(head):
    rng = np.random.default_rng(1)
    fitted = fit_tags(Tagger(head), pictures_where(rng, 0.7), pictures_where(rng, 0.7))
    tagger = Tagger(head).calibrated(fitted)
    stated = tagger.probabilities(np.stack([seen(0.4)[0], seen(0, 0, 0.4)[0]]))
    assert stated[0, PLACES["cat"]] == pytest.approx(0.7, abs=0.1)
    assert stated[1, PLACES["zebra"]] < 0.1  # it is seen as surely, and nobody ever mentions it
    assert fitted.figures["pictures"] == 800
    assert fitted.figures["sure_tags"]["true"] == pytest.approx(0.7, abs=0.1)
    assert fitted.figures["sure_tags"]["ece"] < 0.15


def test_a_name_that_is_hardly_ever_met_gets_no_extreme_offset(head):
    """One picture of a zebra among many cats, mentioned once: far from enough to be sure of zebras."""
    embeddings = np.repeat(seen(0.4), 400, axis=0)
    embeddings[0] = seen(0, 0, 0.4)
    captions = [["a zebra"], *([["a cat"]] * 280), *([["a thing"]] * 119)]
    fitted = fit_tags(Tagger(head), CaptionedEmbeddings(lambda rows: embeddings[list(rows)], captions))
    assert max(map(abs, fitted.offsets.values())) < 3
    stated = Tagger(head).calibrated(fitted).probabilities(embeddings[:2])
    assert 0.5 < stated[0, PLACES["zebra"]] < 0.98


def test_too_few_pictures_calibrate_no_tags(head):
    few = CaptionedEmbeddings(lambda rows: np.repeat(seen(0.4), len(rows), axis=0), [["a cat"]] * 10)
    assert fit_tags(Tagger(head), few) is None


@pytest.fixture
def tagged(tiny_bundle, head, tmp_path):
    """The tiny model with a classifier of its own, calibrated and guiding: a picture shows what its embedding says."""

    def write(calibration=HONEST, **changed):
        bundle = read_bundle(tiny_bundle)
        fitted = dataclasses.replace(calibration, **changed) if calibration else None
        path = tmp_path / "tagged.showtell"
        write_bundle(path, {**bundle.parts, **Tagger(head, fitted).to_parts()})
        return path

    return write


def test_a_bundle_gives_back_its_classifier_and_calibration(tagged, head):
    fitted = TagCalibration(1.3, 1.5, 0.25, {"cat": -0.5}, True, {"pictures": 3})
    tagger = tagger_of(read_bundle(tagged(fitted)))
    assert tagger.calibration == fitted
    for name, array in head.tensors().items():
        np.testing.assert_array_equal(tagger.head.tensors()[name], array)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_classifier_is_kept_whatever_the_order_of_its_weights_in_memory(order):
    weights = np.random.default_rng(0).normal(size=(CLASSES, 3)).astype(np.float32, order=order)
    tagger = Tagger(ClassHead.of(weights, np.zeros(CLASSES, np.float32)))
    back = Tagger.from_parts(tagger.to_parts(), 3)
    np.testing.assert_array_equal(back.head.weights, tagger.head.weights)


def test_a_bundle_without_a_classifier_has_no_tags(tiny_bundle, photos):
    captioner = Captioner(tiny_bundle)
    assert captioner.generator.tagger is None
    assert captioner.caption(photos / "0.png").tags == ()
    with pytest.raises(InputError, match="has no calibrated tags"):
        captioner.caption(photos / "0.png", guide="always")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda tensors: tensors.pop("scales"), "scales are not for 1000 classes"),
        (lambda tensors: tensors.update(weights=tensors["weights"][:999]), "weights are not for 1000 classes"),
        (
            lambda tensors: tensors.update(biases=tensors["biases"].astype(np.float64)),
            "biases are not for 1000",
        ),
        (lambda tensors: tensors.update(weights=np.zeros((1000, 7), np.int8)), "of 7 numbers, the encoder's have 8"),
    ],
)
def test_a_damaged_classifier_is_a_clear_error(tagged, damage, told):
    path = tagged()
    parts = dict(read_bundle(path).parts)
    tensors = safetensors.numpy.load(parts["tags.safetensors"])
    damage(tensors)
    write_bundle(path, {**parts, "tags.safetensors": safetensors.numpy.save(tensors)})
    with pytest.raises(BundleError, match=told) as raised:
        Captioner(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("broken", [b"{}", b'{"format": 1, "calibration": {"slopes": 1}}', b'{"format": 2}', b"no"])
def test_a_malformed_description_of_tags_is_a_clear_error(tagged, broken):
    path = tagged()
    write_bundle(path, {**read_bundle(path).parts, "tags.json": broken})
    with pytest.raises(BundleError, match=r"tags\.json"):
        Captioner(path)


def test_a_lost_half_of_the_tags_is_a_clear_error(tagged):
    path = tagged()
    parts = dict(read_bundle(path).parts)
    del parts["tags.safetensors"]
    write_bundle(path, parts)
    with pytest.raises(BundleError, match=r"tags\.json or tags\.safetensors is malformed"):
        Captioner(path)


def said_of(captioner, embedding, **options):
    (caption,) = captioner.caption_embeddings(embedding, **options)
    return caption


def test_a_sure_tag_of_a_known_word_is_said(tagged):
    """The tiny model knows `dog`."""
    captioner = Captioner(tagged(guide=True))
    embedding = seen(0.0, 1.0)
    plain = said_of(captioner, embedding, guide="off")
    if "dog" in plain.text.split():
        pytest.fail("choose another embedding: this one's caption has the word already")
    guided = said_of(captioner, embedding)
    assert set(guided.text.split()) & {"dog", "dogs", "puppy"}
    assert guided.guided
    assert not plain.guided
    assert guided.tags[0].name in ("dog", "husky")


def test_a_sure_tag_that_the_model_has_no_word_for_takes_the_place_of_another(tagged):
    """It knows no cat, which a dog stands in for."""
    captioner = Captioner(tagged(guide=True))
    guided = said_of(captioner, seen(1.0))
    assert "cat" in guided.text.split()
    assert "cat" not in captioner.bundle.vocabulary.ids
    place = guided.text.split().index("cat")
    assert guided.words[place].word == "cat"
    assert 0 < guided.words[place].probability < 1


def test_a_name_that_nothing_known_stands_in_for_is_not_said(tagged):
    captioner = Captioner(tagged(guide=True))
    embedding = seen(0, 0, 0, 1.0)
    guided, plain = said_of(captioner, embedding), said_of(captioner, embedding, guide="off")
    assert guided == plain
    assert [tag.name for tag in plain.tags] == ["food", "pizza"] or [tag.name for tag in plain.tags] == [
        "pizza",
        "food",
    ]


def test_pictures_with_nothing_sure_keep_their_captions(tagged):
    captioner = Captioner(tagged(guide=True))
    embeddings = np.random.default_rng(2).uniform(0, 0.2, (20, DIM)).astype(np.float32)
    assert captioner.caption_embeddings(embeddings) == captioner.caption_embeddings(embeddings, guide="off")


def test_only_pictures_that_are_guided_are_searched_again(tagged):
    captioner = Captioner(tagged(guide=True))
    rows = []
    start = captioner.generator.decoder.start
    captioner.generator.decoder.start = lambda embeddings: (rows.append(len(embeddings)), start(embeddings))[1]
    embeddings = np.concatenate([seen(), seen(1.0), seen(), seen()])
    captioner.caption_embeddings(embeddings)
    assert rows == [4, 1]


def test_a_batch_is_guided_as_its_pictures_are_one_by_one(tagged):
    captioner = Captioner(tagged(guide=True))
    embeddings = np.concatenate([seen(1.0), seen(0, 1.0), seen(), seen(0, 0, 1.0), seen(0.9, 0.1)])
    together = captioner.caption_embeddings(embeddings, num_captions=2)
    alone = [said_of(captioner, row[None], num_captions=2) for row in embeddings]
    assert [one.text for one in together] == [one.text for one in alone]
    assert [one.alternatives[0].text for one in together] == [one.alternatives[0].text for one in alone]


def test_words_that_must_not_appear_are_not_brought_in_by_tags(tagged):
    captioner = Captioner(tagged(guide=True))
    for words in ("cat", ["cat", "dog"]):
        assert "cat" not in said_of(captioner, seen(1.0), must_not=words).text.split()


def test_words_that_must_appear_and_draws_are_left_alone(tagged):
    captioner = Captioner(tagged(guide=True))
    for options in ({"must": "snow"}, {"sample": True, "seed": 3}):
        given, off = (said_of(captioner, seen(1.0), guide=guide, **options) for guide in ("always", "off"))
        assert given == off


def test_a_model_that_is_not_guided_by_default_is_when_asked(tagged):
    captioner = Captioner(tagged(guide=False))
    assert not said_of(captioner, seen(1.0)).guided
    assert said_of(captioner, seen(1.0), guide="always").guided


def test_an_unknown_way_of_guiding_is_told(tagged):
    with pytest.raises(InputError, match="guide must be one of auto, off, always, not 'on'"):
        said_of(Captioner(tagged()), seen(1.0), guide="on")


class Chain:
    """A decoder that knows nothing but which word it likes after which: logits by the last word, `(V, V)`."""

    def __init__(self, logits):
        self.logits = np.array(logits, np.float32)

    def start(self, embeddings):
        return {}, {"nothing": np.zeros((len(embeddings), 1), np.float32)}

    def step(self, tokens, constants, state):
        return self.logits[tokens], state  # an index error, should a word that it does not know be read back to it


def test_articles_suit_the_name_that_was_put_in():
    """A horse stands in for a zebra and an animal for an elephant; `a` is all that this decoder says before a noun."""
    words = ("a", "animal", "horse")
    vocabulary = Vocabulary(tuple(sorted([*SPECIALS, *words])))
    likings = np.zeros((len(vocabulary), len(vocabulary)))
    horse, animal = vocabulary.ids["horse"], vocabulary.ids["animal"]
    likings[vocabulary.start, vocabulary.ids["a"]] = 5.0
    likings[vocabulary.ids["a"], [horse, animal]] = 5.0, 4.0
    likings[[horse, animal], vocabulary.end] = 5.0
    decoder = Chain(likings)
    guide = TagGuide(decoder, vocabulary, NAMES)
    options = SearchOptions(beam=3)
    embeddings = np.zeros((2, DIM), np.float32)
    probabilities = np.zeros((2, len(NAMES)))
    probabilities[0, PLACES["zebra"]] = probabilities[1, PLACES["elephant"]] = 0.9
    found = search(decoder, embeddings, vocabulary, options)
    told = guide(embeddings, likely(probabilities), found, [0.3, None], options)
    assert [" ".join(best.words) for best, *_ in told.values()] == ["a zebra", "an elephant"]
    assert [best.hypothesis.tokens[-1] for best, *_ in told.values()] == [horse, animal]


def test_no_word_is_said_twice_in_a_row():
    vocabulary = Vocabulary(tuple(sorted([*SPECIALS, "a", "horse"])))
    horse, size = vocabulary.ids["horse"], len(vocabulary)
    decoder = StandInDecoder(Chain(np.zeros((size, size))), size, np.array([horse]), np.ones((2, 1), np.bool_))
    constants, state = decoder.start(np.zeros((2, DIM), np.float32))
    logits, _ = decoder.step(np.array([horse, size]), constants, state)
    assert np.isneginf(logits).tolist() == [[place == row for place in range(size + 1)] for row in (horse, size)]


def test_no_article_comes_before_what_is_not_counted():
    """This decoder would say `a bread`, or with less liking `some bread`; a dog has its article."""
    vocabulary = Vocabulary(tuple(sorted([*SPECIALS, "a", "some", "bread", "dog"])))
    a, some, bread, dog = (vocabulary.ids[word] for word in ("a", "some", "bread", "dog"))
    likings = np.zeros((len(vocabulary), len(vocabulary)))
    likings[vocabulary.start, [a, some]] = 5.0, 3.0
    likings[[a, some], dog] = 6.0
    likings[[a, some], bread] = 5.0
    likings[[bread, dog], vocabulary.end] = 9.0
    decoder, options = Chain(likings), SearchOptions(beam=3)
    embeddings, probabilities = np.zeros((1, DIM), np.float32), np.zeros((1, len(NAMES)))
    probabilities[0, PLACES["bread"]] = 0.9
    found = search(decoder, embeddings, vocabulary, options)
    assert vocabulary.decode(found[0][0].tokens) == "a dog"
    told = TagGuide(decoder, vocabulary, NAMES)(embeddings, likely(probabilities), found, [0.1], options)
    assert told[0][0].words == ("some", "bread")


@pytest.mark.parametrize(
    ("probability", "confidence", "guided"),
    [
        (0.45, 0.3, True),
        (0.35, 0.1, False),
        (0.45, 0.6, False),
        (0.7, 0.65, True),
        (0.55, None, False),
        (0.65, None, True),
    ],
)
def test_a_tag_is_said_where_it_is_surer_than_the_caption(probability, confidence, guided):
    vocabulary = Vocabulary(tuple(sorted([*SPECIALS, "a", "dog", "man"])))
    likings = np.zeros((len(vocabulary), len(vocabulary)))
    likings[:, vocabulary.ids["man"]] = 3.0
    decoder = Chain(likings)
    options = SearchOptions(beam=2, max_length=3)
    embeddings, probabilities = np.zeros((1, DIM), np.float32), np.zeros((1, len(NAMES)))
    probabilities[0, PLACES["dog"]] = probability
    found = search(decoder, embeddings, vocabulary, options)
    told = TagGuide(decoder, vocabulary, NAMES)(embeddings, likely(probabilities), found, [confidence], options)
    assert list(told) == ([0] if guided else [])
    assert all("dog" in best.words for best, *_ in told.values())


def always(*sentence):
    """A decoder that says one sentence, its vocabulary, and what it found; it knows some animals and vehicles too."""
    known = {*sentence, "a", "dog", "cat", "otter", "bear", "puppy", "bus", "truck", "man", "terrier"}
    vocabulary = Vocabulary(tuple(sorted({*SPECIALS, *known})))
    likings = np.zeros((len(vocabulary), len(vocabulary)))
    likings[[vocabulary.ids[word] for word in known - {"a"}], vocabulary.end] = 9.0
    ids = [vocabulary.start, *(vocabulary.ids[word] for word in sentence), vocabulary.end]
    likings[ids[:-1], ids[1:]] = 5.0
    decoder = Chain(likings)
    return decoder, vocabulary, search(decoder, np.zeros((1, DIM), np.float32), vocabulary, SearchOptions(beam=3))


@pytest.mark.parametrize(
    ("sentence", "sums", "guided_to"),
    [
        (("a", "bear"), {"otter": 0.17, "bear": 0.01}, "otter"),
        (("a", "bear"), {"otter": 0.17, "bear": 0.1}, None),  # not much more of one than of the other
        (("a", "man"), {"otter": 0.17, "bear": 0.01}, None),  # people are not among the names
        (("a", "truck"), {"otter": 0.17, "truck": 0.01}, None),  # an otter does not exclude a truck
        (("a", "truck"), {"bus": 0.17, "truck": 0.01}, "bus"),
        (("a", "dog"), {"terrier": 0.17, "dog": 0.02}, None),  # a terrier is a dog
        (("a", "otter"), {"otter": 0.17, "bear": 0.01}, None),
    ],
)
def test_a_tag_that_contradicts_a_sure_caption_is_said(sentence, sums, guided_to):
    decoder, vocabulary, found = always(*sentence)
    seen_sums, probabilities = np.zeros((1, len(NAMES)), np.float32), np.zeros((1, len(NAMES)))
    for name, value in sums.items():
        seen_sums[0, PLACES[name]] = value
        probabilities[0, PLACES[name]] = 0.45 if value == max(sums.values()) else 0.1
    embeddings, options = np.zeros((1, DIM), np.float32), SearchOptions(beam=3)
    told = TagGuide(decoder, vocabulary, NAMES)(embeddings, TagScores(seen_sums, probabilities), found, [0.9], options)
    assert [best.words[-1] for best, *_ in told.values()] == ([guided_to] if guided_to else [])


@pytest.mark.parametrize("beside", ["bear", "dog"])
def test_what_a_tag_excludes_is_not_said_beside_it(beside):
    """This decoder prefers `otter bear` or `otter dog` to `otter`."""
    decoder, vocabulary, found = always("a", "bear")
    decoder.logits[vocabulary.ids["otter"], vocabulary.ids[beside]] = 9.5
    scores = TagScores(np.zeros((1, len(NAMES)), np.float32), np.zeros((1, len(NAMES))))
    scores.sums[0, PLACES["otter"]], scores.probabilities[0, PLACES["otter"]] = 0.2, 0.45
    guide, options = TagGuide(decoder, vocabulary, NAMES), SearchOptions(beam=3)
    told = guide(np.zeros((1, DIM), np.float32), scores, found, [0.9], options)
    assert told[0][0].words == ("an", "otter")


def test_agreement_compares_what_is_said_with_what_is_seen(head):
    agreement = TagAgreement(Tagger(head, HONEST))
    embeddings = np.repeat(seen(0.4, 0.3), 3, axis=0)
    of_names = Tagger(head, HONEST).probabilities(embeddings)[0]
    cat, dog = (np.log(of_names[PLACES[name]] / (1 - of_names[PLACES[name]])) for name in ("cat", "dog"))
    found = agreement(embeddings, [("a", "cat"), ("two", "dogs"), ("a", "man")])
    np.testing.assert_allclose(found, [[1, cat, dog], [1, dog, cat], [0, 0, cat]], rtol=1e-6)
    none = agreement(embeddings[:1], [("a", "zebra")])  # of which nothing is seen
    assert none[0, 1] == pytest.approx(np.log(0.001 / 0.999))


def test_a_contradicting_tag_must_be_certain_too():
    decoder, vocabulary, found = always("a", "bear")
    scores = TagScores(np.zeros((1, len(NAMES)), np.float32), np.zeros((1, len(NAMES))))
    scores.sums[0, PLACES["otter"]], scores.probabilities[0, PLACES["otter"]] = 0.2, 0.39
    guide = TagGuide(decoder, vocabulary, NAMES)
    assert not guide(np.zeros((1, DIM), np.float32), scores, found, [0.9], SearchOptions(beam=3))


def test_captions_of_the_command_carry_their_tags(tagged, photos, showtell, tmp_path):
    weights = np.zeros((CLASSES, DIM), np.float32)
    biases = np.zeros(CLASSES, np.float32)
    biases[TABBY] = 12.0  # everything is a cat
    path = tagged()
    everything = Tagger(ClassHead.of(weights, biases), HONEST)
    write_bundle(path, {**read_bundle(path).parts, **everything.to_parts()})
    picture = photos / "0.png"

    def run(*more):
        ran = showtell("caption", picture, "--model", path, *more)
        assert ran.code == 0, ran.err
        return ran.out

    assert "[" not in run()
    assert run("--tags", 2).rstrip().endswith("[cat]")
    line = json.loads(run("--format", "jsonl"))
    assert line["tags"] == [{"name": "cat", "probability": pytest.approx(0.99, abs=0.02)}]
    assert "guided" not in line
    assert run("--format", "csv").splitlines()[0].endswith(",tags")
    assert run("--format", "csv").splitlines()[1].endswith(",cat")
    guided = json.loads(run("--format", "jsonl", "--guide", "always"))
    assert "cat" in guided["caption"].split()
    assert guided["guided"] is True
    page = tmp_path / "page.html"
    run("--html", page)
    assert 'Tags: <span title="' in page.read_text()


def test_tags_of_a_model_that_has_none_are_an_error(tiny_bundle, photos, showtell):
    ran = showtell("caption", photos / "0.png", "--model", tiny_bundle, "--tags", 3)
    assert ran.code == 2
    assert "has no tags" in ran.err


@pytest.mark.slow  # its encoder's package comes with the extra train
def test_the_classifier_of_a_real_encoder_knows_the_example_photographs():
    """EfficientNet-Lite0, exported from its published weights, with the classifier that they came with."""
    from showtell.encoders import Encoder, classifier, encoder_graph

    encoder = Encoder(encoder_graph("efficientnet_lite0"))
    tagger = Tagger(ClassHead.of(*classifier("efficientnet_lite0")))
    shown = {"coffee-cup": "espresso", "dog-golden-retriever": "golden retriever", "tiger-in-the-snow": "tiger"}
    for photo, name in shown.items():
        picture = square(decode(PHOTOS / f"{photo}.jpg"), encoder.info.preprocessing)
        tags = tagger.tags(tagger.probabilities(encoder(picture[None]))[0])
        assert name in [tag.name for tag in tags], (photo, tags)


def test_other_encoders_and_inner_layers_have_no_classifier():
    from showtell.encoders import classifier

    for name in ("efficientnet_lite0:block_11", "keras:ResNet50", "onnx:mine.onnx", "tiny"):
        assert classifier(name) is None


def test_calibrating_gives_a_model_tags_that_it_had_not(tagged, photos, showtell):
    """The tiny encoder has no classifier: that is said. A model that has one keeps it."""
    captions = photos.parent / "captions.csv"
    rows = [f"{i}.png,a cat on the grass\n{i}.png,a dog in the snow\n" for i in range(10)]
    captions.write_text("image,caption\n" + "".join(rows))
    path = tagged(None)
    ran = showtell("calibrate", path, "--pictures", photos, "--captions", captions, "--tags")
    assert ran.code == 0, ran.err
    tagger = tagger_of(read_bundle(path))
    assert tagger.calibration is None  # ten pictures are too few
    assert "not calibrated" in read_bundle(path).parts["README.md"].decode()
    parts = {name: data for name, data in read_bundle(path).parts.items() if not name.startswith("tags.")}
    write_bundle(path, parts)
    ran = showtell("calibrate", path, "--pictures", photos, "--captions", captions, "--tags")
    assert ran.code == 2
    assert "there is no classifier for its encoder, tiny" in ran.err
