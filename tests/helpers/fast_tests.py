"""Which tests `make test-fast` runs: those that need no package beyond the extra `test-fast`, start no processes, and
are not marked slow.

What a test needs is read from its source: packages that its file imports at the top, those that it imports itself, and
those of the functions, fixtures and helper modules that it uses.
"""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

HELPERS = Path(__file__).parent
TESTS = HELPERS.parent

# Packages that the extra `test-fast` leaves out, and rooms of Showtell that need them.
HEAVY = (
    *("axe_playwright_python", "cv2", "efficientnet_lite_pytorch", "keras", "matplotlib", "mypy", "nbclient"),
    *("nbformat", "onnxscript", "playwright", "pycocoevalcap", "pyexiv2", "ray", "schemathesis", "tensorflow"),
    *("timm", "torch"),
    *("showtell.decoders", "showtell.encoders.sources.keras", "showtell.estimator", "showtell.ray"),
    "showtell.training",
)
STARTING = ("forked", "subprocess", "user_process")  # a second or more for each process
LIGHT = ("showtell.decoders.runtime",)


def is_heavy(name: str) -> bool:
    """Whether a module, by its full name, needs a package that is left out."""

    def within(modules: tuple[str, ...]) -> bool:
        return any(name == module or name.startswith(f"{module}.") for module in modules)

    return (within(HEAVY) and not within(LIGHT)) or (
        (HELPERS / f"{name.partition('.')[0]}.py").is_file() and needs_heavy(HELPERS / f"{name.partition('.')[0]}.py")
    )


def imported(node: ast.AST) -> Iterator[str]:
    """Modules that a statement imports, `pytest.importorskip` included, but not in functions that it defines."""
    for inner in _outside_of_functions(node):
        if isinstance(inner, ast.Import):
            yield from (alias.name for alias in inner.names)
        elif isinstance(inner, ast.ImportFrom) and inner.module:
            yield from (f"{inner.module}.{alias.name}" for alias in inner.names)
        elif isinstance(inner, ast.Call) and ast.unparse(inner.func) == "pytest.importorskip":
            first = inner.args[0]
            if isinstance(first, ast.Constant):
                yield str(first.value)


def _outside_of_functions(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _outside_of_functions(child)


@functools.cache
def needs_heavy(path: Path) -> bool:
    """Whether a file cannot even be imported without a heavy package."""
    return any(map(is_heavy, imported(ast.parse(path.read_text()))))


@functools.cache
def heavy_functions(path: Path) -> frozenset[str]:
    """Functions of a file that import a heavy package, start processes, or use a function or fixture that does."""
    above = path.parent.parent / "conftest.py" if path.name == "conftest.py" else path.parent / "conftest.py"
    heavy: set[str] = set()
    while above.is_relative_to(TESTS):
        if above.is_file():
            heavy |= heavy_functions(above)
        above = above.parent.parent / "conftest.py"
    body = ast.parse(path.read_text()).body
    heavy |= {name for node in body for name in _bound_to(node, STARTING)}
    functions = [node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    heavy -= {node.name for node in functions}
    imports = {node.name for node in functions if any(is_heavy(n) for one in ast.walk(node) for n in imported(one))}
    heavy |= imports
    while True:
        found = {node.name for node in functions if node.name not in heavy and _names(node) & heavy}
        if not found:
            return frozenset(heavy)
        heavy |= found


def _bound_to(node: ast.stmt, modules: tuple[str, ...]) -> set[str]:
    """The names by which an import makes modules, or what lies in them, known."""
    if isinstance(node, ast.ImportFrom) and node.module in modules:
        return {alias.asname or alias.name for alias in node.names}
    if isinstance(node, ast.Import):
        return {alias.asname or alias.name for alias in node.names if alias.name in modules}
    return set()


def _names(node: ast.AST) -> set[str]:
    """Every name that a function uses, parameters and what decorators name in strings (`usefixtures`) included."""
    names = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    names |= {inner.arg for inner in ast.walk(node) if isinstance(inner, ast.arg)}
    return names | {
        inner.value for inner in ast.walk(node) if isinstance(inner, ast.Constant) and _is_name(inner.value)
    }


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value.isidentifier()
