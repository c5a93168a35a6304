"""Caption files of every format, malformed ones in words, and their match with pictures."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from showtell.data.captions.caption_set import Alignment, CaptionSet, align, read_captions
from showtell.data.captions.registry import caption_formats
from showtell.data.sources.picture_source import PictureSource
from showtell.errors import InputError

COCO: dict[str, Any] = {
    "images": [{"id": 7, "file_name": "b.jpg"}, {"id": 3, "file_name": "a.jpg"}, {"id": 4, "file_name": "mute.jpg"}],
    "annotations": [
        {"id": 1, "image_id": 3, "caption": "A cat."},
        {"id": 2, "image_id": 7, "caption": "A dog. "},
        {"id": 3, "image_id": 3, "caption": "One cat"},
    ],
}
KARPATHY: dict[str, Any] = {
    "dataset": "flickr8k",
    "images": [
        {"filename": "a.jpg", "split": "train", "sentences": [{"raw": "A cat."}, {"raw": "One cat"}]},
        {"filename": "b.jpg", "split": "restval", "sentences": [{"raw": "A dog."}]},
        {"filename": "c.jpg", "split": "test", "sentences": [{"raw": "A bird."}]},
    ],
}
EXPECTED = {"a.jpg": ("A cat.", "One cat"), "b.jpg": ("A dog.",)}


def _write(path: Path, content: object) -> Path:
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_bytes(text.encode())
    return path


def _zip(path: Path, files: dict[str, object]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, str) else json.dumps(content))
    return path


def _message(path: Path, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_captions(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_coco_captions_are_gathered_by_file_name(tmp_path: Path) -> None:
    captions = read_captions(_write(tmp_path / "c.json", COCO))
    assert captions == CaptionSet(EXPECTED, {}, str(tmp_path / "c.json"))
    assert list(captions.captions) == ["a.jpg", "b.jpg"], "in the order of the annotations"


def test_karpathy_captions_come_with_splits(tmp_path: Path) -> None:
    captions = read_captions(_write(tmp_path / "k.json", KARPATHY))
    assert captions.captions == {**EXPECTED, "c.jpg": ("A bird.",)}
    assert captions.splits == {"a.jpg": "train", "b.jpg": "restval", "c.jpg": "test"}


def test_karpathy_names_of_coco_pictures_hold_their_folder(tmp_path: Path) -> None:
    image = {"filepath": "val2014", "filename": "x.jpg", "split": "val", "sentences": [{"raw": "A cat."}]}
    assert list(read_captions(_write(tmp_path / "k.json", {"images": [image]})).captions) == ["val2014/x.jpg"]


def test_splits_are_chosen_one_or_several(tmp_path: Path) -> None:
    captions = read_captions(_write(tmp_path / "k.json", KARPATHY))
    assert list(captions.only("train").captions) == ["a.jpg"]
    both = captions.only("restval", "train")
    assert (both.captions, both.splits) == (EXPECTED, {"a.jpg": "train", "b.jpg": "restval"})
    with pytest.raises(InputError, match="has no split 'dev': its splits are restval, test, train"):
        captions.only("train", "dev")
    with pytest.raises(InputError, match="has no splits"):
        read_captions(_write(tmp_path / "c.json", COCO)).only("train")


FLICKR = "a.jpg#0\tA cat.\nb.jpg#0\tA dog.\r\n\na.jpg#1\tOne cat\n"


def test_flickr_token_files_are_read_with_lists_of_splits(tmp_path: Path) -> None:
    path = _write(tmp_path / "Flickr8k.token.txt", FLICKR)
    lists = {"train": _write(tmp_path / "t", "a.jpg\nmute.jpg\n"), "dev": _write(tmp_path / "d", "b.jpg")}
    captions = read_captions(path, split_lists=lists)
    assert captions.captions == EXPECTED
    assert captions.splits == {"a.jpg": "train", "mute.jpg": "train", "b.jpg": "dev"}


def test_flickr30k_lists_lack_the_suffix(tmp_path: Path) -> None:
    path = _write(tmp_path / "results_20130124.token", FLICKR)
    captions = read_captions(path, split_lists={"train": _write(tmp_path / "train.txt", "a\nb\n")})
    assert captions.splits == {"a.jpg": "train", "b.jpg": "train"}


def test_a_name_in_two_split_lists_is_told_with_its_line(tmp_path: Path) -> None:
    path = _write(tmp_path / "f.txt", FLICKR)
    lists = {"train": _write(tmp_path / "t", "a.jpg\n"), "dev": _write(tmp_path / "d", "\nb.jpg\na.jpg\n")}
    expected = f"{tmp_path}/d, line 3: 'a.jpg' is in split 'dev' here and in 'train' elsewhere"
    assert _message(path, split_lists=lists) == expected


def test_csv_fields_may_be_quoted_and_hold_commas_quotes_and_newlines(tmp_path: Path) -> None:
    text = '\ufeffid,image,caption\r\n1,a.jpg,"A cat, ""black""\nand white"\r\n\r\n2,b.jpg,A dog.\r\n'
    captions = read_captions(_write(tmp_path / "c.csv", text))
    assert captions.captions == {"a.jpg": ('A cat, "black"\nand white',), "b.jpg": ("A dog.",)}


def test_tsv_and_other_column_names_are_read(tmp_path: Path) -> None:
    path = _write(tmp_path / "c.tsv", "part\ttext\tfile\ntrain\tA cat.\tpics\\a.jpg\ntest\tA dog.\t./b.jpg\n")
    captions = read_captions(path, picture_column="file", caption_column="text", split_column="part")
    assert captions.captions == {"pics/a.jpg": ("A cat.",), "b.jpg": ("A dog.",)}
    assert captions.splits == {"pics/a.jpg": "train", "b.jpg": "test"}


@pytest.mark.parametrize(("name", "format"), [("c.jsonl", "auto"), ("c.txt", "auto"), ("c.json", "jsonl")])
def test_json_lines_hold_one_caption_or_a_list(tmp_path: Path, name: str, format: str) -> None:
    lines = [
        {"image": "a.jpg", "caption": ["A cat.", "One cat"], "s": "x"},
        {"image": "b.jpg", "caption": "A dog.", "s": "y"},
    ]
    path = _write(tmp_path / name, "\n\n".join(map(json.dumps, lines)) + "\n")
    captions = read_captions(path, format=format, split_column="s")
    assert captions.captions == EXPECTED
    assert captions.splits == {"a.jpg": "x", "b.jpg": "y"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x", COCO),
        ("x", json.dumps(COCO, indent=1)),
        ("x", json.dumps({**KARPATHY, "images": KARPATHY["images"][:2]})),
        ("x", FLICKR),
        ("x.csv", FLICKR),
        ("x", '"image","caption"\na.jpg,A cat.\nb.jpg,A dog.\na.jpg,One cat\n'),
        ("x.txt", "caption\timage\nA cat.\ta.jpg\nA dog.\tb.jpg\nOne cat\ta.jpg\n"),
        ("x", '{"image": "a.jpg", "caption": ["A cat.", "One cat"]}\n{"image": "b.jpg", "caption": "A dog."}'),
    ],
)
def test_the_format_is_told_from_the_content(tmp_path: Path, name: str, content: object) -> None:
    assert read_captions(_write(tmp_path / name, content)).captions == EXPECTED


def test_blank_captions_are_dropped_and_counted(tmp_path: Path) -> None:
    captions = read_captions(_write(tmp_path / "c.csv", "image,caption\na.jpg,A cat.\na.jpg,  \nb.jpg,\n"))
    assert (captions.captions, captions.blank) == ({"a.jpg": ("A cat.",)}, 2)


def test_a_zip_with_one_caption_file_needs_no_member(tmp_path: Path) -> None:
    path = _zip(
        tmp_path / "c.zip", {"annotations/captions_x.json": COCO, "annotations/instances_x.json": {}, "r.md": ""}
    )
    captions = read_captions(path)
    assert captions.captions == EXPECTED
    assert captions.path == f"{tmp_path}/c.zip/annotations/captions_x.json"


def test_a_zip_with_two_caption_files_needs_a_member_by_name_or_stem(tmp_path: Path) -> None:
    other = {**COCO, "annotations": [{"image_id": 4, "caption": "Other."}]}
    names = ("annotations/captions_train2014.json", "annotations/captions_val2014.json")
    path = _zip(tmp_path / "c.zip", {names[0]: COCO, names[1]: other})
    assert _message(path).endswith(f"it has {names[0]}, {names[1]}: name the member to read")
    for member in (names[1], "captions_val2014.json", "captions_val2014"):
        assert read_captions(path, member=member).captions == {"mute.jpg": ("Other.",)}
    assert f"no single file 'val'; it has {names[0]}, {names[1]}" in _message(path, member="val")


def test_a_path_may_lead_into_a_zip_for_captions_and_for_lists_of_splits(tmp_path: Path) -> None:
    path = _zip(tmp_path / "text.zip", {"Flickr.token.txt": FLICKR, "lists/train.txt": "a.jpg\n"})
    captions = read_captions(path / "Flickr.token.txt", split_lists={"train": path / "lists" / "train.txt"})
    assert captions.captions == EXPECTED
    assert captions.splits == {"a.jpg": "train"}
    assert "no single file 'val.txt'; it has Flickr.token.txt, lists/train.txt" in _message(path / "val.txt")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("c.json", '{"images": [],\n "annotations": [}', ", line 2: not JSON (Expecting value)"),
        ("c.json", {"annotations": []}, ": no 'images', only 'annotations'"),
        ("c.json", {**COCO, "annotations": [{"image_id": 3}]}, ", annotations[0]: no 'caption', only 'image_id'"),
        ("c.json", {**COCO, "annotations": [*COCO["annotations"], 5]}, ", annotations[3]: not a JSON object"),
        (
            "c.json",
            {**COCO, "annotations": [{"image_id": 9, "caption": "x"}]},
            ", annotations[0]: image_id 9 is none of the images",
        ),
        (
            "c.json",
            {**COCO, "annotations": [{"image_id": 3, "caption": 5}]},
            ", annotations[0]: 'caption' is int, not str",
        ),
        ("c.json", {**COCO, "annotations": [{"image_id": 3, "caption": None}]}, ": has no captions"),
        ("c.json", {**COCO, "images": [{"id": True, "file_name": "a"}]}, ", images[0]: 'id' is bool, not int or str"),
        ("c.json", {**COCO, "images": COCO["images"][:1] * 2}, ", images[1]: the id 7 was used before"),
        (
            "c.json",
            {**COCO, "images": [{"id": 1, "file_name": "a"}, {"id": 2, "file_name": "a"}]},
            ", images[1]: the file_name 'a' was used before, in images[0]",
        ),
        ("c.json", {**COCO, "annotations": []}, ": has no captions"),
        (
            "c.json",
            {"images": [{"split": "x", "sentences": []}]},
            ", images[0]: no 'filename', only 'split', 'sentences'",
        ),
        (
            "c.json",
            {"images": [{"filename": "a", "split": "x", "sentences": [{"raw": "x"}, {"tokens": []}]}]},
            ", images[0].sentences[1]: no 'raw', only 'tokens'",
        ),
        ("f.txt", FLICKR + "no tab here\n", ", line 5: not of the form name#k<TAB>caption"),
        (
            "c.csv",
            "who,what\na,b\n",
            ", line 1: no column 'image': the columns are 'who', 'what'; name those for picture and caption with "
            "--picture-column and --caption-column",
        ),
        (
            "c.csv",
            'image,caption\na.jpg,"two\nlines"\n\nb.jpg,one, two\n',
            ', line 5: 3 fields where the header has 2: put captions that hold the delimiter in "quotes"',
        ),
        (
            "c.csv",
            'image,caption\na.jpg,x\nb.jpg,"never closed\n\n',
            ", line 3: bad quoting (unexpected end of data): inside quotes, double every quote",
        ),
        ("c.csv", "image,caption\n ,x\n", ", line 2: the picture's name is empty"),
        ("c.csv", "", ": has no captions"),
        ("c.csv", "image,caption\n", ": has no captions"),
        ("c.jsonl", '{"image": "a", "caption": "x"}\n{"image": "b"\n', ", line 2: not JSON (Expecting ',' delimiter)"),
        ("c.jsonl", '{"image": "a"}', ", line 1: no 'caption', only 'image'"),
        ("c.jsonl", '\n{"image": "a", "caption": ["x", 5]}', ", line 2: 'caption' holds something other than text"),
        ("c.jsonl", '{"image": "a", "caption": {}}', ", line 1: 'caption' is dict, not str or list"),
        (
            "c.jsonl",
            '{"image": "a", "caption": "\\ud83d"}',
            ", line 1: half of a character (a lone surrogate): correct the escape",
        ),
    ],
)
def test_a_malformed_file_is_told_with_its_line_or_record(
    tmp_path: Path, name: str, content: object, expected: str
) -> None:
    path = _write(tmp_path / name, content)
    assert _message(path) == f"{path}{expected}"


@pytest.mark.parametrize("content", ["just words\n", "[1, 2]", '{"images": []}\n', "", "name/text\na/b\n"])
def test_a_file_of_no_known_format_says_which_there_are(tmp_path: Path, content: str) -> None:
    message = _message(_write(tmp_path / "c.txt", content))
    if content.startswith("{"):
        assert message.endswith("line 1: no 'image', only 'images'")
    else:
        _, _, listed = message.partition(": none of the caption formats: ")
        assert listed == ", ".join(one.title for one in caption_formats().values())
        assert "COCO JSON" in listed


@pytest.mark.parametrize(
    "content", ["[" * 100_000, '{"annotations": ' + "9" * 5000 + "}", '{"image": ' + "9" * 5000 + "}"]
)
def test_json_that_python_refuses_is_an_input_error(tmp_path: Path, content: str) -> None:
    assert _message(_write(tmp_path / "c.json", content)).startswith(f"{tmp_path}/c.json")
    assert _message(_write(tmp_path / "c.jsonl", content)).startswith(f"{tmp_path}/c.jsonl, line 1")


def test_text_that_is_not_utf8_is_told_with_line_and_byte(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_bytes(b"image,caption\na.jpg,caf\xe9\x81\n")  # Windows-1252 has no 0x81 either
    assert _message(path) == f"{path}, line 2: not UTF-8 text (byte 23): save it as UTF-8"


def test_a_file_that_cannot_be_there_is_told(tmp_path: Path) -> None:
    assert _message(tmp_path / "none") == f"{tmp_path}/none: does not exist"
    assert f"{tmp_path}: no pictures (" in _message(tmp_path)
    path = _write(tmp_path / "c.json", COCO)
    assert _message(path, member="x") == f"{path}: not a zip, so it has no member 'x'"
    known = ", ".join(caption_formats())
    assert _message(path, format="xml") == f"caption format 'xml' is unknown: choose one of auto, {known}"
    assert {"coco", "karpathy", "flickr", "csv", "tsv", "jsonl"} <= set(caption_formats())


def test_a_damaged_zip_of_captions_is_told(tmp_path: Path) -> None:
    path = _zip(tmp_path / "c.zip", {"captions.json": COCO})
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    assert f"{path}/captions.json: cannot be read from the zip" in _message(path)
    path.write_bytes(data[:100])
    assert "not a complete zip file" in _message(path)


def _set(**captions: str) -> CaptionSet:
    return CaptionSet({name.replace("__", "/") + ".jpg": (text,) for name, text in captions.items()}, {}, "c.json")


def test_names_match_in_full_or_by_file_name() -> None:
    captions = _set(a="A", train__b="B", gone="G", other__c="C")
    captions.splits.update({"a.jpg": "train", "gone.jpg": "train", "other/c.jpg": "val"})
    assert align(["pics/c.jpg", "x/a.jpg", "train/b.jpg", "alone.jpg"], captions) == Alignment(
        names=("pics/c.jpg", "x/a.jpg", "train/b.jpg"),
        captions={"pics/c.jpg": ("C",), "x/a.jpg": ("A",), "train/b.jpg": ("B",)},
        splits={"pics/c.jpg": "val", "x/a.jpg": "train"},
        without_captions=("alone.jpg",),
        without_pictures=("gone.jpg",),
    )


def test_a_full_name_tells_namesakes_apart() -> None:
    alignment = align(["train/1.jpg", "val/1.jpg"], _set(val__1="V", train__1="T"))
    assert alignment.captions == {"train/1.jpg": ("T",), "val/1.jpg": ("V",)}


def test_a_file_name_that_two_pictures_share_names_both() -> None:
    with pytest.raises(InputError, match=r"c\.json: '1\.jpg' may be the picture 'train/1\.jpg' or 'val/1\.jpg'"):
        align(["train/1.jpg", "val/1.jpg"], _set(**{"1": "?"}))
    align(["train/1.jpg", "val/1.jpg", "2.jpg"], _set(**{"2": "fine: no caption uses the shared name"}))


def test_two_captioned_names_never_share_one_picture() -> None:
    with pytest.raises(InputError, match=r"'a/1\.jpg' and '1\.jpg' both match the one picture 'a/1\.jpg'"):
        align(["a/1.jpg"], _set(**{"1": "?", "a__1": "!"}))


def test_no_match_at_all_shows_a_name_of_each_side() -> None:
    with pytest.raises(
        InputError, match=r"c\.json: its names match no picture: it has 'a\.jpg', the pictures have 'x\.png'"
    ):
        align(["x.png", "y.png"], _set(a="A"))
    with pytest.raises(InputError, match="nothing to match: 0 pictures, 1 captioned"):
        align([], _set(a="A"))


def test_the_summary_is_one_line_for_people() -> None:
    many = tuple(map(str, range(6000)))
    alignment = Alignment(many, {}, {}, many[:12], many[:1])
    expected = "6,000 pictures with captions; 12 pictures without captions; 1 captioned name without a picture"
    assert alignment.summary() == expected
    assert Alignment(many[:1], {}, {}, (), ()).summary() == "1 picture with captions"


def test_flickr8k_says_the_same_in_karpathys_form_and_its_own(shared_data: Path) -> None:
    folder = shared_data / "flickr8k"
    lists = {"train": folder / "Flickr_8k.trainImages.txt", "val": folder / "Flickr_8k.devImages.txt"}
    flickr = read_captions(folder / "Flickr8k.token.txt", split_lists=lists)
    karpathy = read_captions(folder / "dataset_flickr8k.json")
    assert flickr.captions == karpathy.captions
    assert flickr.splits == karpathy.splits
    assert (len(flickr.captions), sum(map(len, flickr.captions.values()))) == (7000, 35000)
    alignment = align(PictureSource(folder / "val.zip").names(), karpathy.only("val"))
    assert alignment.summary() == "1,000 pictures with captions"


def test_the_coco_sample_aligns_picture_by_picture(shared_data: Path) -> None:
    names = PictureSource(shared_data / "coco" / "train2014_sample.zip").names()
    alignment = align(names, read_captions(shared_data / "coco" / "captions_sample.zip"))
    assert alignment.names == tuple(names)
    assert alignment.summary() == "100 pictures with captions"
    assert all(len(texts) >= 5 for texts in alignment.captions.values())


def test_coco_val2017_is_read_whole(shared_data: Path) -> None:
    captions = read_captions(shared_data / "coco" / "captions_val2017.json")
    assert (len(captions.captions), sum(map(len, captions.captions.values())), captions.blank) == (5000, 25014, 0)
