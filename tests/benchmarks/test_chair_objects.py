"""The list of objects of CHAIR's paper, read and applied as its code does."""

import runpy

from repository import ROOT

SCRIPT = runpy.run_path(str(ROOT / "benchmarks" / "chair_objects.py"))


def test_names_plurals_and_pairs_of_words(tmp_path):
    path = tmp_path / "synonyms.txt"
    path.write_text(
        "person, man, baby\nbear, panda\nairplane, jet\ntrain\nchair, seat\ntoilet\nbird\ncat\ndog\nhorse\n"
        "sheep\ncow\nelephant\nzebra\ngiraffe\n"
    )
    phrases = SCRIPT["read_phrases"](path)
    cases = {
        "two men with pandas": {"person", "bear"},
        "a baby bear": {"bear"},
        "a passenger jet on a train track": {"airplane"},
        "a toilet seat": {"toilet"},
        "a baby in a seat": {"person", "chair"},
        "home plate": set(),
    }
    for sentence, objects in cases.items():
        assert SCRIPT["objects_by"](phrases, sentence) == objects
