"""What the course notebook printed of COCO's own training captions; skipped if they are not available."""

import os

import pytest

from showtell.data.captions.caption_set import read_captions
from showtell.text import Vocabulary


@pytest.fixture(scope="module")
def coco():
    """COCO's own training captions, by picture, if they are available."""
    named = os.environ.get("SHOWTELL_COCO_CAPTIONS")
    if not named:
        pytest.skip("SHOWTELL_COCO_CAPTIONS does not name COCO's captions_train2014.json")
    return read_captions(named).captions


@pytest.fixture(scope="module")
def coco_vocabulary(coco):
    return Vocabulary.build(caption for captions in coco.values() for caption in captions)


def test_coco_train2014_has_a_list_of_captions_for_every_picture(coco):
    """1.3: 82,783 lists of about five."""
    assert len(coco) == 82_783
    assert min(map(len, coco.values())) >= 5


def test_the_vocabulary_of_coco_train2014_has_8769_entries(coco_vocabulary):
    """3.3."""
    assert len(coco_vocabulary) == 8_769
    assert coco_vocabulary.pad == 1


def test_the_first_pictures_captions_have_the_notebooks_ids(coco, coco_vocabulary):
    """3.5."""
    golden = {
        "A long dirt road going through a forest.": [2, 54, 4462, 2305, 6328, 3354, 7848, 54, 3107, 0],
        "A SCENE OF WATER AND A PATH WAY": [2, 54, 6540, 5127, 8486, 249, 54, 5437, 8507, 0],
        "A sandy path surrounded by trees leads to a beach.": [
            *(2, 54, 6502, 5437, 7581, 1124, 8052, 4287, 7905, 54, 639, 0)
        ],
        "Ocean view through a dirt road surrounded by a forested area. ": [
            *(2, 5120, 8367, 7848, 54, 2305, 6328, 7581, 1124, 54, 3108, 331, 0)
        ],
        "dirt path leading beneath barren trees to open plains": [
            *(2, 2305, 5437, 4286, 710, 587, 8052, 7905, 5174, 5684, 0)
        ],
    }
    assert {tuple(sorted(text.strip() for text in golden))} <= {tuple(sorted(texts)) for texts in coco.values()}
    assert {text: coco_vocabulary.encode(text) for text in golden} == golden
