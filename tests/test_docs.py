"""What the documentation says can be done, can be done."""

import re
import subprocess
import sys

import pytest
import typer

from repository import ROOT
from showtell.cli import app

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


def options_of(command):
    """Every long option of a command and of the commands below it."""
    own = {option for parameter in command.params for option in parameter.opts + parameter.secondary_opts}
    for below in getattr(command, "commands", {}).values():
        own |= options_of(below)
    return {option for option in own if option.startswith("--")} | {"--help"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_examples_run(page):
    for block in blocks(page, "python"):
        done = subprocess.run([sys.executable, "-c", block], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_toml_examples_are_recipes(page, tmp_path):
    from showtell.training import read_recipe

    for block in blocks(page, "toml"):
        (tmp_path / "recipe.toml").write_text(block)
        read_recipe(tmp_path / "recipe.toml")


def test_every_recipe_can_be_read():
    from showtell.training import read_recipe

    recipes = sorted((ROOT / "recipes").glob("*.toml"))
    assert recipes
    for recipe in recipes:
        read_recipe(recipe)


def test_every_option_in_the_pages_exists_and_every_option_of_caption_is_documented():
    program = typer.main.get_command(app)
    scripts = " ".join(path.read_text() for path in (ROOT / "benchmarks").glob("*.py"))
    everything = options_of(program) | set(re.findall(r"\"(--[a-z][a-z-]+)\"", scripts))
    for page in PAGES:
        text = re.sub(r"`ray [^`]*`", "", page.read_text())  # of another program
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
        assert named <= everything, (page.name, named - everything)
    options = options_of(program.commands["caption"]) - {"--help"}
    documented = set(re.findall(r"--[a-z][a-z-]+", (ROOT / "docs/guide/caption.md").read_text()))
    assert options - documented <= {"--output", "--model"}


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_first_screen_of_the_readme_has_the_two_commands():
    first = (ROOT / "README.md").read_text().splitlines()[:25]
    assert any(line.startswith("make demo") for line in first)
    assert any(line.startswith("make test") for line in first)
