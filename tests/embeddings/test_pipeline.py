"""Pictures are decoded in threads, in order, whatever is among them, with a bound on what is read ahead."""

import io
import threading

import numpy as np
import pytest
from PIL import Image

from odd_pictures import photograph
from showtell.data.sources.base import RawPicture
from showtell.embeddings.pipeline import in_batches, in_order, prepared
from showtell.images.decode import DecodeOptions
from showtell.images.preprocessing import Preprocessing

PREPROCESSING = Preprocessing(size=16)
DATA = photograph()


def test_what_is_no_picture_is_one_result_with_its_error_and_ends_nothing(tmp_path):
    (tmp_path / "a.jpg").write_bytes(DATA)
    with open(tmp_path / "a.jpg", "rb") as file:
        array = np.zeros((8, 8, 3), np.int64)
        stream = [None, DATA, float("nan"), 3, file, io.BytesIO(DATA), object(), array, ["a.jpg"], tmp_path / "a.jpg"]
        found = list(prepared([*stream, None], PREPROCESSING))
    assert [bool(one.error) for one in found] == [True, False, True, True, False, False, True, False, True, False, True]
    assert [one.error.split(":")[0] for one in found if one.error] == [
        "None is no picture",
        "a value of type float is no picture",
        "a value of type int is no picture",
        "a value of type object is no picture",
        "a value of type list is no picture",
        "None is no picture",
    ]
    assert found[4].name == found[9].name == str(tmp_path / "a.jpg")
    assert [one.name for one in found if one.error] == [""] * 6
    assert np.array_equal(found[4].square, found[1].square)


def test_a_picture_brings_along_how_far_it_is_to_be_decoded():
    pictures = [RawPicture("a", DATA, decoding=DecodeOptions(100, drafts=False)), RawPicture("b", DATA)]
    pictures.append(RawPicture("c", DATA[:-200], decoding=DecodeOptions(lenient=True)))
    errors = [one.error for one in prepared(pictures, PREPROCESSING)]
    assert errors == ["the picture has 64 x 48 pixels, more than 100", "", ""]


@pytest.mark.parametrize(
    ("make", "held"),
    [
        (lambda: RawPicture("x", bytes(100 << 20)), 4),
        (lambda: bytes(100 << 20), 4),
        (lambda: np.zeros((10, 10 << 20), np.uint8), 4),
        (lambda: Image.new("L", (5 << 10, 5 << 10)), 4),
        (lambda: "a path", 33),
    ],
    ids=["raw", "bytes", "array", "image", "path"],
)
def test_what_is_read_ahead_is_bounded_in_bytes(make, held):
    taken = []

    def stream():
        for number in range(40):
            taken.append(number)
            yield make()

    done = in_order(stream(), lambda picture: threading.Event().wait(0.001), ahead=32, workers=2)
    for count, _ in enumerate(done):
        assert len(taken) - count <= held
    assert len(taken) == 40


def test_no_more_than_what_is_read_ahead_stays_in_memory():
    alive, most = set(), []

    class Piece(bytes):
        def __init__(self, *_):
            alive.add(id(self))
            most.append(len(alive))

        def __del__(self):
            alive.discard(id(self))

    def stream():
        for _ in range(20):
            yield Piece(60 << 20)

    assert len(list(in_order(stream(), len, ahead=32, workers=2))) == 20
    assert max(most) <= 7  # five that wait are 300 MiB; one is being read, and one just done


@pytest.mark.parametrize("failure", [KeyError("lost"), OSError("gone")])
def test_what_came_before_the_failure_of_a_stream_is_given_first(failure):
    def stream():
        yield from range(5)
        raise failure

    def collect(results):
        found = []
        with pytest.raises(type(failure)):
            found.extend(iter(results))  # what was given before the failure is in it
        return found

    assert collect(in_order(stream(), lambda one: one, workers=2)) == list(range(5))
    assert collect(in_batches(in_order(stream(), lambda one: one), lambda batch: batch, size=2)) == list(range(5))
