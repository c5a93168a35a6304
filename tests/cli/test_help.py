"""The help of every command: in people's words, complete, with examples, and fit for 80 columns."""

import re

import pytest
import typer

from showtell.cli import app
from showtell.encoders import encoder_names


def commands(name="showtell", command=None):
    """What is typed for each command, and the command."""
    command = command or typer.main.get_command(app)
    below = getattr(command, "commands", {})
    yield name, command
    for key in below:
        yield from commands(f"{name} {key}", below[key])


def examples_of(command):
    """The examples in a command's help, each as a line."""
    return [line.strip() for line in (command.help or "").partition("Examples:")[2].splitlines() if line.strip()]


ALL = dict(commands())
LEAVES = {name: command for name, command in ALL.items() if not hasattr(command, "commands")}


@pytest.mark.parametrize("name", ALL)
def test_it_fits_80_columns_and_names_no_type_of_python(showtell, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    ran = showtell(*name.split()[1:], "--help")
    assert ran.code == 0
    assert name.split()[-1] in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80
    assert not re.search(r"<\w+|list\[|Path\b|PosixPath|None\b", ran.out)
    begins = [line.strip()[:40] for line in ran.out.splitlines()]
    for example in examples_of(ALL[name]):
        assert example[:40] in begins, "every example begins a line of its own"


@pytest.mark.parametrize("name", LEAVES)
def test_it_has_examples_of_that_command_that_can_be_parsed(name):
    examples = examples_of(LEAVES[name])
    assert examples
    for line in examples:
        assert line.startswith(f"{name}")
        LEAVES[name].make_context(name, line.split()[len(name.split()) :])


@pytest.mark.parametrize("name", LEAVES)
def test_every_option_says_in_a_sentence_what_it_does(name):
    for one in LEAVES[name].params:
        assert re.fullmatch(r"[A-Z\d].*[.)]|[A-Z].*\.\.\.", one.help), (one.name, one.help)
        assert "[default" not in one.help, one.name


@pytest.mark.parametrize("name", ["showtell embed", "showtell train"])
def test_the_encoders_in_it_are_those_of_the_registry(name):
    command = LEAVES[name]
    with command.make_context(name, [], resilient_parsing=True) as context:
        text = " ".join(command.get_help(context).split())
    encoder = next(one for one in command.params if one.name == "encoder")
    assert re.findall(r"[\w:]+", encoder.help)[1:] == [*encoder_names()[:-1], "or", encoder_names()[-1]]
    assert "{" not in text
