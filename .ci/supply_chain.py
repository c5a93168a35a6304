"""Wheel, sdist, their dependencies and the hashes of these.

    python .ci/supply_chain.py build     # dist/: an sdist, and the wheel that it makes; both are checked
    python .ci/supply_chain.py try       # the wheel in an empty environment for each extra on each Python
    python .ci/supply_chain.py lock      # requirements-demo.txt: versions and hashes of what `make demo` installs

`try` first builds. It takes the Pythons that `--python` names, or of those that pyproject.toml declares the ones that
are installed. In each environment it verifies the model of the package, captions a photograph, and uses the extra once.
Extras that bring PyTorch are tried with its build for the CPU. Where there is none, `--cuda` takes the build for CUDA,
which downloads gigabytes. `--write` puts what became of it, and the licence and size of every dependency, into
docs/results/packages.md.

uv, which is installed for this, makes the environments. `lock` asks it for the releases of the Python package index
and the hashes of all their files, so that the list holds for every platform and every Python.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from package_contents import ROOT, faults_of

DIST = ROOT / "dist"
LOCK = ROOT / "requirements-demo.txt"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BEGIN, END = "<!-- tables: .ci/supply_chain.py -->", "<!-- end of tables -->"
BUILD = ("hatchling>=1.24", "editables>=0.5")  # what an editable installation runs
TORCH = {"train", "keras", "timm", "tensorboard", "wandb", "mlflow"}  # extras that bring PyTorch
USES = {
    "": "import showtell",
    "embed": "from showtell.embeddings.store import EmbeddingStore",
    "onnx": "import onnx, showtell.encoders.sources.onnx",
    "tokenizers": "import showtell.text.subwords, tokenizers; tokenizers.Tokenizer(tokenizers.models.BPE())",
    "import": "import huggingface_hub, showtell.pretrained.run",
    "remote": "import fsspec; fsspec.filesystem('memory')",
    "excel": "import openpyxl; openpyxl.Workbook()",
    "heic": "import pillow_heif; pillow_heif.register_heif_opener()",
    "metadata": "import pyexiv2",
    "java": "import pycocoevalcap",
    "ray": "import showtell.ray.cluster",
    "serve": "import showtell.serve.app, showtell.serve.run",
    "train": (
        "import sys; sys.argv = 'showtell train --data shapes --out run --set training.epochs=1 "
        "--set training.epoch_steps=20'.split(); from showtell.cli import main; main()"
    ),
    "keras": "import os; os.environ['KERAS_BACKEND'] = 'torch'; import keras, showtell.training",
    "timm": "import timm, showtell.training; timm.create_model('resnet18')",
    "tensorboard": "import tensorboardX, showtell.training",
    "wandb": "import wandb, showtell.training",
    "mlflow": "import mlflow, showtell.training",
}
"""What is run with each extra."""
LISTED = """
import importlib.metadata, json
def licence(one):
    said = one.get("License-Expression") or one.get("License") or ""
    classes = [c.split(" :: ")[-1] for c in one.get_all("Classifier") or () if c.startswith("License :: ")]
    return said if said and len(said) < 60 and "\\n" not in said else ", ".join(classes) or "see its metadata"
def size(one):
    paths = [one.locate_file(path) for path in one.files or ()]
    return sum(path.stat().st_size for path in paths if path.is_file())
found = [(d.metadata["Name"], d.version, licence(d.metadata), size(d)) for d in importlib.metadata.distributions()]
print(json.dumps(sorted(one for one in found if one[0].lower() not in ("pip", "setuptools", "showtell"))))
"""
SMOKE = "from showtell.cli import main; main()"


@dataclass
class Try:
    """An environment for one extra on one Python: seconds to install it, its packages, and what failed."""

    python: str
    extra: str
    cuda: bool = False
    seconds: float = 0.0
    packages: list[tuple[str, str, str, int]] = field(default_factory=list)
    fault: str = ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("build", "try", "lock"))
    parser.add_argument("--python", nargs="*", help="interpreters (default: those declared that are installed)")
    parser.add_argument("--extra", nargs="*", help="extras (default: none, and each that is for users)")
    parser.add_argument("--cuda", action="store_true", help="PyTorch for CUDA where there is none for the CPU")
    parser.add_argument("--at-once", type=int, default=2, help="environments made at once")
    parser.add_argument("--write", type=Path, help="a Markdown page to put the tables into")
    args = parser.parse_args()
    if args.what == "lock":
        lock()
        return 0
    wheel = build()
    if args.what == "build":
        return 0
    extras = list(USES) if args.extra is None else args.extra
    uv = [environment(sys.executable, ROOT / "build" / "uv"), "-m", "uv"]
    install([uv[0]], ["uv"])
    pairs = [(python, extra) for python in args.python or installed_pythons() for extra in extras]
    with ThreadPoolExecutor(args.at_once) as pool:
        tries = list(pool.map(lambda pair: tried(*pair, wheel, uv, args.cuda), pairs))
    text = tables(tries)
    print(text)
    if args.write:
        write_into(args.write, text)
    return 1 if any(one.fault and not one.fault.startswith("not tried") for one in tries) else 0


def build() -> Path:
    """Build the sdist, then the wheel from it, and check both; the wheel."""
    shutil.rmtree(DIST, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        python = environment(sys.executable, Path(folder) / "env")
        install([python], [BUILD[0]])
        run([python, "-m", "hatchling", "build", "-t", "sdist", "-d", str(DIST)], cwd=ROOT)
        (sdist,) = DIST.glob("*.tar.gz")
        shutil.unpack_archive(sdist, folder, filter="data")
        (source,) = Path(folder).glob("showtell-*")
        run([python, "-m", "hatchling", "build", "-t", "wheel", "-d", str(DIST)], cwd=source)
    (wheel,) = DIST.glob("*.whl")
    if faults := [f"{path.name} {fault}" for path in (sdist, wheel) for fault in faults_of(path)]:
        raise SystemExit("\n".join(faults))
    print(f"{sdist.name}: {sdist.stat().st_size / 1e6:.1f} MB, {wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB")
    return wheel


def installed_pythons() -> list[str]:
    """Interpreters of the declared versions: from PATH, and those of pyenv."""
    declared = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if ":: Python :: 3." in line]
    found = []
    for version in declared:
        places = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
        path = str(places[-1]) if places else shutil.which(f"python{version}")
        found += [path] if path else []
    return found


def tried(python: str, extra: str, wheel: Path, uv: Sequence[str], cuda: bool = False) -> Try:
    """Install the wheel with an extra into an empty environment, and use it."""
    version = output([python, "-c", "import platform; print(platform.python_version())"]).strip()
    one = Try(version, extra)
    with tempfile.TemporaryDirectory() as folder:
        own = str(Path(folder) / "env" / ("Scripts" if os.name == "nt" else "bin") / "python")
        packages = [*uv, "pip", "install", "--python", own, "-c", str(ROOT / "constraints.txt")]
        env = surroundings(local=not (cuda and extra == "timm"))  # torchvision must be of PyTorch's own kind
        began = time.monotonic()
        try:
            run([*uv, "venv", "--quiet", "--python", python, str(Path(folder) / "env")])
            one.cuda = extra in TORCH and "nvidia" in planned([*packages, "--dry-run", "torch"], env)
            if one.cuda and not cuda:
                one.fault = "not tried: the registry has no build of PyTorch for the CPU"
                return one
            output([*packages, f"{wheel}[{extra}]" if extra else str(wheel)], env=env)
            one.seconds = time.monotonic() - began
            photo = shutil.copy(ROOT / "examples" / "photos" / "coffee-cup.jpg", folder)
            run([own, "-c", SMOKE, "verify"], cwd=folder)
            run([own, "-c", SMOKE, "caption", photo], cwd=folder)
            run([own, "-c", USES[extra]], cwd=folder)
            one.packages = [tuple(package) for package in json.loads(output([own, "-c", LISTED]))]
        except subprocess.CalledProcessError as error:
            one.fault = (error.stderr.strip().splitlines() or ["failed"])[-1]
    print(f"Python {one.python}, {one.extra or 'alone'}: {one.fault or f'{one.seconds:.0f} s'}", flush=True)
    return one


def planned(command: Sequence[str], env: Mapping[str, str]) -> str:
    """What uv says that it would install."""
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stderr


def environment(python: str, folder: Path) -> str:
    """An empty environment; its interpreter."""
    run([python, "-m", "venv", str(folder)])
    return str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")


def install(python: Sequence[str], what: Sequence[str]) -> None:
    run([*python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what])


def run(command: Sequence[str], cwd: Path | str | None = None) -> None:
    output(command, cwd)


def output(command: Sequence[str], cwd: Path | str | None = None, env: Mapping[str, str] | None = None) -> str:
    """Standard output of a command."""
    return subprocess.run(
        command, cwd=cwd, env=env or surroundings(), capture_output=True, text=True, check=True
    ).stdout


def surroundings(local: bool = True) -> dict[str, str]:
    """This process's environment without its Python path, and where uv, too, finds certificates and, if `local`, local
    packages.
    """
    hidden = {"PYTHONPATH"} if local else {"PYTHONPATH", "PIP_FIND_LINKS", "UV_FIND_LINKS"}
    own = {name: value for name, value in os.environ.items() if name not in hidden}
    for ours, pips in (("UV_FIND_LINKS", "PIP_FIND_LINKS"), ("SSL_CERT_FILE", "PIP_CERT")):
        if pips in own:
            own.setdefault(ours, own[pips])
    return own


def lock() -> None:
    """Write `requirements-demo.txt`."""
    with tempfile.TemporaryDirectory() as folder:
        python = environment(sys.executable, Path(folder) / "env")
        install([python], ["uv"])
        asked = Path(folder) / "demo.in"
        asked.write_text("\n".join([*PROJECT["dependencies"], *BUILD]) + "\n")
        least = PROJECT["requires-python"].removeprefix(">=")
        options = ["--generate-hashes", "--universal", "--python-version", least, "--no-annotate", "--no-header"]
        text = output([python, "-m", "uv", "pip", "compile", "--quiet", *options, str(asked)])
    head = "# Made by python .ci/supply_chain.py lock: what `make demo LOCKED=1` installs, by versions and hashes.\n"
    LOCK.write_text(head + text)


def tables(tries: Sequence[Try]) -> str:
    """What became of every environment, and each dependency with its licence, size and extras."""
    pythons = list(dict.fromkeys(one.python for one in tries))
    rows = [
        f"| extra | packages | MB | {' | '.join(f'Python {one}' for one in pythons)} |",
        "|---" * (3 + len(pythons)) + "|",
    ]
    for extra in dict.fromkeys(one.extra for one in tries):
        own = [one for one in tries if one.extra == extra]
        whole = next((one.packages for one in own if one.packages), [])
        cells = [one.fault or ("works, with PyTorch for CUDA" if one.cuda else "works") for one in own]
        rows.append(f"| {extra or '(none)'} | {len(whole)} | {megabytes(whole)} | {' | '.join(cells)} |")
    packages: dict[str, tuple[str, str, int, list[str]]] = {}
    for one in tries:
        if one.python != pythons[0]:
            continue
        for name, version, licence, size in one.packages:
            packages.setdefault(name, (version, licence, size, []))[3].append(one.extra)
    rows += [
        "",
        f"On Python {pythons[0]}:",
        "",
        "| package | version | licence | MB | needed by |",
        "|---|---|---|---|---|",
    ]
    for name, (version, licence, size, extras) in sorted(packages.items(), key=lambda item: item[0].lower()):
        needed = "Showtell" if "" in extras else ", ".join(extras)
        rows.append(f"| {name} | {version} | {licence} | {size / 1e6:.1f} | {needed} |")
    return "\n".join(rows)


def megabytes(packages: Iterable[tuple[str, str, str, int]]) -> str:
    return f"{sum(size for *_, size in packages) / 1e6:.0f}"


def write_into(page: Path, text: str) -> None:
    """Put the tables between the marks of a page."""
    before, after = page.read_text().split(BEGIN)[0], page.read_text().split(END)[1]
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


if __name__ == "__main__":
    sys.exit(main())
