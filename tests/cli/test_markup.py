"""Names and captions with markup, formulas and control characters are text in pages, XMP, CSV and on terminals."""

import csv
import io
import json
import re
from xml.etree import ElementTree

import pytest
from rich.console import Console

from html_tree import read
from showtell.alt_text.xmp import FIELDS, changed_packet, new_packet, read_packet
from showtell.captioning.caption import Caption, Captioned
from showtell.captioning.output.gallery import show_result
from showtell.captioning.output.registry import Layout, find_output_format
from showtell.visualization.example import Example
from showtell.visualization.poster import poster

NAMES = ["<img src=x onerror=alert(1)>", "\"'><script>alert(1)</script>&amp;"]
ESCAPES = "a\x1b[2J\x9b31m\nforged.png: a lie\u202egnp"
BRACKETS = "[red]a[/blue] [link=file:///etc]b[/link]"


def results():
    for name in (*NAMES, ESCAPES, BRACKETS, "=1+1"):
        alternative = Caption(f"other {name}", -1.0, ())
        yield Captioned(f"{name}.png", Caption(name, -0.5, (), alternatives=(alternative,), guess=""))
        yield Captioned(f"bad {name}.png", None, f"damaged: {name}")


def written(format):
    file = io.StringIO()
    with find_output_format(format).open(file, Layout()) as write:
        for result in results():
            write(result)
    return file.getvalue()


def test_a_page_holds_names_and_captions_as_text():
    page = written("html")
    assert read(page).all("script") == read(page).all("img") == []
    text = read(page).text
    for name in (*NAMES, BRACKETS):
        assert text.count(name) >= 4


@pytest.mark.parametrize("text", [*NAMES, "]]> <![CDATA[ <!-- & --> <?xml?>", BRACKETS])
def test_xmp_holds_captions_as_text(text):
    packet = new_packet(text)
    assert set(read_packet(packet).texts.values()) == {text}
    changed = changed_packet(read_packet(new_packet("before")), dict.fromkeys(FIELDS, text))
    for data in (packet, changed):
        body = re.sub(rb"<\?xpacket.*?\?>", b"", data)
        assert text in ["".join(one.itertext()).strip() for one in ElementTree.fromstring(body).iter()]
        assert len(list(ElementTree.fromstring(body).iter())) == len(
            list(ElementTree.fromstring(re.sub(rb"<\?xpacket.*?\?>", b"", new_packet("plain"))).iter())
        )


def test_csv_and_json_lines_give_back_names_and_captions():
    rows = list(csv.reader(io.StringIO(written("csv"), newline="")))
    assert all(cell[:1] not in "=+@\t\r\n" or not cell for row in rows for cell in row)
    lines = [json.loads(line) for line in written("jsonl").splitlines()]
    assert [line["name"] for line in lines] == [one.name for one in results()]


def test_lines_of_text_cannot_be_forged():
    lines = written("text").splitlines()
    assert len(lines) == sum(1 + bool(one.caption) for one in results())
    assert not {"\x1b", "\x9b", "\u202e"} & set(written("text"))


def test_a_terminal_gets_names_and_captions_without_control_characters():
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=500)
    for result in results():
        show_result(console, result)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", file.getvalue())  # the console's own colors
    assert not {"\x1b", "\x9b", "\u202e"} & set(shown)
    assert not [line for line in shown.splitlines() if line.startswith("forged")]
    assert BRACKETS in shown


def test_a_poster_has_names_of_any_letters():
    poster([Example(ESCAPES, (ESCAPES,), None, "split", ESCAPES)])


def test_titles_of_tables_are_no_markup(showtell, photos, tiny_bundle, tmp_path):
    model = tmp_path / "[red]a[ or ].showtell"
    images = [
        {"filename": name, "split": "[/b]", "sentences": [{"raw": text} for text in texts]}
        for name, texts in (("0.png", ["a dog", "a big dog"]), ("1.png", ["a ball", "a red ball"]))
    ]
    (tmp_path / "c.json").write_text(json.dumps({"images": images}))
    model.write_bytes(tiny_bundle.read_bytes())
    sets = ["--pictures", photos, "--captions", tmp_path / "c.json", "--split", "[/b]", "--beam", "1"]
    for command, title in (("evaluate", "on 2 pictures, split [/b]"), ("tune", "[red]a[ or ] on 2 pictures")):
        ran = showtell(command, model, *sets)
        assert ran.code == 0, ran.err
        assert title in " ".join(ran.out.split())


def test_notes_on_caption_files_forge_no_lines(showtell, photos, tiny_bundle, tmp_path):
    folder = tmp_path / "x\nshowtell: all is well\x1b[2J"
    folder.mkdir()
    (folder / "c.csv").write_text("image,caption\n0.PNG,a dog\n", "utf-8")
    ran = showtell("evaluate", tiny_bundle, "--pictures", photos, "--captions", folder / "c.csv", "--partial")
    assert ran.code == 0, ran.err
    assert "\x1b" not in ran.err
    assert not [line for line in ran.err.splitlines() if line.startswith("showtell: all is well")]
