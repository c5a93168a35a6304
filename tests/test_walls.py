"""The walls of the house: which room may import which, and where PyTorch and other large packages may be imported."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

import showtell

SOURCE = Path(showtell.__file__).parent

# The floors of the package from the bottom up, and those within its rooms. What stands on a floor imports only what
# stands on lower floors or beside it; `docs/explanation/architecture.md` says what each room is for.
FLOORS = {
    "": [
        {"_version", "errors", "products", "progress"},
        {"config", "files", "text", "onnx_graphs", "images", "metrics"},
        {"data", "encoders", "search", "visualization"},
        {"embeddings", "decoders"},
        {"quantization"},
        {"models"},
        {"captioning", "data_check"},
        {"alt_text", "client", "evaluation", "pretrained"},
        {"post_training"},
        {"training"},
        {"ray", "serve", "estimator"},
        {"cli"},
    ],
    "text": [{"protocol", "rules"}, {"guess", "pieces"}, {"subwords", "words"}],
    "onnx_graphs": [{"safety", "export", "merging"}, {"session"}],
    "data": [{"download"}, {"sources"}, {"captions"}, {"synthetic", "selection", "sample"}, {"examples", "catalogue"}],
    "encoders": [{"runtime"}, {"graph_editing"}, {"trained"}, {"sources"}, {"registry"}, {"cache"}],
    "captioning": [
        {"attention", "confidence", "memory", "tags"},
        {"objects"},
        {"minimum_risk"},
        {"caption", "options"},
        {"generator"},
        {"captioner"},
        {"output", "golden"},
        {"jobs"},
    ],
    "evaluation": [
        {
            "comparison",
            "copies",
            "correlation",
            "diversity",
            "figures",
            "hallucination",
            "human_baseline",
            "next_word",
            "result",
            "run",
            "signature",
            "wording",
        },
        {"report"},
    ],
}


def modules(source=SOURCE):
    """The name of every module without `showtell.`, a package by its own name, and its file."""
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
        if parts:  # the package itself hands on public names, and nothing imports it
            yield ".".join(parts), path


def imports(path):
    """Everything that a module imports, by its full name; not what only a type checker sees."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@functools.cache
def graph_of(source=SOURCE):
    """The modules that each module imports, both by their names without `showtell.`."""
    files = dict(modules(source))
    graph = {}
    for module, path in files.items():
        names = {name.removeprefix("showtell.") for name in imports(path) if name.startswith("showtell.")}
        assert "__version__" not in names, f"{path}: import __version__ from showtell._version"
        targets = {name if name in files else name.rpartition(".")[0] for name in names}
        graph[module] = {name for name in targets if name in files and name != module}
    return graph


def upward_imports(graph):
    """Imports of a higher floor, as (module, what it imports)."""
    found = []
    for room, floors in FLOORS.items():
        of = {name: floor for floor, names in enumerate(floors) for name in names}
        inside = f"{room}." if room else ""
        for module, targets in graph.items():
            for target in targets:
                if module.startswith(inside) and target.startswith(inside):
                    below, above = (name.removeprefix(inside).split(".")[0] for name in (module, target))
                    if of.get(below, 0) < of.get(above, 0):
                        found.append((module, target))
    return found


def circle(graph):
    """Modules that import each other in a cycle, in order; empty if there are none."""
    done, path = set(), []

    def visit(module):
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        path.append(module)
        for target in sorted(graph[module]):
            if found := visit(target):
                return found
        done.add(path.pop())
        return []

    for module in sorted(graph):
        if found := visit(module):
            return found
    return []


@pytest.mark.parametrize("room", FLOORS)
def test_every_room_has_one_floor(room):
    inside = f"{room}." if room else ""
    rooms = {m.removeprefix(inside).split(".")[0] for m, _ in modules() if m.startswith(inside)}
    listed = [name for floor in FLOORS[room] for name in floor]
    assert sorted(listed) == sorted(rooms)


def test_the_package_has_few_loose_modules_and_rooms():
    assert len(list(SOURCE.glob("*.py"))) <= 10
    assert len({path.parent for path in SOURCE.glob("*/*.py")}) <= 22


def test_no_module_imports_a_higher_floor():
    assert upward_imports(graph_of()) == []


def test_no_modules_import_each_other():
    assert circle(graph_of()) == []


FILES = [module for module, path in modules() if path.name != "__init__.py"]


@pytest.mark.parametrize("module", [module for module in FILES if not module.startswith("cli.")])
def test_an_import_of_the_top_floor_is_found_in_every_module_below(module):
    graph = graph_of() | {module: {"cli.caption"}}
    assert (module, "cli.caption") in upward_imports(graph)


@pytest.mark.parametrize("module", FILES)
def test_a_circle_is_found_wherever_it_is(module):
    other = "errors" if module != "errors" else "text"
    assert circle(graph_of() | {module: {other}, other: {module}}) in ([module, other, module], [other, module, other])


def test_planted_files_turn_the_walls_red(tmp_path):
    for room in ("cli", "images"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text("")
    (tmp_path / "cli" / "main.py").write_text("from showtell.images import decode\n")
    (tmp_path / "images" / "decode.py").write_text("")
    assert not upward_imports(graph_of(tmp_path))
    assert not circle(graph_of(tmp_path))
    graph_of.cache_clear()
    (tmp_path / "images" / "decode.py").write_text("def late():\n    from showtell.cli.main import run\n")
    assert upward_imports(graph_of(tmp_path)) == [("images.decode", "cli.main")]
    assert circle(graph_of(tmp_path)) == ["cli.main", "images.decode", "cli.main"]


# Who may import what is heavy: whole rooms, or single files that do it inside functions.
HEAVY = {
    "torch": {
        "training",
        "decoders",
        "onnx_graphs.export",
        "encoders.sources.efficientnet_lite",
        "encoders.sources.keras",
        "encoders.sources.timm",
    },
    "keras": {"encoders.sources.keras", "encoders.sources.keras_graph", "encoders.sources.keras_layers"},
    "onnx": {
        "training",
        "decoders",
        "encoders.graph_editing",
        "encoders.sources",
        "encoders.trained",
        "onnx_graphs.merging",
        "pretrained",
        "quantization",
    },
    "onnxscript": {"training", "decoders"},
    "huggingface_hub": {"pretrained.hub"},
    "tokenizers": {"pretrained.convert", "text.pieces", "text.subwords"},
    "transformers": set(),
    "matplotlib": set(),
    "cv2": set(),
    "ray": {"ray"},
    "fastapi": {"serve", "cli.serve"},
    "pydantic": {"serve"},
    "starlette": {"serve"},
    "uvicorn": {"serve", "cli.serve"},
}


def allowed(package, module):
    return package not in HEAVY or any(module == room or module.startswith(f"{room}.") for room in HEAVY[package])


def test_heavy_packages_are_imported_where_they_may_be_only():
    for module, path in modules():
        for name in imports(path):
            assert allowed(name.split(".")[0], module), f"{path} imports {name}"


INSIDE_FUNCTIONS_ONLY = ("decoders", "decoders.runtime", "onnx_graphs.export")


def test_encoders_and_the_runtime_of_decoders_import_heavy_packages_inside_functions_only():
    for module, path in modules():
        if module.startswith(("encoders", "pretrained", "quantization", "text")) or module in INSIDE_FUNCTIONS_ONLY:
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.Import | ast.ImportFrom):
                    names = [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
                    assert not {name.split(".")[0] for name in names} & set(HEAVY), f"{path}: {ast.unparse(node)}"


def test_metrics_are_usable_alone():
    for module, path in modules():
        if module.split(".")[0] == "metrics":
            ours = [name for name in imports(path) if name.startswith("showtell.")]
            assert all(name.startswith(("showtell.metrics", "showtell.errors")) for name in ours), path


def test_captioning_embedding_and_verifying_never_import_pytorch(photos, tiny_bundle, tmp_path):
    program = f"""
import sys
from showtell import Captioner
from showtell.data.sources.picture_source import PictureSource
from showtell.embeddings.embed import embed
from showtell.captioning.golden import replay
import showtell.metrics, showtell.captioning.output.page, showtell.cli
captioner = Captioner({str(tiny_bundle)!r})
captioner.caption({str(photos / "0.png")!r})
replay(captioner)
embed(PictureSource({str(photos)!r}), captioner.encoder, {str(tmp_path / "s")!r}, show=False)
unwanted = {{"torch", "onnx", "matplotlib", "scipy", "tensorflow", "fastapi", "pydantic"}}
heavy = sorted(set(sys.modules) & unwanted)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_importing_showtell_imports_nothing_heavy():
    program = "import sys, showtell; print(sorted({'numpy', 'PIL', 'torch', 'onnxruntime', 'rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_is_ever_unpickled():
    for _, path in modules():
        text = path.read_text()
        assert "pickle" not in text.replace("unpickl", "").replace("allow_pickle=False", ""), path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("torch.load", "np.load", "numpy.load"):
                assert "weights_only=True" in ast.unparse(node) or "allow_pickle=False" in ast.unparse(node), path
