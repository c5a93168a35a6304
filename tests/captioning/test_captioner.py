"""Whatever holds a picture is captioned, alone and in batches, the same."""

import io
import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest
from PIL import Image

from showtell import Caption, Captioner
from showtell.captioning.options import CaptionKeywords, CaptionOptions, SearchKeywords
from showtell.data.sources.picture_source import PictureSource, RawPicture
from showtell.errors import InputError, PictureError
from showtell.search import SearchOptions


@pytest.fixture(scope="module")
def captioner(tiny_bundle):
    return Captioner(tiny_bundle)


def test_a_path_bytes_an_image_and_an_array_are_one_picture(captioner, photos):
    path = photos / "4.png"
    image = Image.open(path)
    ways = [str(path), path, path.read_bytes(), image, np.asarray(image)]
    captions = captioner.caption(ways)
    assert len({caption.text for caption in captions}) == 1
    assert captions == pytest.approx([captioner.caption(way) for way in ways]) or all(
        one.text == captioner.caption(way).text for one, way in zip(captions, ways, strict=True)
    )


def test_a_caption_has_a_text_a_score_and_a_probability_for_each_word(captioner, photos):
    caption = captioner.caption(photos / "0.png", beam=1)
    assert isinstance(caption, Caption)
    assert caption.text == str(caption) == " ".join(word.word for word in caption.words)
    assert all(0 < word.probability <= 1 for word in caption.words)
    words = sum(math.log(word.probability) for word in caption.words)
    assert caption.score * len(caption.words) ** 0.7 <= words + 1e-4 or len(caption.words) == 20


def test_batches_of_any_size_give_the_same_captions(captioner, photos):
    paths = sorted(photos.iterdir())
    expected = [captioner.caption(path) for path in paths]
    for batch_size in (1, 3, 16):
        found = captioner.caption(paths, batch_size=batch_size)
        assert [one.text for one in found] == [one.text for one in expected]
        assert [one.score for one in found] == pytest.approx([one.score for one in expected], abs=1e-4)


@pytest.mark.parametrize("options", [{"beam": 1}, {"beam": 3}, {"sample": True, "seed": 4}], ids=str)
def test_a_stream_gives_the_same_captions_whatever_its_batches_and_threads(captioner, photos, options):
    (photos / "4.png").write_bytes(b"not a picture")
    pictures = list(PictureSource(photos).read())
    expected = {one.name: one for one in captioner.caption_stream(pictures, batch_size=1, threads=1, **options)}
    for batch_size, threads in ((3, 1), (4, 3), (32, 2)):
        found = list(captioner.caption_stream(pictures, batch_size=batch_size, threads=threads, **options))
        assert [one.name for one in found] == [picture.name for picture in pictures]
        for one in found:
            wanted = expected[one.name]
            assert one.error == wanted.error
            if one.caption:
                assert one.caption.text == wanted.caption.text
                assert one.caption.score == pytest.approx(wanted.caption.score, abs=1e-5)
    if "sample" not in options:  # what is drawn hangs on the place of a picture
        backwards = list(captioner.caption_stream(pictures[::-1], batch_size=4, **options))
        assert all(one.caption is None or one.caption.text == expected[one.name].caption.text for one in backwards)


def test_a_stream_that_fails_gives_what_was_read_before(captioner, photos):
    def breaking():
        yield from itertools.islice(PictureSource(photos).read(), 5)
        raise InputError("the archive ends early")

    found = []
    with pytest.raises(InputError, match="ends early"):
        found.extend(one.name for one in captioner.caption_stream(breaking(), batch_size=2, threads=2))
    assert found == [f"{i}.png" for i in range(5)]


def test_more_captions_come_best_first_and_differ(captioner, photos):
    caption = captioner.caption(photos / "1.png", num_captions=5)
    everything = [caption, *caption.alternatives]
    assert len({one.text for one in everything}) == 5
    scores = [one.score for one in everything]
    assert scores == sorted(scores, reverse=True)


def test_diverse_captions_hold_the_models_best(captioner, photos):
    for path in sorted(photos.iterdir()):
        caption = captioner.caption(path, num_captions=4, diversity=5.0)
        everything = [caption, *caption.alternatives]
        assert captioner.caption(path).text in [one.text for one in everything]
        assert 1 < len({one.text for one in everything}) == len(everything) <= 4
    assert (
        captioner.generator.search_options(num_captions=4, diversity=5.0).beam
        == 4 * captioner.generator.search_defaults.beam
    )
    assert captioner.generator.search_options(num_captions=7, diversity=1.0, groups=2).beam == 2 * 4


def test_a_needed_word_stands_in_every_caption_and_an_unknown_one_is_told(captioner, photos):
    caption = captioner.caption(photos / "2.png", must="snow", num_captions=3)
    assert all("snow" in one.text.split() for one in (caption, *caption.alternatives))
    with pytest.raises(InputError, match="similar words that it knows are ball"):
        captioner.generator.search_options(must="balls")  # told before any picture is read


def test_a_banned_word_stands_in_no_caption_of_any_method(captioner, photos):
    paths = sorted(photos.iterdir())
    plain = captioner.caption(paths)
    word = plain[0].words[0].word
    for method in ({}, {"beam": 1}, {"sample": True, "seed": 1}):
        captions = captioner.caption(paths, must_not=word, **method)
        assert all(word not in caption.text.split() for caption in captions)
    assert captioner.caption(paths, must_not=["zebra"]) == plain


def test_sampling_is_repeatable_by_seed(captioner, photos):
    def draw(seed):
        return [captioner.caption(photos / "1.png", sample=True, num_captions=4, seed=seed) for _ in range(2)]

    first, second = draw(1)
    assert first == second
    assert draw(2)[0] != first


def test_a_stream_goes_past_unreadable_pictures(captioner, photos):
    (photos / "3.png").write_bytes(b"not a picture")
    pictures = [*PictureSource(photos).read(), RawPicture("gone.png", b"", "cannot be read")]
    results = list(captioner.caption_stream(pictures, batch_size=4))
    assert [result.name for result in results] == [picture.name for picture in pictures]
    assert [result.name for result in results if result.caption is None] == ["3.png", "gone.png"]
    alone = [captioner.caption(p.data).text for p in pictures if p.name not in ("3.png", "gone.png")]
    assert [result.caption.text for result in results if result.caption] == alone


def test_a_stream_reads_only_a_little_ahead(captioner, photos):
    data = (photos / "0.png").read_bytes()
    read = []

    def endless():
        while True:
            read.append(1)
            yield RawPicture(f"{len(read)}", data)

    stream = captioner.caption_stream(endless(), batch_size=2, threads=2)
    for _ in range(4):
        next(stream)
    assert len(read) < 30


def test_an_unreadable_picture_of_a_list_is_named(captioner, photos):
    with pytest.raises(PictureError, match="picture 1"):
        captioner.caption([photos / "0.png", b"nothing"])
    with pytest.raises(PictureError, match=r"missing\.png"):
        captioner.caption(Path("missing.png"))
    with pytest.raises(PictureError, match="shape"):
        captioner.caption(np.zeros((5, 5, 7), np.uint8))


def test_an_unknown_option_is_named(captioner, photos):
    with pytest.raises(InputError, match=r"there is no option 'temprature': did you mean temperature\?"):
        captioner.caption(photos / "0.png", temprature=1.0)
    with pytest.raises(InputError, match=r"there is no option 'beem': did you mean beam\?"):
        captioner.caption_stream([], beem=5)
    with pytest.raises(InputError, match=r"there is no option 'xyz': there are .*\bbeam, .*\bguide\b"):
        captioner.caption_options(xyz=1)
    with pytest.raises(InputError, match=r"beam: change it in the options"):
        captioner.caption(photos / "0.png", options=captioner.caption_options(), beam=5)


def test_keywords_are_the_fields_of_the_options():
    """A new field of either kind of options must be typed as a keyword, too."""
    searching, own = get_type_hints(SearchOptions), get_type_hints(CaptionOptions)
    assert own.pop("search") is SearchOptions
    searching["must"] = searching["must_not"] = str | Sequence[str]  # one word needs no list
    assert get_type_hints(SearchKeywords) == searching
    assert get_type_hints(CaptionKeywords) == searching | own


def test_options_go_whole_where_keywords_go(captioner, photos):
    paths = sorted(photos.iterdir())
    keywords = {"num_captions": 2, "beam": 4, "must_not": ["a big dog", "snow"]}
    options = captioner.caption_options(**keywords)
    expected = captioner.caption(paths, **keywords)
    assert captioner.caption(paths, options=options) == expected
    assert captioner.caption_batch(paths, options=options) == expected
    assert captioner.caption_embeddings(captioner.embed_pictures(paths), options=options) == expected
    assert [one.caption for one in captioner.caption_stream(paths, options=options)] == expected
    assert captioner.caption_options(options) is options
    assert hash(options) == hash(captioner.caption_options(**keywords))


def test_resize_is_the_bundles_unless_said_otherwise(tiny_bundle):
    assert Captioner(tiny_bundle).encoder.info.preprocessing.resize == "crop"
    assert Captioner(tiny_bundle, resize="pad").encoder.info.preprocessing.resize == "pad"


def test_exported_graphs_equal_the_pytorch_decoder(tiny_bundle):
    """The independent computation: the same weights in the module that training uses."""
    import torch

    from showtell.decoders.registry import build
    from showtell.decoders.show_and_tell import ShowAndTellOptions

    bundle = Captioner(tiny_bundle).bundle
    options = ShowAndTellOptions(**bundle.model["decoder"]["options"])
    decoder = build("show_and_tell", options, (8,), len(bundle.vocabulary)).eval()
    weights = {name: torch.from_numpy(np.array(array)) for name, array in bundle.weights().items()}
    decoder.load_state_dict(weights)
    embeddings = np.random.default_rng(0).normal(0, 1, (3, 8)).astype(np.float32)
    tokens = np.random.default_rng(1).integers(0, len(bundle.vocabulary), (3, 6))
    steps = bundle.decoder()
    constants, state = steps.start(embeddings)
    with torch.no_grad():
        whole = decoder.logits(decoder.hidden(torch.from_numpy(embeddings), torch.from_numpy(tokens))).numpy()
    for t in range(6):
        logits, state = steps.step(tokens[:, t], constants, state)
        assert logits == pytest.approx(whole[:, t], abs=1e-4)


def test_a_pictures_bytes_may_come_from_memory(captioner, photos):
    buffer = io.BytesIO()
    Image.open(photos / "2.png").save(buffer, format="bmp")
    assert captioner.caption(buffer.getvalue()).text == captioner.caption(photos / "2.png").text
