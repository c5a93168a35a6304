"""Tables of document frequencies: what they count, and what becomes of damaged files."""

import io

import numpy as np
import pytest

from showtell.errors import InputError
from showtell.metrics import DocumentFrequency, cider_d
from word_salads import words

REFERENCES = {
    "x": [words("a dog runs on ß"), words("the dog runs")],
    "y": [words("a dog sleeps"), words("a dog")],
    "z": [words("two dog runs")],
}


def ngrams_of(table):
    """The table as a dictionary, spelt out from its arrays."""
    rows = [[(word,) for word in table.grams.words]]
    for prefixes, lasts in zip(table.grams.prefixes, table.grams.lasts, strict=True):
        rows.append([(*rows[-1][p], table.grams.words[last]) for p, last in zip(prefixes, lasts, strict=True)])
    counts = [count for column in table.counts for count in column.tolist()]
    return dict(zip([ngram for row in rows for ngram in row], counts, strict=True))


@pytest.fixture
def table_file(tmp_path):
    path = tmp_path / "table.npz"
    path.write_bytes(DocumentFrequency.of(REFERENCES).to_bytes())
    return path


def changed(path, **arrays):
    """The same file with other arrays."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {**file, **arrays}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    path.write_bytes(buffer.getvalue())
    return path


def test_pictures_are_counted_not_captions_and_ngrams_of_one_picture_left_out():
    table = DocumentFrequency.of(REFERENCES)
    assert table.pictures == 3
    assert ngrams_of(table) == {("a",): 2, ("dog",): 3, ("runs",): 2, ("a", "dog"): 2, ("dog", "runs"): 2}


def test_a_table_comes_back_from_its_file_and_equal_tables_are_equal_files(table_file):
    table = DocumentFrequency.read(table_file)
    assert table.pictures == 3
    assert ngrams_of(table) == ngrams_of(DocumentFrequency.of(REFERENCES))
    assert table.to_bytes() == table_file.read_bytes()
    hypotheses = {"x": words("the dog runs"), "y": words("a dog"), "z": words("two dogs")}
    np.testing.assert_allclose(
        cider_d(hypotheses, REFERENCES, table).per_picture, cider_d(hypotheses, REFERENCES).per_picture, rtol=1e-12
    )


def test_a_table_of_pictures_that_share_no_word_can_be_kept(tmp_path):
    path = tmp_path / "table.npz"
    path.write_bytes(DocumentFrequency.of({"x": [["a"]], "y": [["b"]]}).to_bytes())
    assert ngrams_of(DocumentFrequency.read(path)) == {}


def test_a_table_of_numbers_cannot_be_kept_in_a_file():
    with pytest.raises(InputError, match="only a table of words"):
        DocumentFrequency.of({"x": [[1, 2]], "y": [[1, 3]]}).to_bytes()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.npz: does not exist"):
        DocumentFrequency.read(tmp_path / "none.npz")


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04", b"\x80\x04N."])
def test_a_file_of_another_kind_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "table.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"^.*table\.npz: not a table of document frequencies \(.*\): make it again$"):
        DocumentFrequency.read(path)


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
def test_a_truncated_file_is_refused(table_file, keep):
    data = table_file.read_bytes()
    table_file.write_bytes(data[: int(keep * len(data))])
    with pytest.raises(InputError, match="not a table of document frequencies"):
        DocumentFrequency.read(table_file)


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"format": np.array(2)}, "format 2, this release reads 1"),
        ({"pictures": np.array(2)}, "counts_1 has numbers that cannot be"),
        ({"counts_2": np.array([2, 2, 2])}, "unequal lengths"),
        ({"prefixes_2": np.array([0, 7])}, "prefixes_2 has numbers that cannot be"),
        ({"lasts_2": np.array([0.5, 1.0])}, "lasts_2 is not a column of whole numbers"),
        ({"words": np.frombuffer(b"a\na\nb", np.uint8)}, "a word stands twice"),
        ({"words": np.array([{}], dtype=object)}, "Object arrays cannot be loaded"),
    ],
)
def test_a_table_that_cannot_be_is_refused_with_the_reason(table_file, arrays, reason):
    with pytest.raises(InputError, match=reason):
        DocumentFrequency.read(changed(table_file, **arrays))
