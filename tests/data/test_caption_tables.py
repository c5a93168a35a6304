"""Caption files as people have them: tables of other programs, lists and mappings, texts beside pictures."""

import io
import json
import tarfile
import zipfile

import pytest
from PIL import Image

from showtell.data.captions.caption_set import align, read_captions
from showtell.data.captions.registry import caption_formats
from showtell.data.sources.picture_source import PictureSource
from showtell.errors import InputError, MissingExtra

EXPECTED = {"a.jpg": ("a ball, on grass", "green grass"), "b.jpg": ("a dog",)}
ROWS = [("a.jpg", "a ball, on grass"), ("a.jpg", "green grass"), ("b.jpg", "a dog")]


def table(delimiter=",", header=("image", "caption"), end="\n", quote='"'):
    lines = [delimiter.join(header), *(delimiter.join((name, f"{quote}{text}{quote}")) for name, text in ROWS)]
    return end.join(lines) + end


def picture():
    data = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(data, "JPEG")
    return data.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "notes"),
    [
        ("c.csv", table().encode(), ()),
        ("c.csv", table(";").encode(), ("fields are divided by semicolons",)),
        ("c.csv", table("\t").encode(), ("fields are divided by tabs",)),
        ("c.tsv", table(",").encode(), ("fields are divided by commas",)),
        ("c.txt", table(";").encode(), ("fields are divided by semicolons",)),
        ("c.csv", ("sep=;\r\n" + table(";", end="\r\n")).encode(), ("fields are divided by semicolons",)),
        (
            "c.csv",
            table("\t").encode("utf-16"),
            ("it is not UTF-8 and is read as UTF-16", "fields are divided by tabs"),
        ),
        (
            "c.csv",
            table("\t").encode("utf-16-le"),
            ("it is not UTF-8 and is read as UTF-16", "fields are divided by tabs"),
        ),
        ("c.csv", table().encode("utf-8-sig"), ()),
        (
            "c.csv",
            table("| ", ("image_name", "caption"), quote="").encode(),
            ("fields are divided by bars", "names are taken from 'image_name', captions from 'caption'"),
        ),
        (
            "c.csv",
            table(header=("Image", "CAPTION")).encode(),
            ("names are taken from 'Image', captions from 'CAPTION'",),
        ),
        (
            "c.csv",
            table(header=("file_name", "text")).encode(),
            ("names are taken from 'file_name', captions from 'text'",),
        ),
    ],
)
def test_a_table_is_read_however_it_is_divided_encoded_and_headed_and_that_is_said(tmp_path, name, data, notes):
    (tmp_path / name).write_bytes(data)
    found = read_captions(tmp_path / name)
    assert found.captions == EXPECTED
    assert found.notes == notes


def test_accents_of_windows_are_read_and_named(tmp_path):
    (tmp_path / "c.csv").write_bytes("image,caption\na.jpg,un café à Paris – déjà vu\n".encode("cp1252"))
    found = read_captions(tmp_path / "c.csv")
    assert found.captions == {"a.jpg": ("un café à Paris – déjà vu",)}
    assert found.notes == ("it is not UTF-8 and is read as Windows-1252",)


def test_ragged_rows_keep_what_they_have_and_lack_nothing_in_silence(tmp_path):
    text = 'image,caption\na.jpg,"a ball, on grass",,\na.jpg,green grass,\nb.jpg\nb.jpg,a dog\n'
    (tmp_path / "c.csv").write_text(text)
    found = read_captions(tmp_path / "c.csv")
    assert found.captions == EXPECTED
    assert found.notes == (f"1 row has no caption and is left out, first {tmp_path}/c.csv, line 4",)
    (tmp_path / "d.csv").write_text("image,caption\na.jpg,a ball, on grass\n")
    with pytest.raises(InputError, match="line 2: 3 fields where the header has 2"):
        read_captions(tmp_path / "d.csv")


def test_flickr30ks_table_with_its_broken_row_is_read(tmp_path):
    lines = [
        "image_name| comment_number| comment",
        "a.jpg| 0| A ball .",
        'a.jpg| 1| "Green" grass .',
        "b.jpg| 4   A dog .",
    ]
    (tmp_path / "results.csv").write_text("\n".join(lines) + "\n")
    found = read_captions(tmp_path / "results.csv")
    assert found.captions == {"a.jpg": ("A ball .", '"Green" grass .')}
    assert any("1 row has no caption" in note for note in found.notes)


def test_a_column_that_is_named_is_taken_and_no_other(tmp_path):
    (tmp_path / "c.csv").write_text("image,file,caption,Deutsch\nx,a.jpg,no,ein Ball\n")
    found = read_captions(tmp_path / "c.csv", picture_column="file", caption_column="deutsch")
    assert found.captions == {"a.jpg": ("ein Ball",)}
    with pytest.raises(InputError, match="no column 'english': the columns are 'image', 'file', 'caption', 'Deutsch'"):
        read_captions(tmp_path / "c.csv", caption_column="english")


def test_an_excel_workbook_is_read_by_its_first_sheet(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Image", "Caption", None])
    for row in ROWS:
        sheet.append([*row, None])
    sheet.append([7, "a number for a name"])
    book.save(tmp_path / "c.xlsx")
    found = read_captions(tmp_path / "c.xlsx")
    assert found.captions == EXPECTED | {"7": ("a number for a name",)}
    (tmp_path / "d.xlsx").write_bytes((tmp_path / "c.xlsx").read_bytes()[:900])
    with pytest.raises(InputError, match=r"d\.xlsx: not a complete Excel workbook"):
        read_captions(tmp_path / "d.xlsx")
    (tmp_path / "e.csv").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with pytest.raises(InputError, match=r"an old Excel workbook: save it as \.xlsx or as CSV"):
        read_captions(tmp_path / "e.csv")


def test_without_openpyxl_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with zipfile.ZipFile(tmp_path / "c.xlsx", "w") as archive:
        archive.writestr("x", "")
    with pytest.raises(MissingExtra, match=r"pip install 'showtell\[excel\]'"):
        read_captions(tmp_path / "c.xlsx")


@pytest.mark.parametrize(
    ("name", "value", "format"),
    [
        (
            "c.json",
            [{"image": "a.jpg", "caption": list(EXPECTED["a.jpg"])}, {"image": "b.jpg", "caption": "a dog"}],
            "records",
        ),
        (
            "c.json",
            [{"image": name, "image_id": f"x_{i}", "caption": text} for i, (name, text) in enumerate(ROWS)],
            "records",
        ),
        ("c.json", {"a.jpg": list(EXPECTED["a.jpg"]), "b.jpg": "a dog"}, "mapping"),
        ("c.json", {"a.jpg": ["a ball, on grass", "green grass", None], "b.jpg": ["a dog"]}, "mapping"),
    ],
)
def test_blips_lists_and_mappings_are_read(tmp_path, name, value, format):
    (tmp_path / name).write_text(json.dumps(value, indent=1))
    assert read_captions(tmp_path / name).captions == EXPECTED
    assert read_captions(tmp_path / name, format=format).captions == EXPECTED


def test_hugging_faces_metadata_is_read(tmp_path):
    lines = [{"file_name": name, "text": text} for name, text in ROWS]
    (tmp_path / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = read_captions(tmp_path / "metadata.jsonl")
    assert found.captions == EXPECTED
    assert found.notes == ("names are taken from 'file_name', captions from 'text'",)


def test_cocos_ids_may_be_texts_and_objects_may_lie_among_captions(tmp_path):
    value = {
        "images": [{"id": "1", "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
        "annotations": [
            {"image_id": 1, "caption": "a ball, on grass"},
            {"image_id": 1, "bbox": [0, 0, 1, 1], "category_id": 3},
            {"image_id": "1", "caption": "green grass"},
            {"image_id": "2", "caption": None},
            {"image_id": "2", "caption": "a dog"},
        ],
    }
    (tmp_path / "c.json").write_text(json.dumps(value))
    found = read_captions(tmp_path / "c.json")
    assert (found.captions, found.blank) == (EXPECTED, 1)
    assert found.notes == ("1 annotations of objects have no caption and are left out",)


def test_null_captions_are_counted_in_every_format_that_can_have_them(tmp_path):
    karpathy = {"images": [{"filename": "a.jpg", "sentences": [{"raw": None}, {"raw": "a ball"}]}]}
    for name, text in (
        ("k.json", json.dumps(karpathy)),
        ("l.jsonl", '{"image": "a.jpg", "caption": [null, "a ball"]}\n'),
        ("m.jsonl", '{"image": "a.jpg", "caption": null}\n{"image": "a.jpg", "caption": "a ball"}\n'),
        ("n.json", '{"a.jpg": [null, "a ball"]}'),
        ("o.csv", "image,caption\na.jpg,\na.jpg,a ball\n"),
    ):
        (tmp_path / name).write_text(text)
        found = read_captions(tmp_path / name)
        assert (found.captions, found.blank, found.splits) == ({"a.jpg": ("a ball",)}, 1, {}), name


TEXTS = {"a.jpg.txt": "a ball, on grass\ngreen grass\n", "b.txt": "a dog", "sub/c.caption": "a cat\r\n", "d.md": "no"}
BESIDE = {**EXPECTED, "sub/c.jpg": ("a cat",)}


def put(folder):
    for name in ("a.jpg", "b.jpg", "sub/c.jpg", "d.jpg"):
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_bytes(picture())
    for name, text in TEXTS.items():
        (folder / name).write_text(text)


def test_texts_beside_pictures_are_captions_in_folders_zips_and_tars(tmp_path):
    folder = tmp_path / "photos"
    put(folder)
    members = [*TEXTS, "a.jpg", "b.jpg", "sub/c.jpg", "d.jpg"]
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for name in members:
            archive.write(folder / name, name)
    for end, mode in (("tar", "w"), ("tar.gz", "w:gz")):
        with tarfile.open(tmp_path / f"p.{end}", mode) as tar:
            for name in members:
                tar.add(folder / name, name)
    for path in (folder, tmp_path / "p.zip", tmp_path / "p.tar", tmp_path / "p.tar.gz"):
        assert read_captions(path).captions == BESIDE, path


def test_the_text_of_the_whole_name_comes_first_and_none_at_all_is_an_error(tmp_path):
    (tmp_path / "a.jpg").write_bytes(picture())
    with pytest.raises(InputError, match=r"no picture has a text beside it, such as a\.jpg\.txt"):
        read_captions(tmp_path)
    (tmp_path / "a.caption").write_text("third")
    assert read_captions(tmp_path).captions == {"a.jpg": ("third",)}
    (tmp_path / "a.txt").write_text("second")
    assert read_captions(tmp_path).captions == {"a.jpg": ("second",)}
    (tmp_path / "a.jpg.txt").write_bytes("première".encode("cp1252"))
    found = read_captions(tmp_path)
    assert found.captions == {"a.jpg": ("première",)}
    assert found.notes == ("1 texts are not UTF-8 and are read as Windows-1252",)


def test_a_text_column_of_parquet_belongs_to_the_pictures_of_its_rows(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    images = [{"bytes": picture(), "path": name} for name in ("x.jpg", "y.jpg")]
    pq.write_table(pa.table({"image": images, "text": ["a ball", None]}), tmp_path / "t.parquet")
    found = read_captions(tmp_path / "t.parquet")
    assert (found.captions, found.blank) == ({"x.jpg": ("a ball",)}, 1)
    pq.write_table(pa.table({"image": images, "captions": [["one", "two"], ["three"]]}), tmp_path / "l.parquet")
    assert read_captions(tmp_path / "l.parquet").captions == {"x.jpg": ("one", "two"), "y.jpg": ("three",)}
    pq.write_table(pa.table({"file_name": ["a.jpg"], "caption": ["a ball"]}), tmp_path / "n.parquet")
    assert read_captions(tmp_path / "n.parquet").captions == {"a.jpg": ("a ball",)}
    pq.write_table(pa.table({"who": ["a.jpg"], "caption": ["a ball"]}), tmp_path / "w.parquet")
    with pytest.raises(InputError, match="no column 'image': the columns are 'who', 'caption'"):
        read_captions(tmp_path / "w.parquet")


def test_names_match_exactly_then_by_unicode_form_then_without_case(tmp_path):
    composed, decomposed = "caf\u00e9.jpg", "cafe\u0301.jpg"
    (tmp_path / "c.csv").write_text(f"image,caption\n{composed},a café\nDOG.JPG,a dog\ncat.jpg,a cat\n")
    found = read_captions(tmp_path / "c.csv")
    aligned = align([f"x/{decomposed}", "dog.jpg", "cat.jpg", "Cat.jpg"], found)
    assert aligned.captions == {f"x/{decomposed}": ("a café",), "dog.jpg": ("a dog",), "cat.jpg": ("a cat",)}
    assert aligned.notes == (
        f"1 name matches in another Unicode form, such as {composed!r}",
        "1 name matches in other case, such as 'DOG.JPG'",
    )
    assert aligned.summary().endswith("; ".join(aligned.notes))
    (tmp_path / "d.csv").write_text("image,caption\na.jpg,one\nA.jpg,two\n")
    alone = align(["a.jpg"], read_captions(tmp_path / "d.csv"))
    assert (alone.captions, alone.without_pictures) == ({"a.jpg": ("one",)}, ("A.jpg",))
    (tmp_path / "e.csv").write_text("image,caption\nB.JPG,one\n")
    with pytest.raises(InputError, match=r"'B\.JPG' may be the picture 'b\.jpg' or 'b\.Jpg'"):
        align(["b.jpg", "b.Jpg"], read_captions(tmp_path / "e.csv"))


def test_every_format_has_a_line_of_help_and_a_title():
    for one in caption_formats().values():
        assert one.help
        assert "\n" not in one.help
        assert one.title


def test_data_check_says_how_a_table_was_read(showtell, photos, tmp_path):
    rows = ["image;caption", *(f"{i}.png;un café" for i in range(10))]
    (tmp_path / "c.csv").write_bytes("\n".join(rows).encode("cp1252"))
    result = showtell("data", "check", "--pictures", photos, "--captions", tmp_path / "c.csv")
    said = " ".join(result.out.split())
    assert "note it is not UTF-8 and is read as Windows-1252" in said
    assert "note fields are divided by semicolons" in said


def test_cells_that_were_made_safe_for_spreadsheets_are_read_as_they_were(tmp_path):
    (tmp_path / "c.csv").write_text("image,caption\n'=1+1.jpg,'+a ball\n")
    assert read_captions(tmp_path / "c.csv").captions == {"=1+1.jpg": ("+a ball",)}


def test_texts_beside_pictures_are_read_where_a_name_leaves_no_room_for_one(tmp_path):
    for name in ("a.jpg", "b" * 251 + ".jpg"):
        (tmp_path / name).write_bytes(picture())
    (tmp_path / "a.jpg.txt").write_text("a dog\n")
    assert dict(read_captions(tmp_path).captions) == {"a.jpg": ("a dog",)}


def test_a_list_of_the_longest_name_is_a_list(tmp_path):
    path = tmp_path / ("l" * 251 + ".txt")
    (tmp_path / "a.jpg").write_bytes(picture())
    path.write_text("a.jpg\n")
    assert PictureSource(str(path)).names() == ["a.jpg"]
