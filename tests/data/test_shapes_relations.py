"""Shapes in relation: true sentences, places that say what the sentences say, and nothing given away but by places."""

import io
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from showtell.data.synthetic.drawing import COLOURS
from showtell.data.synthetic.relations import (
    ABOVE,
    BETWEEN,
    LEFT,
    RelationOptions,
    RelationScene,
    ShapesRelations,
    Thing,
    describe,
    is_true,
    parse,
    sample,
)
from showtell.data.synthetic.shapes import KINDS
from showtell.errors import InputError

SMALL = RelationOptions(train_pictures=240, val_pictures=60)
STAR, CIRCLE, HEART = Thing("red", "star"), Thing("blue", "circle"), Thing("green", "heart")
STAR_LEFT = RelationScene(LEFT, (STAR, CIRCLE))
STAR_ABOVE = RelationScene(ABOVE, (STAR, CIRCLE))
STAR_BETWEEN = RelationScene(BETWEEN, (STAR, CIRCLE, HEART))


@pytest.fixture(scope="module")
def relations():
    return ShapesRelations(SMALL)


def test_every_caption_is_true_of_its_own_picture_and_of_no_other_scene(relations):
    scenes = {relations.scene(name) for name in relations.names()}
    for name, captions in relations.captions().captions.items():
        assert len(set(captions)) == SMALL.captions_per_picture
        for caption in captions:
            assert relations.is_true(caption, name)
            assert [scene for scene in scenes if is_true(caption, scene)] == [relations.scene(name)]


@pytest.mark.parametrize(
    ("caption", "scene"),
    [
        ("a red star left of a blue circle", STAR_LEFT),
        ("A blue circle is to the right of a red star.", STAR_LEFT),
        ("there is a red star over a blue circle", STAR_ABOVE),
        ("a picture of a blue circle below a red star", STAR_ABOVE),
        ("a red star is between a blue circle and a green heart", STAR_BETWEEN),
        ("here is a red star between a green heart and a blue circle", STAR_BETWEEN),
    ],
)
def test_sentences_of_the_grammar_are_read(caption, scene):
    assert parse(caption) == scene


@pytest.mark.parametrize(
    "caption",
    [
        "",
        "a dog left of a cat",
        "a red star",
        "a red star a blue circle",
        "a star left of a blue circle",
        "a red star left of a blue circle and a green heart",
        "a red star between a blue circle",
        "there is a red star is left of a blue circle",
        "a red star near a blue circle",
        "a red star left of a blue circle above",
    ],
)
def test_other_sentences_are_not(caption):
    assert parse(caption) is None


def test_the_wrong_way_round_is_not_true():
    assert is_true("a red star left of a blue circle", STAR_LEFT)
    for wrong in (
        "a blue circle left of a red star",
        "a red star right of a blue circle",
        "a red star above a blue circle",
        "a blue star left of a red circle",
    ):
        assert not is_true(wrong, STAR_LEFT)
    assert not is_true("a blue circle between a red star and a green heart", STAR_BETWEEN)


def centres(picture, things):
    """Where each thing's colour has its centre of gravity; the things have unlike colours."""
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    masks = [np.abs(pixels - COLOURS[thing.colour]).max(axis=2) <= 14 for thing in things]
    return [tuple(float(axis.mean()) for axis in np.nonzero(mask)[::-1]) for mask in masks]


def test_shapes_stand_where_the_sentences_say(relations):
    seen = Counter()
    for picture in relations.read():
        scene = relations.scene(picture.name)
        if len({thing.colour for thing in scene.things}) < len(scene.things):
            continue
        with Image.open(io.BytesIO(picture.data)) as image:
            (x, y), (other_x, other_y), *third = centres(image, scene.things)
        seen[scene.relation] += 1
        if scene.relation == LEFT:
            assert other_x - x > 2 * abs(other_y - y)
        elif scene.relation == ABOVE:
            assert other_y - y > 2 * abs(other_x - x)
        else:
            ((last_x, last_y),) = third
            to_one, to_other = np.hypot(x - other_x, y - other_y), np.hypot(x - last_x, y - last_y)
            assert to_one + to_other < 1.1 * np.hypot(other_x - last_x, other_y - last_y)
            assert 0.5 < to_one / to_other < 2
    assert min(seen[relation] for relation in (LEFT, ABOVE, BETWEEN)) >= 40


def test_knowing_what_is_there_tells_nothing_of_who_stands_where():
    rng = np.random.default_rng(0)
    first = Counter()
    for _ in range(3000):
        scene = sample(LEFT, rng, held_out=False)
        first[scene.things == tuple(sorted(scene.things))] += 1
    assert abs(first[True] - 1500) < 4 * np.sqrt(3000 / 4)


def test_validation_asks_for_combinations_that_training_never_shows_in_any_order(relations):
    sets = {"train": set(), "val": set()}
    for name in relations.names():
        scene = relations.scene(name)
        sets[name.partition("-")[0]].add((scene.relation, frozenset(scene.things)))
    assert sets["train"].isdisjoint(sets["val"])
    shown = {thing for _, things in sets["train"] for thing in things}
    assert shown == {Thing(colour, kind) for colour in COLOURS for kind in KINDS}


def test_the_same_options_give_the_same_bytes_whatever_is_skipped(relations):
    whole = {picture.name: picture.data for picture in ShapesRelations(SMALL).read()}
    skipped = set(relations.names()) - {"train-00005.png", "val-00003.png"}
    assert {picture.name: picture.data for picture in relations.read(skip=skipped)} == {
        name: whole[name] for name in ("train-00005.png", "val-00003.png")
    }


def test_sentences_vary():
    for scene, sayings in ((STAR_LEFT, 15), (STAR_BETWEEN, 8)):
        said = {sentence for seed in range(60) for sentence in describe(scene, np.random.default_rng(seed), 8)}
        assert len(said) >= sayings


def test_impossible_options_are_refused():
    for wrong in ({"train_pictures": 0}, {"captions_per_picture": 9}, {"size": 8}, {"seed": -1}):
        with pytest.raises(InputError):
            RelationOptions(**wrong)
