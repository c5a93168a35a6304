"""Nouns and their forms: plurals, the article that goes before, and whether a sentence says one of some phrases.

English only, and only as far as the names of things need it. This code is used instead of the library inflect (7.6) for
two reasons. The import of inflect takes 2 seconds of a processor, a caption 0.1. And inflect forms 105 plurals of the
1,421 names and phrases differently, some better (`aircraft`), some wrong (`dobermen`, `golves`, `kuvaszzes`); they
would change the captions of the models in the package.
"""

from collections.abc import Iterable, Sequence

Phrase = tuple[str, ...]
"""The words of a name, lower case, at least one."""

_PLURALS = {
    "calf": "calves",
    "child": "children",
    "deer": "deer",
    "fish": "fish",
    "foot": "feet",
    "goose": "geese",
    "knife": "knives",
    "leaf": "leaves",
    "loaf": "loaves",
    "man": "men",
    "mouse": "mice",
    "ox": "oxen",
    "scarf": "scarves",
    "sheep": "sheep",
    "shelf": "shelves",
    "squid": "squid",
    "wolf": "wolves",
    "woman": "women",
}
NO_ARTICLE = frozenset(
    {"armor", "baseball", "beer", "binoculars", "bread", "broccoli", "corn", "dough", "food", "fruit", "guacamole"}
    | {"gymnastics", "hay", "hockey", "jeans", "knee pads", "makeup", "maracas", "mashed potatoes", "pajamas", "pasta"}
    | {
        "red wine",
        "rugby",
        "skiing",
        "skis",
        "soccer",
        "soup",
        "sunglasses",
        "tennis",
        "toilet paper",
        "velvet",
        "wool",
    }
)
"""Names, and words for them, before which there is no `a` or `an`."""

_SILENT_H = ("honest", "honor", "honour", "hour", "heir")
_SOUNDED = ("eu", "ewe", "one", "once", "ukulele", "uni", "use", "usu", "ute")  # a vowel that sounds as a consonant


def plural(phrase: Phrase) -> Phrase:
    """The plural of a noun phrase, whose last word is the noun."""
    *before, noun = phrase
    if noun in _PLURALS:
        many = _PLURALS[noun]
    elif noun.endswith(("s", "x", "z", "ch", "sh")):
        many = f"{noun}es"
    elif noun.endswith("y") and noun[-2:-1] not in ("a", "e", "o", "u"):
        many = f"{noun[:-1]}ies"
    else:
        many = f"{noun}s"
    return (*before, many)


def article(word: str) -> str:
    """`a` or `an`, by the sound that the word begins with."""
    if word.startswith(_SILENT_H):
        return "an"
    return "an" if word[:1] in "aeiou" and not word.startswith(_SOUNDED) else "a"


def with_articles(words: Sequence[str]) -> list[str]:
    """A sentence's words with every `a` and `an` corrected for the word after it."""
    after = [*words[1:], ""]
    return [
        article(following) if word in ("a", "an") and following else word
        for word, following in zip(words, after, strict=True)
    ]


def says(words: Sequence[str], phrases: Iterable[Phrase]) -> bool:
    """Whether a sentence contains one of the phrases, word for word."""
    sentence = f" {' '.join(words)} "
    return any(f" {' '.join(phrase)} " in sentence for phrase in phrases)
