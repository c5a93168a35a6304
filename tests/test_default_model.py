"""The model that comes with the package: whole, small enough, and as good as its card says."""

from pathlib import Path

import pytest

from showtell import Captioner
from showtell.captioner import default_model
from showtell.data.captions import align, read_captions
from showtell.data.images import PictureSource
from showtell.metrics import bleu, cider_d
from showtell.metrics.ptb import ptb_tokenize
from showtell.verify import replay

PHOTOS = Path(__file__).parents[1] / "examples" / "photos"


@pytest.fixture(scope="module")
def captioner():
    return Captioner()


def test_it_is_at_most_25_megabytes_and_verifies(captioner):
    assert default_model().stat().st_size <= 25_000_000
    assert replay(captioner).text == captioner.bundle.model["golden"]["caption"]


def test_its_card_names_data_licences_scores_and_limits(captioner):
    card = captioner.bundle.parts["README.md"].decode()
    for word in ("Flickr8k", "Licence", "BLEU-4", "CIDEr-D", "Limits", "Apache-2.0", "showtell train"):
        assert word in card, word


def test_every_example_photograph_gets_a_caption_of_its_own(captioner):
    results = list(captioner.caption_stream(PictureSource(PHOTOS).read()))
    assert len(results) >= 6
    assert all(result.caption for result in results)
    assert len({result.caption.text for result in results}) >= len(results) - 2


def test_it_sees_a_dog_where_there_is_one(captioner):
    assert "dog" in captioner.caption(PHOTOS / "dog-golden-retriever.jpg").text


def test_its_scores_on_the_validation_pictures_are_those_of_its_card(captioner, shared_data):
    source = PictureSource(shared_data / "flickr8k" / "val.zip")
    aligned = align(source.names(), read_captions(shared_data / "flickr8k" / "dataset_flickr8k.json"))
    assert len(aligned.names) == 1000
    references = {name: [ptb_tokenize(caption) for caption in aligned.captions[name]] for name in aligned.names}
    stream = captioner.caption_stream(source.read(), beam=3)
    found = {result.name: ptb_tokenize(result.caption.text) for result in stream if result.caption}
    bleu_4, cider = bleu(found, references).corpus["BLEU-4"], cider_d(found, references).corpus["CIDEr-D"]
    assert bleu_4 >= 0.19
    assert cider >= 0.50
    recorded = captioner.bundle.model["scores"]
    assert bleu_4 == pytest.approx(recorded["bleu_4"], abs=0.005)  # the card's are of weights before float16
    assert cider == pytest.approx(recorded["cider_d"], abs=0.01)
