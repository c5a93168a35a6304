"""What all tests share."""

import os
import signal

# Before ONNX Runtime or PyTorch are imported, here or in a subprocess: threads that wait for work must not spin.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from fast_tests import heavy_functions, needs_heavy
from local_server import LocalServer
from repository import ROOT

FIXTURES = Path(__file__).parent / "fixtures"

hypothesis.settings.register_profile("tests", deadline=None)  # other work on the machine makes an example slow
hypothesis.settings.load_profile("tests")

CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="only tests that need no PyTorch and no browser, and are fast")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `--fast`, leave out files that cannot be imported without what `.[test-fast]` does not install."""
    if config.getoption("--fast") and collection_path.suffix == ".py" and needs_heavy(collection_path):
        return True
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--fast`, leave out tests that are marked slow, or that use what `.[test-fast]` does not install."""
    if not config.getoption("--fast"):
        return
    slow = [one for one in items if one.get_closest_marker("slow") or _name_of(one) in heavy_functions(one.path)]
    config.hook.pytest_deselected(items=slow)
    items[:] = [one for one in items if one not in set(slow)]


def _name_of(item: pytest.Item) -> str:
    return getattr(item, "originalname", None) or item.name


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
        handler = signal.getsignal(signal.SIGINT)
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            signal.signal(signal.SIGINT, handler)
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
    """A real encoder graph of 8 channels for squares of 32 pixels, with random weights."""
    return (FIXTURES / "encoder.onnx").read_bytes()


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole model bundle around `tiny_encoder`, with a decoder of random weights and sharp distributions."""
    return _copy_of("show_and_tell", tmp_path_factory)


@pytest.fixture(scope="session", params=["attention", "transformer"])
def looking_bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Likewise, of every kind that looks at the grid's cells."""
    return _copy_of(request.param, tmp_path_factory)


def _copy_of(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fixture of a kind of decoder as `tiny.showtell`, in a folder that tests may write to."""
    return Path(shutil.copy(FIXTURES / f"{kind}.showtell", tmp_path_factory.mktemp("model") / "tiny.showtell"))


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
def small_data(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: bytes) -> Path:
    """Sixty drawn pictures in a zip, their captions as JSON lines, the tiny encoder as `encoder.onnx`, and room for a
    store that runs can share.
    """
    import json
    import zipfile

    from showtell.data.synthetic.shapes import Shapes, ShapesOptions

    folder = tmp_path_factory.mktemp("data")
    (folder / "encoder.onnx").write_bytes(tiny_encoder)
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
