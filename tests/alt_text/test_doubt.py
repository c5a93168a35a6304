"""Which captions wait for a person, and what the person's decision does."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from showtell import Captioner
from showtell.alt_text import AltTextOptions, Step, TextStyle, write_alt_texts
from showtell.alt_text.doubt import contradiction, tags_to_text
from showtell.alt_text.journal import Journal
from showtell.alt_text.options import JOURNAL
from showtell.alt_text.review import Review
from showtell.alt_text.xmp import read_packet
from showtell.captioning.tags import Tag
from showtell.errors import InputError


@pytest.fixture(scope="module")
def captioner(tiny_bundle):
    return Captioner(tiny_bundle)


@pytest.mark.parametrize(
    ("caption", "tags", "tag"),
    [
        ("a dog in the snow", [("tiger", 0.9)], "tiger"),
        ("a dog in the snow", [("tiger", 0.4)], ""),
        ("a tiger in the snow", [("tiger", 0.9)], ""),
        ("a dog in the snow", [("golden retriever", 0.9)], ""),
        ("a man in the snow", [("tiger", 0.9)], "tiger"),
        ("a man on a horse with a dog", [("horse", 0.9), ("dog", 0.8)], ""),
        ("a giraffe at a fence", [("horse", 0.9)], ""),
        ("a plate with a hot dog", [("pizza", 0.9)], "pizza"),
        ("a bus in a street", [("taxi", 0.9)], "taxi"),
        ("a room with a chair", [("desk", 0.9), ("cat", 0.9)], ""),
        ("a view of mountains", [("alp", 0.9)], ""),
    ],
)
def test_a_likely_tag_contradicts_a_caption_that_names_another_of_its_kind(caption, tags, tag):
    assert contradiction(caption, [Tag(*one) for one in tags]) == tag


def entries(folder, change):
    """Change every entry of a folder's journal."""
    with closing(Journal(folder / JOURNAL)) as journal:
        journal.put([(name, change(name, entry)) for name, entry in list(journal.entries())])


def run(folder, captioner, **options):
    return write_alt_texts(folder, captioner, AltTextOptions(**options), show=False)


@pytest.fixture
def doubtful(photos, captioner):
    """A captioned folder: 0.png has a dog with the tag tiger, of 1.png the model is not sure."""
    run(photos, captioner, everything=True)
    for path in photos.glob("*.txt"):
        path.unlink()
    tiger = {"caption": "a dog", "tags": tags_to_text([Tag("tiger", 0.9)])}
    unsure = {"caption": "a cat", "confidence": 0.1}
    entries(photos, lambda name, one: replace(one, **{"0.png": tiger, "1.png": unsure}.get(name, {})))
    return photos


def test_doubtful_captions_get_no_text_unless_all_are_wanted(doubtful, captioner):
    told = []
    options = AltTextOptions()
    summary = write_alt_texts(doubtful, captioner, options, watch=told.append, show=False)
    assert summary.steps == {Step.HELD: 2, Step.WRITTEN: 8}
    assert {one.name: one.doubt.tag for one in told if one.step is Step.HELD} == {"0.png": "tiger", "1.png": ""}
    assert not (doubtful / "0.png.txt").exists()
    assert run(doubtful, captioner, everything=True).steps == {Step.WRITTEN: 2, Step.UNCHANGED: 8}
    assert (doubtful / "0.png.txt").read_text() == "A dog.\n"
    assert run(doubtful, captioner).steps == {Step.HELD: 2, Step.UNCHANGED: 8}
    assert not (doubtful / "0.png.txt").exists()


def test_unfamiliar_pictures_wait_unless_a_limit_is_given(doubtful, captioner):
    entries(doubtful, lambda name, one: replace(one, unfamiliar=True, confidence=0.9) if name == "2.png" else one)
    told = []
    write_alt_texts(doubtful, captioner, AltTextOptions(), watch=told.append, show=False)
    assert {one.name: one.doubt.unfamiliar for one in told if one.step is Step.HELD} == {
        "0.png": False,
        "1.png": False,
        "2.png": True,
    }
    with Review(doubtful) as review:
        assert [review.item(i).why for i in range(3)] == ["contradicted", "not sure", "unfamiliar"]
    assert (doubtful / "2.png.txt").exists() is False


def test_another_style_replaces_our_texts(doubtful, captioner):
    run(doubtful, captioner, everything=True)
    style = TextStyle(prefix="Photo:")
    assert run(doubtful, captioner, everything=True, style=style).steps == {Step.WRITTEN: 10}
    assert (doubtful / "0.png.txt").read_text() == "Photo: A dog.\n"


@pytest.mark.parametrize("format", ["txt", "xmp"])
def test_a_persons_decisions_are_written_and_stay(doubtful, captioner, format):
    run(doubtful, captioner, format=format)
    with Review(doubtful) as review:
        assert [review.item(i).why for i in range(2)] == ["contradicted", "not sure"]
        assert (review.item(0).text, review.item(0).tag) == ("A dog.", "tiger")
        review.decide(0, "A tiger\n in snow.")
        review.decide(0, "My tiger.")  # on second thoughts
        review.decide(1, "A cat.")
        assert review.decide(1, "").decided == ""

    def text(name):
        path = doubtful / f"{name}.{format}"
        if format == "txt" or not path.exists():
            return path.read_text().strip() if path.exists() else None
        packet = read_packet(path.read_bytes())
        assert packet.ours == frozenset()
        return packet.texts["dc:description"]

    assert (text("0.png"), text("1.png")) == ("My tiger.", None)
    for options in ({}, {"everything": True, "style": TextStyle("plain")}, {"renew": True}):
        steps = run(doubtful, captioner, format=format, **options).steps
        assert steps[Step.KEPT] == 2
        assert (text("0.png"), text("1.png")) == ("My tiger.", None)
    with Review(doubtful) as review:
        assert review.pictures == []
    (doubtful / f"0.png.{format}").unlink()
    assert run(doubtful, captioner, format=format).count(Step.WRITTEN) == 1
    assert text("0.png") == "My tiger."


def test_a_decision_can_be_taken_back_and_a_text_by_someone_else_stays(doubtful, captioner):
    run(doubtful, captioner)
    with Review(doubtful) as review:
        review.decide(0, "A tiger.")
        assert review.decide(0, None).decided is None
        assert not (doubtful / "0.png.txt").exists()
        (doubtful / "0.png.txt").write_text("Bello\n")
        with pytest.raises(InputError, match="someone else"):
            review.decide(0, "A tiger.")
    assert (doubtful / "0.png.txt").read_text() == "Bello\n"


def test_decisions_come_into_the_table_with_the_next_run(doubtful, captioner, tmp_path):
    table = tmp_path / "t.csv"
    run(doubtful, captioner, format="csv", output=table)
    assert "0.png,," in table.read_text()
    with Review(doubtful) as review:
        assert review.in_table
        review.decide(0, "A tiger.")
    run(doubtful, captioner, format="csv", output=table)
    assert "0.png,A tiger.," in table.read_text()


def test_a_journal_of_the_first_format_is_read_and_upgraded(photos, captioner):
    run(photos, captioner)
    with closing(sqlite3.connect(photos / JOURNAL)) as db:
        for column in ("tags", "intended", "person"):
            db.execute(f"ALTER TABLE pictures DROP COLUMN {column}")
        db.execute("DROP TABLE run")
        db.execute("PRAGMA user_version = 1")
        db.commit()
    with closing(Journal(photos / JOURNAL, reading=True)) as journal:
        assert [entry.person for _, entry in journal.entries()] == [None] * 10
    assert run(photos, captioner).steps == {Step.UNCHANGED: 10}


def test_a_review_without_a_run_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match="run showtell alt-text"):
        Review(tmp_path)
