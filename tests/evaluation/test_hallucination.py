"""Objects that captions name and no reference does: against sentences judged by hand, and in an evaluation."""

import numpy as np
import pytest

from showtell.captioning.objects import coco_mentions, objects_of
from showtell.evaluation.hallucination import chair, hallucinated, hallucination


@pytest.mark.parametrize(
    ("sentence", "objects"),
    [
        ("A man rides a bike on the train tracks.", ("person", "bicycle")),
        ("a train stands in a train station", ("train",)),
        ("Two puppies and a golden retriever", ("dog",)),
        ("a hot dog beside a teddy bear", ("hot dog", "teddy bear")),
        ("a batter at home plate with a baseball bat", ("person", "baseball bat")),
        ("a tiger sleeps", ("big cat",)),
        ("women with wine glasses at a table", ("person", "wine glass", "dining table")),
        ("it is raining", ()),
    ],
)
def test_objects_are_found_by_their_longest_phrase_in_every_form(sentence, objects):
    assert objects_of(sentence) == objects


def test_an_object_is_hallucinated_where_no_reference_names_it_in_any_words():
    references = ["Kids play with a puppy.", "children outdoors near a sofa"]
    assert hallucinated("a boy and a dog on a couch", references) == ()
    assert hallucinated("a boy and a cat on a red couch with a cat and a pizza", references) == ("cat", "pizza")


def test_the_rate_is_the_share_of_captions():
    captions = ["a dog", "a cat", "something", "a man on a horse"]
    references = {"a": ["a dog runs"], "b": ["a dog runs"], "c": ["a bus"], "d": ["a woman"]}
    found = hallucination(captions, references)
    assert found.names == ("hallucinated",)
    assert found.combine(found.statistics.sum(axis=0)) == pytest.approx([0.5])
    assert np.array_equal(found.values[:, 0], [0, 1, 0, 1])


def test_chair_counts_captions_and_mentions_of_cocos_objects():
    captions = ["a dog and a cat and a cat", "a dog by a tiger", "it is raining"]
    references = {"a": ["a dog runs"], "b": ["a puppy"], "c": ["a bus"]}
    found = chair(captions, references)
    assert coco_mentions(captions[0]) == ("dog", "cat", "cat")
    assert found.names == ("chair_s", "chair_i")
    assert found.combine(found.statistics.sum(axis=0)) == pytest.approx([1 / 3, 2 / 4])
    none = chair(["it is raining"], {"a": ["a dog"]})
    assert none.combine(none.statistics.sum(axis=0)) == pytest.approx([0, 0])
