"""The walls of the house: which room may import which, and where PyTorch may be met."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import showtell

SOURCE = Path(showtell.__file__).parent

# From the bottom up; a room may import what stands on lines above its own, or beside it on the same line.
FLOORS = [
    {"errors", "files", "int8_products", "int8_rows", "markup", "model_names", "progress", "resample", "tables"},
    {"image", "text"},
    {"data", "metrics"},
    {"encoders"},
    {"pipeline", "store", "search", "attention", "confidence", "tags"},
    {"caption", "caption_rows", "embed", "bundle", "next_word", "precision"},
    {"ensemble"},
    {"writer"},
    {"captioner"},
    {
        "alt_text",
        "caption_pieces",
        "check",
        "fingerprint",
        "verify",
        "training",
        "evaluation",
        "survey",
        "tune",
        "calibrate",
        "quantisation",
    },
    {"estimator", "report"},
    {"serve", "ray"},
    {"cli"},
]


def modules():
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        if parts != ("__init__",):
            yield parts, path


def imports(path):
    """(module, whether at the top level of the file) for every import of ours or of anyone's."""
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
            yield node.module


def floor_of(room):
    (floor,) = [i for i, rooms in enumerate(FLOORS) if room in rooms]
    return floor


def test_every_room_has_a_floor():
    assert {parts[0] for parts, _ in modules()} == set().union(*FLOORS)


@pytest.mark.parametrize(
    ("parts", "path"), list(modules()), ids=lambda value: "/".join(value) if isinstance(value, tuple) else ""
)
def test_no_room_imports_a_higher_one(parts, path):
    for name in imports(path):
        if name.startswith("showtell."):
            assert floor_of(name.split(".")[1]) <= floor_of(parts[0]), f"{path} imports {name}"


def test_no_circle_of_modules():
    graph = {".".join(parts).removesuffix(".__init__"): set() for parts, _ in modules()}
    for parts, path in modules():
        module = ".".join(parts).removesuffix(".__init__")
        for name in imports(path):
            target = name.removeprefix("showtell.")
            if name.startswith("showtell.") and target in graph and target != module:
                graph[module].add(target)
    for start in graph:  # a package and its own modules may know each other
        reached, ahead = set(), list(graph[start])
        while ahead:
            module = ahead.pop()
            if module not in reached:
                reached.add(module)
                ahead += [n for n in graph[module] if not n.startswith(module + ".")]
        assert start not in reached or "." not in start, f"{start} imports itself by way of others"


# Who may import what is heavy: whole rooms, or single files that do it inside functions.
HEAVY = {
    "torch": {
        ("training",),
        ("encoders", "efficientnet_lite"),
        ("encoders", "keras"),
        ("encoders", "timm"),
        ("encoders", "torch_export"),
    },
    "keras": {("encoders", "keras"), ("encoders", "keras_graph"), ("encoders", "keras_layers")},
    "onnx": {
        ("training",),
        ("encoders", "efficientnet_lite"),
        ("encoders", "graph"),
        ("encoders", "keras"),
        ("encoders", "keras_layers"),
        ("encoders", "onnx"),
        ("encoders", "quantise"),
        ("encoders", "rounding"),
        ("encoders", "timm"),
        ("int8_products",),
    },
    "onnxscript": {("training",)},
    "matplotlib": {("training",)},
    "cv2": set(),
    "ray": {("ray",)},
    "fastapi": {("serve",), ("cli", "serve")},
    "pydantic": {("serve",)},
    "starlette": {("serve",)},
    "uvicorn": {("serve",), ("cli", "serve")},
}


def test_heavy_packages_are_imported_where_they_may_be_only():
    for parts, path in modules():
        for name in imports(path):
            allowed = HEAVY.get(name.split(".")[0])
            assert allowed is None or parts[:1] in allowed or parts in allowed, f"{path} imports {name}"


def test_the_encoders_import_heavy_packages_inside_functions_only():
    for parts, path in modules():
        if parts[0] == "encoders":
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.Import | ast.ImportFrom):
                    names = [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
                    assert not {name.split(".")[0] for name in names} & set(HEAVY), f"{path}: {ast.unparse(node)}"


def test_metrics_are_usable_alone():
    for parts, path in modules():
        if parts[0] == "metrics":
            ours = [name for name in imports(path) if name.startswith("showtell.")]
            assert all(name.startswith(("showtell.metrics", "showtell.errors")) for name in ours), path


def test_captioning_embedding_and_verifying_never_import_pytorch(photos, tiny_bundle, tmp_path):
    program = f"""
import sys
from showtell import Captioner
from showtell.data.images import PictureSource
from showtell.embed import embed
from showtell.verify import replay
import showtell.metrics, showtell.report.page, showtell.cli
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
