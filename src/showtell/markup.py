"""Text and numbers as HTML: what pages and notebooks have in common."""

import html
from collections.abc import Sequence

_DOUBT = (238, 159, 69)  # the hue in which pages mark doubtful words, too


def escape(text: str) -> str:
    """Text for an element or a quoted attribute. A file name's lone surrogates, which UTF-8 cannot hold, become `?`."""
    return html.escape(text.encode("utf-8", "replace").decode("utf-8"))


def percent(probability: float) -> str:
    """A whole percentage that says 0% and 100% only of what is so."""
    if 0 < probability < 0.005:
        return "under 1%"
    if 0.995 <= probability < 1:
        return "over 99%"
    return f"{100 * probability:.0f}%"


def shaded(words: Sequence[tuple[str, float]]) -> str:
    """A sentence for a notebook, without a style sheet: the less probable a word, the stronger the colour behind it.

    The colour lets what is under it shine through, so it suits a dark notebook as well as a light one; each word's
    probability is its tooltip.
    """
    red, green, blue = _DOUBT
    return " ".join(
        f'<span style="background: rgba({red}, {green}, {blue}, {0.7 * (1 - probability):.2f}); border-radius: 0.2em; '
        f'padding: 0.05em 0.15em" title="{percent(probability)}">{escape(word)}</span>'
        for word, probability in words
    )
