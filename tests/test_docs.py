"""What the documentation says can be done, can be done; what it names, exists."""

import ast
import importlib
import re
import shlex
import subprocess
import sys

import pytest
import typer

from repository import ROOT
from showtell.cli import app

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
PROGRAM = typer.main.get_command(app)
OTHER_PROGRAMS = {"curl", "make", "pip", "python", "ray", "taskset"}


def blocks(language):
    """Every block in a language of every page, named after its page and its place there."""
    found = []
    for page in PAGES:
        marked = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
        own = [text for label, text in marked if label == language]
        found += [pytest.param(text, id=f"{page.relative_to(ROOT)}-{i}") for i, text in enumerate(own)]
    return found


def commands(program="showtell"):
    """Every command line of the blocks without a language, without its comment, that runs a program."""
    lines = [line for block in blocks("") for line in block.values[0].splitlines()]
    plain = {re.sub(r"^(?:[A-Z_]+=\S+ )+", "", line.partition("  #")[0].strip()) for line in lines}
    return sorted(line for line in plain if line.split()[0] == program)


def options_of(command):
    """Every long option of a command and of the commands below it."""
    own = {option for parameter in command.params for option in parameter.opts + parameter.secondary_opts}
    for below in getattr(command, "commands", {}).values():
        own |= options_of(below)
    return {option for option in own if option.startswith("--")} | {"--help"}


def test_there_are_pages_and_blocks_of_every_language():
    """So that the tests below, which go through these, cannot pass for want of them."""
    assert len(PAGES) >= 40
    assert len(blocks("python")) >= 8
    assert len(blocks("toml")) >= 5
    assert len(commands()) >= 80


@pytest.mark.parametrize("block", blocks("python"))
def test_python_examples_run(block):
    done = subprocess.run([sys.executable, "-c", block], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", blocks("toml"))
def test_toml_examples_are_recipes(block, tmp_path):
    from showtell.training import read_recipe

    (tmp_path / "recipe.toml").write_text(block)
    read_recipe(tmp_path / "recipe.toml")


@pytest.mark.parametrize("recipe", sorted((ROOT / "recipes").glob("*.toml")), ids=lambda path: path.name)
def test_every_recipe_can_be_read(recipe):
    from showtell.training import read_recipe

    assert read_recipe(recipe).name


@pytest.mark.parametrize("line", commands())
def test_every_command_in_a_block_can_be_parsed(line):
    """Its name exists, its options are that command's, and its values are of the kinds that they take."""
    command, words = PROGRAM, shlex.split(line)[1:]
    while hasattr(command, "commands") and not words[0].startswith("-"):
        command, words = command.commands[words[0]], words[1:]
    if hasattr(command, "commands"):  # options of the program itself, such as --version, which would act when parsed
        assert {*words} <= {option for parameter in command.params for option in parameter.opts}
    else:
        command.make_context("showtell", words)


@pytest.mark.parametrize("block", blocks(""))
def test_a_block_without_a_language_holds_commands_of_known_programs(block):
    """So that no command escapes the test above; anything else than commands is marked as `text` or by its language."""
    lines = [re.sub(r"^(?:[A-Z_]+=\S+ )+", "", line) for line in block.splitlines()]
    assert {line.split()[0] for line in lines} <= {"showtell", *OTHER_PROGRAMS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_option_and_file_and_link_in_a_page_exists(page):
    text = page.read_text()
    scripts = " ".join(
        path.read_text()
        for path in [*(ROOT / "benchmarks").glob("*.py"), *(ROOT / ".ci").glob("*.py"), *DOCS.rglob("*.py")]
    )
    everything = options_of(PROGRAM) | set(re.findall(r"\"(--[a-z][a-z-]+)\"", scripts))
    own = re.sub(r"`ray [^`]*`|pip install .*", "", text)
    if page.parent.name == "coming-from":
        own = re.sub(r"^\|[^|]*\|", "", own, flags=re.MULTILINE)  # the first column has another program's options
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+(?![\w-])", own)) <= everything
    made_by_the_reader = set(re.findall(r"Put this into `([\w./-]+)`", text))
    assert not any((ROOT / path).exists() for path in made_by_the_reader)
    for path in re.findall(r"(?<![\w./-])(?:src|tests|benchmarks|recipes|examples|deploy|docs)/[\w./-]*[\w/]", text):
        assert path in made_by_the_reader or (ROOT / path).exists() or not (ROOT / path.split("/")[0]).exists(), path
    for target in re.findall(r"\]\((?!https://)([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        there = page.parent / path if path else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def anchors(page):
    """The anchors of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_of_the_documentation_is_in_its_index():
    linked = {(DOCS / target).resolve() for target in re.findall(r"\]\(([^)#]+)", (DOCS / "README.md").read_text())}
    folders = ("tutorials", "guide", "coming-from", "models", "reference", "explanation", "results")
    pages = {page for folder in folders for page in (DOCS / folder).glob("*.md")} | {DOCS / "troubleshooting.md"}
    assert pages
    assert pages <= linked


@pytest.mark.slow  # some of them need PyTorch
def test_every_dotted_name_of_the_package_in_a_page_exists():
    named = {name for page in PAGES for name in re.findall(r"`(showtell(?:\.\w+)+)", page.read_text())}
    assert named
    for name in named:
        parts = name.split(".")
        found = importlib.import_module("showtell")
        for i, part in enumerate(parts[1:], 1):
            try:
                found = getattr(found, part)
            except AttributeError:
                found = importlib.import_module(".".join(parts[: i + 1]))


def test_guides_reference_and_examples_import_nothing_deeper_than_the_package():
    """What they use is public (`tests/recorded/public_api.txt`), so that files may move without breaking anyone."""
    pages = [ROOT / "README.md", *(page for folder in ("guide", "reference") for page in (DOCS / folder).glob("*.md"))]
    pages += [ROOT / "examples" / "show_and_tell.ipynb", *(ROOT / "examples").rglob("*.py")]
    text = "\n".join(page.read_text() for page in pages)
    assert "from showtell import" in text
    assert not re.findall(r"(?:from|import) showtell\.\w+", text)
    text = text.replace((DOCS / "reference" / "python-api.md").read_text(), "")  # its docstrings name their sources
    assert not re.findall(r"`showtell\.\w+\.\w+", text)


def written_in_the_code():
    """Every text in the package's source: a pattern in which what is filled in may be anything, and its own letters."""
    for path in (ROOT / "src" / "showtell").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            texts = [one.value.strip() for one in parts if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if sum(map(len, texts)) >= 12:
                yield re.compile(".*".join(map(re.escape, filter(None, texts)))), sum(map(len, texts))


def test_messages_in_troubleshooting_are_those_of_the_program():
    """A message holds a text of the source, of a sixth of its length or more: names and lists are filled in."""
    page = (DOCS / "troubleshooting.md").read_text()
    lines = [line for block in re.findall(r"```text\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    assert len(lines) >= 20
    texts = list(written_in_the_code())

    def known(line):
        return any(6 * length >= len(line) and pattern.search(line) for pattern, length in texts)

    assert [line for line in lines if not known(line)] == []
    assert not known("showtell: cut.jpg: this is a message that the program never prints: try again")


def test_pages_made_from_the_code_are_up_to_date():
    done = subprocess.run(
        [sys.executable, DOCS / "generate.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_option_of_caption_is_in_a_guide():
    guides = " ".join(page.read_text() for page in (DOCS / "guide").glob("*.md"))
    documented = set(re.findall(r"--[a-z][a-z-]+", guides))
    assert options_of(PROGRAM.commands["caption"]) - documented <= {"--output", "--help"}


def test_the_map_of_the_rooms_has_every_room_on_its_floor():
    page = (DOCS / "explanation" / "architecture.md").read_text()
    rows = re.findall(r"^\| (\d+) \| (.*?) \|", page, re.MULTILINE)
    listed = {name.removesuffix(".py"): int(floor) for floor, names in rows for name in re.findall(r"`(\w+)", names)}
    walls = ast.parse((ROOT / "tests" / "test_walls.py").read_text())
    (floors,) = [
        ast.literal_eval(node.value)[""]
        for node in walls.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FLOORS"
    ]
    assert listed == {name: floor for floor, names in enumerate(floors, 1) for name in names}


def test_the_first_screen_of_the_readme_has_the_two_commands():
    first = (ROOT / "README.md").read_text().splitlines()[:25]
    assert any(line.startswith("make demo") for line in first)
    assert any(line.startswith("make test") for line in first)
    assert any("cannot do" in line for line in first)
