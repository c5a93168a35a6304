"""The page of captions, read back with the standard library's HTML parser as a browser would read it."""

import re

import numpy as np
import pytest
from PIL import Image

from html_tree import Node, read, thumbnail_of
from showtell.captioning.output.page import PageEntry, caption_page

HOSTILE = "<script>alert(\"1\")</script> & 'quotes' {title}.jpg"


def an_entry(
    name: str = "dog.jpg",
    caption: str = "a dog runs",
    words: tuple[tuple[str, float], ...] = (("a", 0.95), ("dog", 0.5), ("runs", 0.123)),
    score: float = -0.43,
    alternatives: tuple[str, ...] = (),
    picture: Image.Image | None = None,
    error: str = "",
) -> PageEntry:
    return PageEntry(name, caption, words, score, alternatives, picture, error)


def page_of(*entries: PageEntry, title: str = "Captions", footer: str = "") -> Node:
    return read(caption_page(entries, title=title, footer=footer))


def test_there_is_one_figure_per_entry_in_their_order() -> None:
    names = ["b.jpg", "a.jpg", "c.jpg"]
    page = read(caption_page((an_entry(name=name) for name in names), title="Captions"))
    assert [figure.one("bdi").text for figure in page.all("figure")] == names
    assert all(item.tag == "li" for item in page.one("ul", "grid").children if isinstance(item, Node))


def test_the_page_has_a_language_a_viewport_landmarks_and_its_title() -> None:
    page = page_of(an_entry(), title="My captions", footer="Model: flickr8k")
    assert page.one("html").attributes["lang"] == "en"
    named = {meta.attributes.get("name"): meta.attributes.get("content", "") for meta in page.all("meta")}
    assert "width=device-width" in named["viewport"]
    assert page.one("title").text == page.one("header").one("h1").text == "My captions"
    assert len(page.one("main").all("figure")) == 1
    assert page.one("footer").text == "Model: flickr8k"
    assert not page_of(an_entry()).all("footer")


def test_no_name_caption_word_alternative_error_title_or_footer_can_become_markup() -> None:
    page = page_of(
        an_entry(HOSTILE, HOSTILE, ((HOSTILE, 0.5),), alternatives=(HOSTILE,), picture=Image.new("RGB", (8, 8))),
        an_entry(HOSTILE, error=HOSTILE),
        title=HOSTILE,
        footer=HOSTILE,
    )
    assert not page.all("script")
    shown, failed = page.all("figure")
    assert shown.one("bdi").text == failed.one("bdi").text == HOSTILE
    assert shown.one("p", "caption").text == shown.one("img").attributes["alt"] == HOSTILE
    assert shown.one("ol").text == HOSTILE
    assert failed.one("p", "error").text == f"No caption: {HOSTILE}"
    assert page.one("h1").text == page.one("footer").text == HOSTILE


def test_the_page_loads_nothing_from_elsewhere() -> None:
    text = caption_page([an_entry(picture=Image.new("RGB", (8, 8)))], title="Captions")
    page = read(text)
    policy = [meta.attributes["content"] for meta in page.all("meta") if "http-equiv" in meta.attributes]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]
    assert not page.all("script") + page.all("link") + page.all("iframe")
    assert page.one("style").text.strip()
    assert not re.search(r"https?:|@import|url\(|\bon\w+=", re.sub(r"base64,[^\"]+", "", text))


def test_a_file_name_that_is_not_utf8_still_gives_a_page_that_can_be_written() -> None:
    text = caption_page([an_entry(name="caf\udce9.jpg")], title="Captions")
    assert read(text.encode("utf-8").decode("utf-8")).one("bdi").text == "caf?.jpg"


def test_a_thumbnail_is_a_jpeg_of_at_most_480_pixels_in_the_shape_of_the_picture() -> None:
    picture = Image.new("RGB", (1920, 960), (200, 30, 60))
    picture.info["exif"] = b"Exif\0\0damaged"  # which turning it upright leaves as it lies: the same object
    figure = page_of(an_entry(picture=picture)).one("figure")
    thumbnail = thumbnail_of(figure)
    assert thumbnail.format == "JPEG"
    assert thumbnail.size == (480, 240)
    assert (figure.one("img").attributes["width"], figure.one("img").attributes["height"]) == ("480", "240")
    assert np.abs(np.asarray(thumbnail, int) - (200, 30, 60)).max() <= 4
    assert picture.size == (1920, 960), "the caller's picture was changed"


def test_a_small_picture_is_not_enlarged_and_transparency_lies_over_white() -> None:
    thumbnail = thumbnail_of(page_of(an_entry(picture=Image.new("RGBA", (40, 60), (0, 0, 0, 0)))).one("figure"))
    assert thumbnail.size == (40, 60)
    assert np.asarray(thumbnail).min() >= 250


def test_the_alternative_text_of_a_picture_is_its_caption() -> None:
    page = page_of(an_entry(picture=Image.new("L", (8, 8))))
    assert page.one("img").attributes["alt"] == "a dog runs"


def test_an_error_is_shown_instead_of_a_caption_and_is_counted() -> None:
    broken = an_entry("broken.jpg", "", (), error="broken.jpg: the file is empty")
    page = page_of(an_entry(), an_entry(), broken)
    figure = page.all("figure")[-1]
    assert figure.one("p", "error").text == "No caption: broken.jpg: the file is empty"
    assert not figure.all("img") + figure.all("details") + figure.all("p", "caption")
    assert "score" not in figure.text
    assert "2 captioned pictures, 1 picture without a caption" in page.one("header").text


def test_an_error_beside_a_readable_picture_shows_the_picture_under_its_name() -> None:
    page = page_of(an_entry("odd.jpg", "", (), picture=Image.new("RGB", (8, 8)), error="odd.jpg: no words"))
    assert page.one("img").attributes["alt"] == "odd.jpg"


def test_every_word_tells_its_probability_in_a_tooltip_and_as_text() -> None:
    figure = page_of(an_entry()).one("figure")
    caption = figure.one("p", "caption")
    assert caption.text == "a dog runs"
    assert [(word.text, word.attributes["title"]) for word in caption.all("span")] == [
        ("a", "95%"),
        ("dog", "50%"),
        ("runs", "12%"),
    ]
    assert [item.text for item in figure.one("details").one("ul").all("li")] == ["a 95%", "dog 50%", "runs 12%"]
    assert "score −0.43" in figure.one("p", "about").text


@pytest.mark.parametrize(
    ("probability", "shown"),
    [(0.0, "0%"), (0.001, "under 1%"), (0.006, "1%"), (0.994, "99%"), (0.9999, "over 99%"), (1.0, "100%")],
)
def test_only_what_is_impossible_or_certain_is_called_so(probability: float, shown: str) -> None:
    page = page_of(an_entry(caption="dog", words=(("dog", probability),)))
    assert page.one("p", "caption").one("span").attributes["title"] == shown


def test_a_word_is_marked_as_the_legend_says() -> None:
    probabilities = np.linspace(0, 1, 101).round(2).tolist()
    page = page_of(an_entry(words=tuple((f"w{i}", p) for i, p in enumerate(probabilities))))
    bounds = {
        step.attributes["class"]: tuple(int(number) / 100 for number in re.findall(r"\d+", step.text))
        for step in page.one("section").one("ul").all("span")
    }
    assert sorted(bounds) == [f"doubt-{level}" for level in range(5)]
    for word, probability in zip(page.one("p", "caption").all("span"), probabilities, strict=True):
        low, high = bounds[word.attributes["class"]]
        assert low <= probability <= high
    style = page.one("style").text
    assert all(f".{css_class}" in style for css_class in bounds if css_class != "doubt-0")


@pytest.mark.parametrize(
    ("caption", "words", "shown"),
    [
        ("A man, a plan.", ("man", "a", "plan"), "man a plan"),  # "A" would be left without its probability
        ("a man, a plan.", ("a", "man", "a", "plan"), "a man, a plan."),
        ("a dog", ("a", "cat"), "a cat"),
        ("a dog", (), "a dog"),
    ],
)
def test_the_caption_keeps_its_punctuation_where_the_words_are_its_words(
    caption: str, words: tuple[str, ...], shown: str
) -> None:
    page = page_of(an_entry(caption=caption, words=tuple((word, 0.5) for word in words)))
    assert page.one("p", "caption").text == shown
    assert len(page.one("p", "caption").all("span")) == len(words)


def test_alternatives_are_folded_in_their_order() -> None:
    details = page_of(an_entry(alternatives=("a cat sits", "a cat"))).one("details")
    assert "open" not in details.attributes
    assert details.one("summary").text == "Word by word, 2 alternatives"
    assert [item.text for item in details.one("ol").all("li")] == ["a cat sits", "a cat"]


def test_a_page_of_nothing_says_so() -> None:
    page = page_of()
    assert not page.all("figure")
    assert "0 captioned pictures" in page.one("header").text
