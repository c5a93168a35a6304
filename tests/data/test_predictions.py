"""Predictions of every form, and finding their pictures among the references."""

import json
from pathlib import Path

import pytest

from showtell.data.captions.caption_set import read_captions
from showtell.data.captions.predictions import pair, read_predictions
from showtell.errors import InputError

COCO = {
    "images": [{"id": 7, "file_name": "b.jpg"}, {"id": 3, "file_name": "a.jpg"}],
    "annotations": [
        {"id": 1, "image_id": 3, "caption": "A cat."},
        {"id": 2, "image_id": 7, "caption": "A dog."},
        {"id": 3, "image_id": 3, "caption": "One cat"},
    ],
}
KARPATHY = {
    "images": [
        {"filename": "a.jpg", "filepath": "val2014", "cocoid": 3, "imgid": 0, "split": "test"},
        {"filename": "b.jpg", "filepath": "val2014", "cocoid": 7, "imgid": 1, "split": "test"},
        {"filename": "c.jpg", "filepath": "train2014", "cocoid": 1, "imgid": 2, "split": "train"},
    ]
}
for image in KARPATHY["images"]:
    image["sentences"] = [{"raw": f"the caption of {image['filename']}"}]

RESULTS = [{"image_id": 7, "caption": "a dog"}, {"image_id": 3, "caption": ""}]


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def paired(tmp_path, predictions, references, name="p.json", **options):
    known = read_captions(write(tmp_path / "r.json", references))
    return pair(read_predictions(write(tmp_path / name, predictions)), known, **options)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.json", RESULTS),
        ("p.json", [{"image_id": "7", "caption": "a dog"}, {"image_id": "3", "caption": ""}]),
        ("p.json", [{"image_id": "b.jpg", "caption": "a dog"}, {"image_id": "a.jpg", "caption": ""}]),
        (
            "p.jsonl",
            '{"name": "b.jpg", "caption": "a dog", "score": -1}\n{"name": "a.jpg", "caption": ""}\n',
        ),
        ("p.jsonl", '{"image_id": 7, "caption": "a dog"}\n{"image_id": 3, "caption": ""}\n'),
        ("p.csv", "name,caption,score,error\nb.jpg,a dog,-1,\na.jpg,,-2,\n"),
        ("p.csv", "image,caption\nb.jpg,a dog\na.jpg,\n"),
        ("p.tsv", "caption\timage\na dog\tb.jpg\n\ta.jpg\n"),
    ],
)
def test_every_form_finds_coco_pictures_by_id_or_name_and_keeps_empty_captions(tmp_path, name, content):
    pairs = paired(tmp_path, content, COCO, name)
    assert pairs.captions == {"a.jpg": "", "b.jpg": "a dog"}
    assert pairs.references == {"a.jpg": ("A cat.", "One cat"), "b.jpg": ("A dog.",)}
    assert list(pairs.captions) == list(pairs.references) == ["a.jpg", "b.jpg"], "in the order of the references"
    assert set(pairs.ids) == {"a.jpg", "b.jpg"}
    assert pairs.left_out == ""


@pytest.mark.parametrize(
    "keys", [(3, 7, 1), (0, 1, 2), ("a.jpg", "b.jpg", "c.jpg"), ("val2014/a.jpg", "val2014/b.jpg", "train2014/c.jpg")]
)
def test_karpathys_pictures_are_found_by_coco_id_number_file_name_or_path(tmp_path, keys):
    # 1 is a cocoid of one picture and an imgid of another: the way that fits the most predictions is taken.
    predictions = [{"image_id": key, "caption": f"number {i}"} for i, key in enumerate(keys)]
    pairs = paired(tmp_path, predictions, KARPATHY)
    assert pairs.captions == {"val2014/a.jpg": "number 0", "val2014/b.jpg": "number 1", "train2014/c.jpg": "number 2"}
    assert pairs.ids["val2014/b.jpg"] == str(keys[1])


def test_unequal_pictures_are_an_error_with_numbers_and_examples_or_are_left_out(tmp_path):
    predictions = [*RESULTS[:1], {"image_id": 99, "caption": "a bird"}]
    with pytest.raises(InputError, match=r"1 picture has no prediction, such as 'a.jpg'; 1 picture has no ref"):
        paired(tmp_path, predictions, COCO)
    pairs = paired(tmp_path, predictions, COCO, partial=True)
    assert pairs.captions == {"b.jpg": "a dog"}
    assert pairs.references == {"b.jpg": ("A dog.",)}
    assert pairs.left_out.startswith("1 picture has no prediction, such as 'a.jpg'; 1 picture has no references")


def test_a_picture_without_references_is_named(tmp_path):
    mute = {**COCO, "images": [*COCO["images"], {"id": 9, "file_name": "mute.jpg"}]}
    with pytest.raises(InputError, match=r"1 picture has no references, such as '9'"):
        paired(tmp_path, [*RESULTS, {"image_id": 9, "caption": "nothing"}], mute)


def test_pictures_of_another_data_set_are_an_error_that_shows_both(tmp_path):
    with pytest.raises(InputError, match=r"it has '5', the references have 'a.jpg' \(name\), '3' \(image_id\)"):
        paired(tmp_path, [{"image_id": 5, "caption": "a"}], COCO)


def test_two_predictions_of_one_picture_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"p\.json, record 2: '7' has several captions"):
        paired(tmp_path, [*RESULTS, RESULTS[0]], COCO)
    with pytest.raises(InputError, match=r"p\.jsonl, line 1: 'b\.jpg' has several captions"):
        paired(tmp_path, '{"name": "b.jpg", "caption": ["a dog", "a cat"]}\n', COCO, "p.jsonl")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "has no captions"),
        ([5], "record 0: not a JSON object"),
        ([{"image_id": 1}], r'record 0: not of the form \{"image_id": 1'),
        ([{"image_id": True, "caption": "a"}], "record 0: not of the form"),
        ([{"image_id": 1.5, "caption": "a"}], "record 0: not of the form"),
        ('[{"image_id": 1', "line 1: not JSON"),
        ("[" * 100_000, "JSON that is nested too deeply"),
        ("hello", "none of the caption formats"),
    ],
)
def test_malformed_results_are_an_error_of_one_line_that_names_the_record(tmp_path, content, message):
    with pytest.raises(InputError, match=message) as caught:
        read_predictions(write(tmp_path / "p.json", content))
    assert str(tmp_path / "p.json") in str(caught.value)
    assert "\n" not in str(caught.value)
