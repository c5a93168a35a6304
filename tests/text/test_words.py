"""Words and ids, against the goldens of the notebook that Showtell grew from and an independent count."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from showtell.errors import InputError
from showtell.text import END, PAD, SPECIALS, START, UNK, Vocabulary, pad_batch, tokenize

# The first picture of COCO train2014; the words and their splitting are golden, its ids need the whole data set.
CAPTIONS = [
    "A long dirt road going through a forest.",
    "A SCENE OF WATER AND A PATH WAY",
    "A sandy path surrounded by trees leads to a beach.",
    "Ocean view through a dirt road surrounded by a forested area. ",
    "dirt path leading beneath barren trees to open plains",
]


def test_a_sentence_becomes_lower_case_words() -> None:
    assert tokenize("  A SCENE, of water--a Path-way!? ") == ["a", "scene", "of", "water", "a", "path", "way"]
    assert tokenize("it's 2 o'clock_now Éclair") == ["it", "s", "2", "o", "clock_now", "éclair"]
    assert tokenize("") == tokenize(" .,!") == []


def test_the_specials_come_first_in_the_order_end_pad_start_unk() -> None:
    vocabulary = Vocabulary.build(["a 0 zebra _x é"] * 5)
    assert vocabulary.entries[:4] == (END, PAD, START, UNK)
    assert (vocabulary.end, vocabulary.pad, vocabulary.start, vocabulary.unk) == (0, 1, 2, 3)
    assert vocabulary.entries[4:] == ("0", "_x", "a", "zebra", "é")
    assert len(vocabulary) == 9


def test_a_word_must_be_seen_min_count_times() -> None:
    captions = ["often often rare", "often often rare", "often rare rare"]
    assert set(Vocabulary.build(captions).entries) - set(SPECIALS) == {"often"}
    assert set(Vocabulary.build(captions, min_count=4).entries) - set(SPECIALS) == {"often", "rare"}


def test_captions_become_start_tokens_end_with_unknown_words_marked() -> None:
    vocabulary = Vocabulary.build(CAPTIONS, min_count=2)
    # Counted by hand: words that occur at least twice in the five captions.
    assert vocabulary.entries[4:] == ("a", "by", "dirt", "path", "road", "surrounded", "through", "to", "trees")
    assert vocabulary.encode(CAPTIONS[1]) == [2, 4, 3, 3, 3, 3, 4, 7, 3, 0]
    assert vocabulary.encode(CAPTIONS[3]) == [2, 3, 3, 10, 4, 6, 8, 9, 5, 4, 3, 3, 0]
    assert vocabulary.encode("") == [2, 0]


def test_decoding_gives_the_words_up_to_end() -> None:
    vocabulary = Vocabulary.build(CAPTIONS, min_count=1)
    for caption in CAPTIONS:
        assert vocabulary.decode(vocabulary.encode(caption)) == " ".join(tokenize(caption))
    assert vocabulary.decode(np.array([2, 1, vocabulary.ids["dirt"], 3, 0, vocabulary.ids["road"]])) == "dirt #UNK#"


def test_special_entries_written_in_a_caption_are_only_words() -> None:
    vocabulary = Vocabulary.build(["#START# pad end"], min_count=1)
    assert vocabulary.entries[4:] == ("end", "pad", "start")
    assert vocabulary.encode("#END#") == [2, vocabulary.ids["end"], 0]


def test_rows_are_padded_to_the_longest_and_cut_to_max_length() -> None:
    rows = [[1, 2, 3], [4, 5]]
    assert pad_batch(rows, pad=-1).tolist() == [[1, 2, 3], [4, 5, -1]]
    assert pad_batch(rows, pad=-1, max_length=2).tolist() == [[1, 2], [4, 5]]
    assert pad_batch(rows, pad=-1, max_length=100).tolist() == [[1, 2, 3], [4, 5, -1]]
    assert rows == [[1, 2, 3], [4, 5]], "the input must not be changed"
    assert pad_batch(rows, pad=-1).dtype == np.int64
    assert pad_batch([], pad=0).shape == (0, 0)


def test_a_vocabulary_is_refused_without_frequent_words_or_specials_or_with_a_double() -> None:
    with pytest.raises(InputError, match=r"no word occurs 5 times .* \(2 different words\)"):
        Vocabulary.build(["two words"])
    with pytest.raises(InputError, match=r"lacks its special entries #PAD#, #START#"):
        Vocabulary((END, UNK, "word"))
    with pytest.raises(InputError, match="twice"):
        Vocabulary((*SPECIALS, "word", "word"))


def test_vocabularies_with_the_same_entries_are_equal() -> None:
    assert Vocabulary.build(CAPTIONS, 1) == Vocabulary.build(reversed(CAPTIONS), 1)
    assert hash(Vocabulary.build(CAPTIONS, 1)) == hash(Vocabulary.build(reversed(CAPTIONS), 1))


def test_the_vocabulary_of_coco_val2017_agrees_with_an_independent_count(shared_data: Path) -> None:
    annotations = json.loads((shared_data / "coco" / "captions_val2017.json").read_bytes())["annotations"]
    captions = [annotation["caption"] for annotation in annotations]
    counts: dict[str, int] = {}
    for word in re.findall(r"\w+", "\n".join(captions).lower()):  # finds words, where the code splits at what is none
        counts[word] = counts.get(word, 0) + 1
    expected = sorted(word for word, count in counts.items() if count > 4)
    vocabulary = Vocabulary.build(captions)
    assert list(vocabulary.entries) == [END, PAD, START, UNK, *expected]
    unknown = sum(vocabulary.encode(caption).count(vocabulary.unk) for caption in captions)
    assert unknown == sum(count for count in counts.values() if count <= 4)
