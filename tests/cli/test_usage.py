"""Mistakes in a command line are one line in people's words, with the name that was meant."""

import pytest

from showtell.errors import MissingExtra, near, pip_install


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("caption x --beem 3", "there is no option --beem (did you mean '--beam'?); see showtell caption --help"),
        ("captoin x", "there is no command 'captoin' (did you mean 'caption'?); see showtell --help"),
        ("data chek", "there is no command 'chek' (did you mean 'check'?); see showtell data --help"),
        ("caption x --beam three", "--beam must be a whole number; see showtell caption --help"),
        ("caption x --max-size big", "--max-size must be a number; see showtell caption --help"),
        ("caption x --piece-size 0", "--piece-size must be at least 1; see showtell caption --help"),
        ("serve --port 99999", "--port must be at most 65535; see showtell serve --help"),
        ("caption", "SOURCES is missing; see showtell caption --help"),
        ("caption x --beam", "--beam needs a value"),
        ("caption x --show=3", "--show takes no value"),
    ],
)
def test_it_is_one_line_in_plain_words(showtell, given, said):
    ran = showtell(*given.split())
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[0].startswith(f"showtell: {said}")
    assert len(ran.err.splitlines()) == 1


def test_a_value_that_is_no_choice_is_answered_with_the_nearest(showtell):
    ran = showtell("caption", "x", "--format", "jsn")
    assert ran.code == 2
    assert "--format must be one of csv, html, jsonl, parquet, text, not 'jsn' (did you mean 'jsonl'?)" in ran.err


def test_names_of_models_and_data_sets_are_suggested(showtell, photos):
    ran = showtell("caption", photos, "--model", "flikr8k")
    assert "no model of that name (did you mean 'flickr8k'?): there are" in ran.err
    assert "--data shape (did you mean 'shapes'?)" in showtell("data", "check", "--data", "shape").err


def test_only_near_names_are_suggested():
    assert near("bleu4", ["bleu_4", "cider_d"]) == " (did you mean 'bleu_4'?)"
    assert near("x", ["bleu_4", "cider_d"]) == ""


def test_the_hint_for_training_brings_pytorch_for_processors(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    assert str(MissingExtra("training", "train")).endswith(
        "pip install 'showtell[train]' --extra-index-url https://download.pytorch.org/whl/cpu"
    )
    assert pip_install("serve") == "pip install 'showtell[serve]'"
    monkeypatch.setattr("sys.platform", "darwin")  # where the ordinary build is for processors
    assert pip_install("train") == "pip install 'showtell[train]'"


def test_the_shell_completes_commands(showtell, monkeypatch):
    monkeypatch.setenv("_SHOWTELL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "showtell quan")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert showtell().out.split() == ["quantize"]
