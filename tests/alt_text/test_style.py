"""Captions as alt texts: sentences, prefixes and limits of length."""

import pytest

from showtell.alt_text import TextStyle
from showtell.errors import InputError


@pytest.mark.parametrize(
    ("style", "caption", "text"),
    [
        (TextStyle(), "a dog runs", "A dog runs."),
        (TextStyle(), "A dog runs!", "A dog runs!"),
        (TextStyle(), "", ""),
        (TextStyle("plain"), "a dog runs", "a dog runs"),
        (TextStyle(prefix="Photo: "), "a dog runs", "Photo: A dog runs."),
        (TextStyle("plain", "Photo:"), "a dog runs", "Photo: a dog runs"),
        (TextStyle(max_chars=20), "a dog runs", "A dog runs."),
        (TextStyle(max_chars=20), "a dog runs through the grass", "A dog runs."),
        (TextStyle(max_chars=26), "a dog runs through the grass", "A dog runs."),
        (TextStyle(max_chars=29), "a dog runs through the grass", "A dog runs through the grass."),
        (TextStyle(prefix="Photo:", max_chars=27), "a dog runs through the grass", "Photo: A dog runs."),
        (TextStyle(max_chars=20), "d" * 30, "D" + "d" * 19),
    ],
)
def test_a_caption_becomes_a_text(style, caption, text):
    assert style.text(caption) == text


def test_a_limit_never_leaves_a_longer_text_or_a_dangling_article():
    caption = "two dogs and a man in a red shirt run along the beach next to the water"
    for most in range(20, 80):
        text = TextStyle(max_chars=most).text(caption)
        assert len(text) <= most
        assert text.rstrip(".").split()[-1] not in ("a", "and", "in", "the", "along", "next", "to")


def test_options_that_leave_no_text_are_refused():
    for options in ({"max_chars": 19}, {"prefix": "Photo:", "max_chars": 26}, {"style": "loud"}, {"prefix": "a\nb"}):
        with pytest.raises(InputError):
            TextStyle(**options)
