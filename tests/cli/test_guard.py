"""No command writes over what it reads, whatever the two are called; outputs are written beside and renamed."""

import os
import typing
from enum import Enum
from pathlib import Path

import pytest
import typer

from showtell.cli import app
from showtell.cli.guard import INPUTS, NO_FILES, OUTPUTS, OUTPUTS_OF, Command

PLAIN = (bool, int, float, Enum)


def commands(group=None, above=()):
    """Every command with its words, as `("data", "show")`."""
    for name, one in (group or typer.main.get_command(app)).commands.items():
        if hasattr(one, "commands"):
            yield from commands(one, (*above, name))
        else:
            yield (*above, name), one


def named_files(command):
    """The parameters of a command that take texts or paths, which may name files."""
    function = command.callback.__wrapped__
    for name, hint in typing.get_type_hints(function).items():
        kinds = {inner for one in (hint, *typing.get_args(hint)) for inner in (one, *typing.get_args(one))}
        texts = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, (str, Path))]
        if any(not issubclass(kind, PLAIN) for kind in texts):
            yield name


ALL = dict(commands())
PAIRS = [
    (words, output, given)
    for words, command in ALL.items()
    for output in named_files(command)
    if output in OUTPUTS
    for given in named_files(command)
    if given in INPUTS
]


def test_every_option_of_every_command_is_known_to_read_to_write_or_to_name_no_file():
    assert {"caption", "alt-text", "embed", "train", "evaluate", "report"} < {words[-1] for words in ALL}
    for words, command in ALL.items():
        assert isinstance(command, Command), f"showtell {' '.join(words)} is not guarded: make it with guard.App"
        for name in named_files(command):
            tables = (name in INPUTS) + (name in OUTPUTS) + (name in NO_FILES)
            assert tables == 1, f"showtell {' '.join(words)}: put its option {name} into one table of cli/guard.py"
    known = {name for command in ALL.values() for name in named_files(command)}
    assert known == INPUTS.keys() | OUTPUTS.keys() | NO_FILES


@pytest.mark.parametrize(("words", "output", "given"), PAIRS, ids=lambda one: one if isinstance(one, str) else one[-1])
def test_no_command_writes_over_an_input(words, output, given, showtell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    finder = OUTPUTS_OF.get((words[-1], output), OUTPUTS[output])
    if finder in (OUTPUTS["store"], OUTPUTS_OF["train", "out"]):
        file, value = tmp_path / "out" / ("store.json" if finder is OUTPUTS["store"] else "recipe.json"), "out"
    else:
        file, value = tmp_path / "metrics.jsonl", "metrics.jsonl"
    if given == "run":
        file = file.with_name("metrics.jsonl")
        if finder is OUTPUTS["store"]:
            pytest.skip("a store has no such file")
    file.parent.mkdir(exist_ok=True)
    file.write_text("precious")
    if given == "folder":
        file = file.rename(tmp_path / "x.png")
        value = "x.png"
    inputs = {
        "encoder": f"onnx:{file}",
        "set_": f"data.captions='{file}'",
        "run": str(file.parent),
        "folder": str(file.parent),
    }
    arguments = {output: value, given: inputs.get(given, str(file))}
    command = ALL[words]
    line = []
    for one in command.params:
        if one.name in arguments:
            line += [*one.opts[:1] * one.opts[0].startswith("-"), arguments[one.name]]
        elif one.required:
            line += [*one.opts[:1] * one.opts[0].startswith("-"), "nothing"]
    result = showtell(*words, *line)
    assert (result.code, result.out) == (2, ""), result.err
    assert "would overwrite an input" in result.err
    assert result.err.count("\n") == 1
    assert file.read_text() == "precious"


def _as(kind, picture, folder):
    """A name of the picture, or of what holds it, for the command to read."""
    if kind == "list":
        (folder / "list.txt").write_text(f"{picture}\n")
        return folder / "list.txt"
    if kind == "link to the folder":
        (folder / "linked").symlink_to(picture.parent)
        return folder / "linked"
    return {
        "itself": picture,
        "folder": picture.parent,
        "pattern": f"{picture.parent}/*.png",
        "braces": f"{picture.parent}/{{0..4}}.png",
    }[kind]


@pytest.mark.parametrize("kind", ["itself", "folder", "pattern", "braces", "list", "link to the folder"])
@pytest.mark.parametrize("way", ["same name", "roundabout", "symbolic link", "hard link"])
def test_a_picture_is_known_by_any_name(photos, showtell, tmp_path, tiny_bundle, kind, way):
    picture = photos / "3.png"
    before = picture.read_bytes()
    output = {"same name": picture, "roundabout": photos / ".." / "photos" / "3.png"}.get(way, tmp_path / "out")
    if way == "symbolic link":
        output.symlink_to(picture)
    if way == "hard link":
        os.link(picture, output)
    result = showtell("caption", _as(kind, picture, tmp_path), "-o", output, "--model", tiny_bundle)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert "--output would overwrite an input" in result.err
    assert picture.read_bytes() == before


def test_a_name_in_other_letters_is_the_same_file_where_the_file_system_says_so(
    photos, showtell, tmp_path, tiny_bundle
):
    os.link(photos / "3.png", photos / "3.PNG")  # what such a file system answers for the other name
    result = showtell("caption", photos / "3.png", "-o", photos / "3.PNG", "--model", tiny_bundle)
    assert "would overwrite an input" in result.err
    result = showtell("caption", photos, "-o", tmp_path / "A.txt", "--html", tmp_path / "a.TXT", "--model", tiny_bundle)
    both = ("--html and --output name the same file", "--output and --html name the same file")
    assert any(message in result.err for message in both)


def test_pieces_of_a_job_are_compared_too(photos, showtell, tmp_path, tiny_bundle):
    parts = tmp_path / "out.csv.parts"
    parts.mkdir()
    piece = parts / "part-000007.parquet"
    piece.write_bytes(b"precious")
    line = ["--format", "csv", "--piece-size", "32", "--model", tiny_bundle]
    result = showtell("caption", piece, "-o", tmp_path / "out.csv", *line)
    assert (result.code, "would overwrite an input" in result.err) == (2, True)
    assert piece.read_bytes() == b"precious"


def test_captions_in_a_zip_and_files_of_a_recipe_are_compared(showtell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.zip").write_bytes(b"precious")
    result = showtell("evaluate", "m.showtell", "--pictures", "p", "--captions", "a.zip/c.json", "--out", "a.zip")
    assert "--out would overwrite an input" in result.err
    Path("runs/here").mkdir(parents=True)
    Path("runs/here/metrics.jsonl").write_text("precious")
    Path("r.toml").write_text('name = "here"\n[data]\npictures = ["p"]\ncaptions = "runs/here/metrics.jsonl"\n')
    result = showtell("train", "r.toml")
    assert (result.code, "would overwrite an input" in result.err) == (2, True)
    assert Path("runs/here/metrics.jsonl").read_text() == "precious"


@pytest.mark.parametrize("key", ["captions", "validation_captions"])
@pytest.mark.parametrize("place", [0, 1])
def test_files_of_every_data_set_of_a_recipe_are_compared(showtell, tmp_path, monkeypatch, key, place):
    monkeypatch.chdir(tmp_path)
    Path("runs/here").mkdir(parents=True)
    Path("runs/here/metrics.jsonl").write_text("precious")
    sets = ['[[data]]\nname = "a"\npictures = ["p"]\n', '[[data]]\nname = "b"\npictures = ["q"]\n']
    sets[place] += f'{key} = "runs/here/metrics.jsonl"\n'
    Path("r.toml").write_text('name = "here"\n' + "".join(sets))
    result = showtell("train", "r.toml")
    assert (result.code, "would overwrite an input" in result.err) == (2, True)
    assert Path("runs/here/metrics.jsonl").read_text() == "precious"


def test_outputs_in_a_folder_of_pictures_are_no_pictures(photos, showtell, tiny_bundle):
    for _ in range(2):
        result = showtell("caption", photos, "-o", photos / "captions.txt", "--model", tiny_bundle)
        assert result.code == 0, result.err
    assert len((photos / "captions.txt").read_text().splitlines()) == 10
