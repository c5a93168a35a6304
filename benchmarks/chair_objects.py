"""Do Showtell's objects of COCO equal those of CHAIR's list? Compares both on captions.

    python benchmarks/chair_objects.py synonyms.txt captions_val2017.json

`synonyms.txt` is data/synonyms.txt of github.com/LisaAnne/Hallucination, the code of Rohrbach et al. 2018: a line for
each object, its names separated by commas. The paper's own rules for pairs of words are applied here (baby animals,
passenger jets, toilet seats); its plurals come from the package pattern, here from `showtell.captioning.tags.words`.
"""

import argparse
from collections import Counter
from pathlib import Path

from showtell.captioning.objects import coco_mentions
from showtell.captioning.tags.words import plural
from showtell.data.captions.caption_set import read_captions
from showtell.text import tokenize

_ANIMALS = ["bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "animal", "cub"]
_NO_OBJECTS = ("home plate", "train track")


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the objects of captions by two lists of synonyms.")
    parser.add_argument("synonyms", type=Path)
    parser.add_argument("captions")
    options = parser.parse_args()
    phrases = read_phrases(options.synonyms)
    texts = [text for several in read_captions(options.captions).captions.values() for text in several]
    same, only_theirs, only_ours = 0, Counter[str](), Counter[str]()
    ours_all = theirs_all = both_all = 0
    for text in texts:
        ours, theirs = set(coco_mentions(text)), objects_by(phrases, text)
        same += ours == theirs
        only_theirs.update(theirs - ours)
        only_ours.update(ours - theirs)
        ours_all, theirs_all, both_all = ours_all + len(ours), theirs_all + len(theirs), both_all + len(ours & theirs)
    print(f"{len(texts):,} captions: {same / len(texts):.1%} name the same objects by both lists")
    print(f"of {theirs_all:,} objects of the paper's list Showtell finds {both_all / theirs_all:.1%}")
    print(f"of {ours_all:,} objects of Showtell the paper's list has {both_all / ours_all:.1%}")
    print("only by the paper's list:", ", ".join(f"{name} {count}" for name, count in only_theirs.most_common(8)))
    print("only by Showtell's list:", ", ".join(f"{name} {count}" for name, count in only_ours.most_common(8)))


def read_phrases(path: Path) -> dict[tuple[str, ...], str]:
    """The object of each of the paper's names, in singular and plural; an empty object for phrases that name none."""
    phrases: dict[tuple[str, ...], str] = {}
    for line in path.read_text().splitlines():
        names = [name.strip() for name in line.split(",") if name.strip()]
        for name in names:
            words = tuple(tokenize(name))
            phrases.setdefault(words, names[0])
            phrases.setdefault(plural(words), names[0])
    for animal in _ANIMALS:
        known = phrases.get((animal,), "")
        for form in {(animal,), plural((animal,))}:
            phrases[("baby", *form)] = phrases[("adult", *form)] = known
    for vehicle in ("jet", "train"):
        phrases[("passenger", vehicle)] = phrases[(vehicle,)]
    phrases[("toilet", "seat")] = "toilet"
    for pair in _NO_OBJECTS:
        words = tuple(tokenize(pair))
        phrases[words] = phrases[plural(words)] = ""
    return phrases


def objects_by(phrases: dict[tuple[str, ...], str], sentence: str) -> set[str]:
    """The objects that a sentence names; of overlapping phrases the longest counts."""
    words, found, at = tokenize(sentence), set(), 0
    longest = max(map(len, phrases))
    while at < len(words):
        length = next((n for n in range(longest, 0, -1) if tuple(words[at : at + n]) in phrases), 0)
        if length:
            found.add(phrases[tuple(words[at : at + length])])
        at += length or 1
    return found - {""}


if __name__ == "__main__":
    main()
