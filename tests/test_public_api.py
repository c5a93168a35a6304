"""The public names are those that docs/reference/python-api.md lists, and docs and examples use no others."""

import ast
import importlib.util
import json
import re
import subprocess
import sys

import pytest

import showtell
from repository import ROOT

PACKAGE = ROOT / "src" / "showtell" / "__init__.py"


@pytest.fixture(scope="module")
def make_api():
    found = importlib.util.spec_from_file_location("make_api", ROOT / "docs" / "make_api.py")
    script = importlib.util.module_from_spec(found)
    sys.modules["make_api"] = script  # where its dataclass looks for its module
    found.loader.exec_module(script)
    yield script
    del sys.modules["make_api"]


def test_no_public_name_or_signature_has_changed(make_api):
    """Where one shall change, `make docs` writes the new list; what is removed or renamed belongs into CHANGELOG.md."""
    assert make_api.list_text() == make_api.LIST.read_text()


def test_the_reference_page_is_what_the_docstrings_say(make_api):
    assert make_api.page_text() == make_api.PAGE.read_text(), "run `make docs`"


def test_a_changed_signature_is_noticed(make_api):
    """The list holds parameters, defaults and fields, also those of methods that a base class has."""
    lines = make_api.LIST.read_text().splitlines()
    assert "tokenize(sentence: str) -> list[str]" in lines
    assert "class Tag(name: str, probability: float)" in lines
    captioner = lines.index(next(line for line in lines if line.startswith("class Captioner(")))
    below = "\n".join(lines[captioner + 1 :]).partition("\nclass")[0]
    methods = {re.search(r"(\w+)\(", line)[1] for line in below.splitlines()}
    assert {"caption", "caption_batch", "caption_stream", "caption_embeddings", "embed_pictures"} <= methods


def test_every_public_name_has_a_docstring(make_api):
    constants = {
        name for name, found in make_api.public().items() if isinstance(found.node, ast.Assign | ast.AnnAssign)
    }
    without = {name for name, found in make_api.public().items() if not found.doc.strip()}
    assert without <= constants


def test_type_checkers_see_the_names_that_load_on_first_use(make_api):
    seen = {}
    for node in ast.walk(ast.parse(PACKAGE.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("showtell."):
            for alias in node.names:
                public = alias.asname or alias.name
                seen[public] = node.module if public == alias.name else f"{node.module}:{alias.name}"
    assert seen.pop("__version__") == "showtell._version"
    assert seen == make_api.homes()
    assert sorted([*seen, "__version__"]) == sorted(showtell.__all__) == dir(showtell)


@pytest.mark.slow  # some need PyTorch, some Ray
def test_every_public_name_loads():
    for name in showtell.__all__:
        assert getattr(showtell, name) is not None, name
    with pytest.raises(AttributeError, match="nothing"):
        showtell.nothing  # noqa: B018


def test_what_needs_no_pytorch_loads_without_it():
    program = """
import sys, showtell
sys.modules.update(dict.fromkeys(("torch", "ray", "onnx", "matplotlib")))  # as if they were not installed
missing = set()
for name in showtell.__all__:
    try:
        getattr(showtell, name)
    except showtell.MissingExtra as error:
        missing.add((name, str(error).rpartition("[")[2].partition(" ")[0]))
print(sorted(missing))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    missing = dict(ast.literal_eval(done.stdout))
    assert {name for name, extra in missing.items() if extra == "ray]'"} == {
        name for name in showtell.__all__ if name.startswith("ray_")
    }
    assert {name for name, extra in missing.items() if extra == "train]'"} == {
        *("PictureBatches", "Recipe", "SeedsResult", "TrainResult", "TrainingProgress", "TrainingStopped", "Watch"),
        *("read_recipe", "recipe_from", "train", "train_seeds"),
    }


def test_no_public_name_is_hidden_by_a_module():
    """`import showtell.search` would put the module where a function of that name was."""
    modules = {path.stem for path in PACKAGE.parent.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert not modules & set(showtell.__all__) - {"__init__"}


def python_in(path):
    """The Python code of a page, a notebook or a program."""
    if path.suffix == ".md":
        return re.findall(r"```(?:python)?\n(.*?)```", path.read_text(), re.DOTALL)
    if path.suffix == ".ipynb":
        return [
            "".join(cell["source"]) for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"
        ]
    return [path.read_text()]


FOR_USERS = sorted(
    [
        ROOT / "README.md",
        *(page for page in (ROOT / "docs").rglob("*.md") if "contributing" not in page.parts),
        *(path for path in (ROOT / "examples").rglob("*") if path.suffix in (".md", ".py", ".ipynb")),
    ]
)


def imported_by(code):
    """Module and name of each import of Showtell in a piece of code; nothing where it is no Python."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return re.findall(r"^\s*from (showtell[\w.]*) import (\w+)", code, re.MULTILINE)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "showtell":
            found += [(node.module, alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names if alias.name.partition(".")[0] == "showtell"]
    return found


@pytest.mark.parametrize("path", FOR_USERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_docs_and_examples_import_from_showtell_itself(path):
    for code in python_in(path):
        for module, name in imported_by(code):
            assert module == "showtell", f"{path}: from {module} import {name}"
            assert not name or name in showtell.__all__, f"{path}: {name} is not public"


def test_imports_are_found_in_all_kinds_of_code():
    assert imported_by("from showtell.text import tokenize, Vocabulary") == [
        ("showtell.text", "tokenize"),
        ("showtell.text", "Vocabulary"),
    ]
    assert imported_by("import showtell.search") == [("showtell.search", "")]
    assert imported_by("from showtell.text import x\n$ not python") == [("showtell.text", "x")]
    assert sum(bool(imported_by(code)) for path in FOR_USERS for code in python_in(path)) > 15
