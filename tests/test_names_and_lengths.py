"""What keeps the package readable: a class name means one thing, and a function fits a screen."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import showtell

SOURCE = Path(showtell.__file__).parent
LONGEST = 60
MARKER = re.compile(r"^(<{7}|>{7}) ", re.MULTILINE)

TABLES = {"metrics/ptb_rules.py rules"}


def trees(source):
    for path in sorted(source.rglob("*.py")):
        yield path.relative_to(source).as_posix(), ast.parse(path.read_text())


def shared_names(source):
    """The files of every class name that several files define; a private class counts by its name without `_`."""
    found = defaultdict(set)
    for file, tree in trees(source):
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                found[node.name.lstrip("_")].add(file)
    return {name: files for name, files in found.items() if len(files) > 1}


def long_functions(source):
    """Functions of more than `LONGEST` lines; of a command, whose signature is its options, the body alone counts."""
    found = set()
    for file, tree in trees(source):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[0]
                if file.startswith("cli/") and ast.get_docstring(node) and len(node.body) > 1:
                    first = node.body[1]
                begin = first.lineno if file.startswith("cli/") else node.lineno
                if node.end_lineno - begin + 1 > LONGEST:
                    found.add(f"{file} {node.name}")
    return found


def test_a_class_name_means_one_thing():
    assert shared_names(SOURCE) == {}


def test_no_function_is_longer_than_a_screen():
    assert long_functions(SOURCE) == TABLES


def test_a_second_class_of_a_name_and_a_long_function_are_found(tmp_path):
    (tmp_path / "cli").mkdir()
    (tmp_path / "one.py").write_text("class Page: pass\n")
    (tmp_path / "two.py").write_text("class _Page: pass\n")
    long = "def long(\n" + "    a,\n" * 70 + "):\n" + "    '''What.'''\n" + "    a = 1\n" * 3
    (tmp_path / "three.py").write_text(long)
    (tmp_path / "cli" / "command.py").write_text(long)
    (tmp_path / "cli" / "other.py").write_text("def other():\n" + "    a = 1\n" * 61)
    assert shared_names(tmp_path) == {"Page": {"one.py", "two.py"}}
    assert long_functions(tmp_path) == {"three.py long", "cli/other.py other"}


def unresolved(source):
    """Files with the markers of a merge that was not resolved."""
    texts = (path for path in sorted(source.rglob("*")) if path.suffix in {".py", ".js", ".css", ".html", ".csv"})
    return [path.name for path in texts if MARKER.search(path.read_text(encoding="utf-8"))]


def test_no_file_has_the_markers_of_an_unresolved_merge(tmp_path):
    assert unresolved(SOURCE) == []
    (tmp_path / "page.js").write_text("".join(["let a;\n", "<" * 7, " HEAD\n"]))
    assert unresolved(tmp_path) == ["page.js"]
