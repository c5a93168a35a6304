"""Careful captions: what drawn captions agree on, what tags keep, and ends before what is doubtful."""

import numpy as np
import pytest

from repository import ROOT
from showtell import Captioner
from showtell.captioning.minimum_risk import DRAWS, most_supported
from showtell.captioning.tags.guide import DecodedSentence
from showtell.errors import InputError
from showtell.search import Hypothesis

PHOTOS = ROOT / "examples" / "photos"


def sentence(text):
    words = tuple(text.split())
    return DecodedSentence(Hypothesis(tuple(range(len(words))), (-1.0,) * len(words), -1.0), words)


def chosen(found, drawn, tags=()):
    return " ".join(most_supported([sentence(found)], [sentence(one) for one in drawn], dict(tags)).words)


def test_what_all_drawn_captions_say_is_kept():
    drawn = ["a dog runs on grass", "a dog runs in grass", "a brown dog runs on the grass"]
    assert chosen("a dog runs on grass", drawn) == "a dog runs on grass"


def test_a_caption_ends_before_what_few_of_them_say():
    drawn = ["a man rides a horse", "a man rides a horse on a beach", "a man rides a horse in a field"]
    assert chosen("a man rides a horse with a red flag", drawn) == "a man rides a horse"


def test_a_caption_never_ends_before_it_names_something():
    drawn = ["a close up of a dog", "a close up of a cat", "a close view of a cup"]
    assert chosen("a close up of a plate", drawn) not in ("a close", "a close up")
    assert chosen("a red building", ["a red building", "a red house", "a red door"]) != "a red"


def test_a_doubtful_colour_is_left_out_where_a_drawn_caption_leaves_it_out():
    drawn = ["a red bus", "a blue bus", "a bus", "a green bus"]
    assert chosen("a red bus", drawn) == "a bus"


def test_words_of_one_object_support_each_other():
    drawn = ["a puppy sleeps", "a dog sleeps", "a hound sleeps"]
    assert chosen("a dog sleeps", drawn).endswith("sleeps")


def test_a_sure_tag_keeps_an_object_that_drawn_captions_do_not_name():
    drawn = ["a dog in snow", "a dog in snow", "a brown dog in snow"]
    assert "tiger" not in chosen("a tiger in snow", drawn)
    assert chosen("a tiger in snow", drawn, {"big cat": 0.9, "dog": 0.0}.items()) == "a dog in snow"
    few = ["a dog in snow", "a bear in snow", "a cat in snow"]
    assert chosen("a tiger in snow", few, {"big cat": 0.9}.items()) == "a tiger in snow"


def test_careful_captions_are_no_longer_and_the_same_each_time():
    captioner = Captioner()
    photos = sorted(PHOTOS.glob("*.jpg"))[:4]
    usual = captioner.caption(photos)
    careful = captioner.caption(photos, careful=True)
    assert [captioner.caption(photo, careful=True).text for photo in photos] == [one.text for one in careful]
    lengths = [np.mean([len(one.text.split()) for one in captions]) for captions in (usual, careful)]
    assert lengths[1] < lengths[0]
    assert all(one.confidence is not None for one in careful)
    assert all(one.score < 0 for one in careful)
    assert DRAWS > 1


def test_careful_captions_come_alone_and_without_demands():
    captioner = Captioner()
    for options in ({"num_captions": 3}, {"must": ["dog"]}):
        with pytest.raises(InputError, match="careful"):
            captioner.caption(PHOTOS / "dog-golden-retriever.jpg", careful=True, **options)
