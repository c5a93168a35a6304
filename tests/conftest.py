"""What all tests share."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local_server import LocalServer
from repository import ROOT

CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    """A web server on this machine; proxies that the environment names are left out."""
    monkeypatch.setenv("no_proxy", "*")
    running = LocalServer()
    yield running
    running.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, with no window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install '.[test]'")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("no Chromium on this machine: install Debian's package chromium to look at pages in it")
    with playwright.sync_playwright() as drivers:
        running = drivers.chromium.launch(executable_path=chromium, headless=True, args=list(CHROMIUM_FLAGS))
        yield running
        running.close()


@dataclass(frozen=True)
class Ran:
    """What a run of the command line left: exit code, standard output and standard error."""

    code: int
    out: str
    err: str


@pytest.fixture
def showtell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs the command line in this process, for speed; `test_cli.py` runs it as a user does."""
    from showtell.cli import main

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr("sys.argv", ["showtell", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Ran(int(ended.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets: `SHOWTELL_DATA`, else `../shared/data` beside the repository, else a skip."""
    default = ROOT.parent / "shared" / "data"
    folder = Path(os.environ.get("SHOWTELL_DATA") or default)
    if not (folder / "coco").is_dir():
        pytest.skip("real data not found: set SHOWTELL_DATA to the folder that holds flickr8k/ and coco/")
    return folder


@pytest.fixture(scope="session")
def tiny_encoder() -> bytes:
    """A real encoder graph of 8 channels for squares of 32 pixels, with random weights: fast, and no package needed."""
    import json

    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    from showtell.encoders.runtime import METADATA_KEY, EncoderInfo
    from showtell.images.preprocessing import Preprocessing

    info = EncoderInfo("tiny", "0" * 64, 8, 16, Preprocessing(size=32))
    kernel = np.random.default_rng(0).normal(0, 0.3, (8, 3, 8, 8)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["picture", "kernel"], ["planes"], strides=[8, 8]),
            helper.make_node("Relu", ["planes"], ["features"]),
            helper.make_node("GlobalAveragePool", ["features"], ["averaged"]),
            helper.make_node("Flatten", ["averaged"], ["pooled"]),
            helper.make_node("Reshape", ["features", "shape"], ["flat"]),
            helper.make_node("Transpose", ["flat"], ["grid"], perm=[0, 2, 1]),
        ],
        "tiny",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["B", 3, 32, 32])],
        [
            helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["B", 8]),
            helper.make_tensor_value_info("grid", TensorProto.FLOAT, ["B", 16, 8]),
        ],
        [
            numpy_helper.from_array(kernel, "kernel"),
            numpy_helper.from_array(np.array([0, 8, 16], np.int64), "shape"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    helper.set_model_props(model, {METADATA_KEY: json.dumps(info.to_json())})
    serialised: bytes = model.SerializeToString()
    return serialised


@pytest.fixture(scope="session")
def tiny_bundle(tiny_encoder: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole model bundle around `tiny_encoder`, with a decoder of random weights that is never at a loss."""
    options = {"kind": "show_and_tell", "hidden": 16, "word": 12, "picture": "every_step"}
    return _random_bundle(tmp_path_factory.mktemp("model"), tiny_encoder, "pooled", options)


@pytest.fixture(
    scope="session",
    params=[
        {"kind": "attention", "hidden": 16, "word": 16, "cell": 14, "attention": 10},
        {"kind": "transformer", "hidden": 16, "heads": 4, "feed_forward": 24},
    ],
    ids=lambda options: options["kind"],
)
def looking_bundle(
    request: pytest.FixtureRequest, tiny_encoder: bytes, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Likewise, of every kind that looks at the grid's cells."""
    return _random_bundle(tmp_path_factory.mktemp("model"), tiny_encoder, "grid", request.param)


def _random_bundle(folder: Path, encoder: bytes, output: str, decoder_table: dict[str, Any]) -> Path:
    import torch

    from showtell.decoders.registry import build
    from showtell.encoders import Encoder
    from showtell.text import SPECIALS, Vocabulary
    from showtell.training import recipe_from
    from showtell.training.export import export_bundle

    words = ("a", "ball", "big", "blue", "dog", "grass", "in", "jumps", "man", "on", "red", "sits", "snow", "the")
    vocabulary = Vocabulary(tuple(sorted([*words, *SPECIALS])))
    recipe = recipe_from({"name": "tiny", "encoder": {"name": "tiny", "output": output}, "decoder": decoder_table})
    shape = Encoder(encoder).info.shape(recipe.encoder.output)
    torch.manual_seed(0)
    decoder = build(recipe.decoder_kind, recipe.decoder, shape, len(vocabulary)).eval()
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.mul_(4)  # decided opinions, so that float16 storage changes no word
    path = folder / "tiny.showtell"
    scores = {"bleu_4": 0.0, "cider_d": 0.0, "val_loss": 0.0, "epoch": 1}
    counts = {"train": 0, "validation": 0, "captions": 0}
    export_bundle(path, recipe, decoder, vocabulary, encoder, scores, counts)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of ten drawn PNG pictures of several sizes."""
    import numpy as np
    from PIL import Image

    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(10):
        rng = np.random.default_rng(i)
        small = rng.integers(0, 255, (4, 5, 3), dtype=np.uint8)
        Image.fromarray(small).resize((40 + 7 * i, 60), Image.Resampling.BICUBIC).save(folder / f"{i}.png")
    return folder


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the course's three zips in small, see `course.py`."""
    from course import write_course_zips

    folder = tmp_path_factory.mktemp("course")
    write_course_zips(folder)
    return folder


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty drawn pictures in a zip with their captions as JSON lines, and room for a store that runs can share."""
    import json
    import zipfile

    from showtell.data.synthetic.shapes import Shapes, ShapesOptions

    folder = tmp_path_factory.mktemp("data")
    shapes = Shapes(ShapesOptions(train_pictures=48, val_pictures=12))
    captions = shapes.captions()
    with zipfile.ZipFile(folder / "p.zip", "w") as archive:
        for picture in shapes.read():
            archive.writestr(picture.name, picture.data)
    lines = [
        {"image": name, "caption": list(texts), "split": captions.splits[name]}
        for name, texts in captions.captions.items()
    ]
    (folder / "captions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder
