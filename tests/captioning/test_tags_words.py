"""Plurals, articles, and which of the 1,000 classes has which plain name."""

import pytest

from showtell.captioning.tags import CLASSES, imagenet_names
from showtell.captioning.tags.mentions import Mentions
from showtell.captioning.tags.words import article, plural, says, with_articles

NAMES = {name.name: name for name in imagenet_names()}


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("cat", "cats"),
        ("wolf", "wolves"),
        ("pony", "ponies"),
        ("monkey", "monkeys"),
        ("bus", "buses"),
        ("toothbrush", "toothbrushes"),
        ("knife", "knives"),
        ("sheep", "sheep"),
        ("computer mouse", "computer mice"),
        ("golden retriever", "golden retrievers"),
    ],
)
def test_plurals(one, many):
    assert plural(tuple(one.split())) == tuple(many.split())


@pytest.mark.parametrize(
    ("word", "its"),
    [
        ("zebra", "a"),
        ("espresso", "an"),
        ("umbrella", "an"),
        ("unicycle", "a"),
        ("hourglass", "an"),
        ("horse", "a"),
        ("iPod", "an"),
        ("ewe", "a"),
        ("elephant", "an"),
    ],
)
def test_articles_go_by_sound(word, its):
    assert article(word) == its


def test_articles_of_a_sentence_suit_what_follows_them():
    words = ["an", "man", "with", "a", "elephant", "and", "a", "espresso machine", "on", "a"]
    assert " ".join(with_articles(words)) == "a man with an elephant and an espresso machine on a"


def test_a_sentence_says_whole_words_only():
    assert says(("a", "hot", "dog", "stand"), [("hot", "dog")])
    assert not says(("a", "category"), [("cat",)])
    assert not says(("hot", "summer", "dog"), [("hot", "dog")])


def test_every_class_has_a_name_and_every_name_is_there_once():
    names = imagenet_names()
    assert len(NAMES) == len(names)
    assert set().union(*(name.classes for name in names)) == set(range(CLASSES))
    assert all(name.classes for name in names)
    assert all(not name.within or name.within in NAMES for name in names)


def test_no_name_is_within_itself():
    for name in imagenet_names():
        above, passed = name, set()
        while above.within:
            assert above.name not in passed, name.name
            passed.add(above.name)
            above = NAMES[above.within]


def test_the_classes_are_those_that_the_published_lists_give_the_numbers():
    """Numbers as in the ILSVRC 2012 list, such as 281 tabby, 285 Egyptian cat, 207 golden retriever, 967 espresso."""
    assert NAMES["cat"].classes == tuple(range(281, 286))
    assert NAMES["golden retriever"].classes == (207,)
    assert set(NAMES["dog"].classes) == set(range(151, 269))
    assert NAMES["pizza"].classes == (963,)
    assert NAMES["espresso"].classes == (967,)
    assert NAMES["zebra"].classes == (340,)
    assert NAMES["umbrella"].classes == (879,)


def test_a_name_has_the_classes_and_the_words_of_those_within_it():
    assert set(NAMES["orange"].classes) <= set(NAMES["fruit"].classes) <= set(NAMES["food"].classes)
    assert ("golden", "retriever") in NAMES["dog"].phrases
    assert ("puppies",) in NAMES["dog"].phrases
    assert ("dog",) not in NAMES["golden retriever"].phrases


def test_mentions_are_of_synonyms_and_plurals_in_any_of_the_captions():
    names = imagenet_names()
    mentioned = Mentions(names)(["Two kittens on a sofa.", "A category of hot dogs"])
    said = {name.name for name, yes in zip(names, mentioned, strict=True) if yes}
    assert {"cat", "couch", "hot dog", "food", "dog"} <= said  # "dogs" is a word of the caption
    assert not {"big cat", "bed", "pizza"} & said


def test_mentions_agree_with_looking_for_every_phrase():
    names = imagenet_names()
    caption = "a man in a blue shirt rides a mountain bike past a fire truck and an ice cream stand"
    found = Mentions(names)([caption])
    assert found.tolist() == [says(tuple(caption.split()), name.phrases) for name in names]
    assert found.any()


def test_names_within_a_name_are_of_its_kind():
    assert {NAMES[name].kind for name in ("dog", "terrier", "bird", "otter", "tiger")} == {"animal"}
    assert {NAMES[name].kind for name in ("bus", "school bus", "boat", "canoe")} == {"vehicle"}
    assert NAMES["espresso"].kind == NAMES["couch"].kind == ""
    animals = {number for name in NAMES.values() if name.kind == "animal" for number in name.classes}
    assert set(range(398)) <= animals  # the first 398 classes of ImageNet are animals
