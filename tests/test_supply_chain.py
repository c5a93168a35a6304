"""What can be known of packages and their dependencies without a network; `.ci/supply_chain.py` tries the rest."""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile

import pytest
import yaml

from repository import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = ROOT / "requirements-demo.txt"


@pytest.fixture
def contents(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / ".ci"))
    import package_contents

    return package_contents


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """An sdist and a wheel, as hatchling builds them from this tree."""
    pytest.importorskip("hatchling", reason="hatchling is not installed: pip install '.[test]'")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def locked():
    """Requirements of the lock file: name, version, and hashes."""
    text = LOCK.read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            name, version = re.match(r"([\w.-]+)==([\w.]+)", line).groups()
            yield name.lower(), version, re.findall(r"--hash=sha256:([0-9a-f]{64})(?!\S)", line)


@pytest.mark.slow  # it builds an sdist and a wheel of fifty megabytes
def test_wheel_and_sdist_hold_what_they_must_and_nothing_else(contents, dist):
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    assert contents.faults_of(wheel) == []
    assert contents.faults_of(sdist) == []
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = [archive.read(name).decode() for name in names if name.endswith(".dist-info/METADATA")]
    assert "showtell/py.typed" in names
    assert "showtell/models/general.showtell" in names
    assert "\nLicense-Expression: Apache-2.0\n" in metadata
    assert set(re.findall(r"^Provides-Extra: (.*)$", metadata, re.MULTILINE)) == set(PROJECT["optional-dependencies"])
    with tarfile.open(sdist) as archive:
        assert {"requirements-demo.txt", "tests", "docs"} <= {name.split("/")[1] for name in archive.getnames()}


def test_every_extra_for_users_is_tried(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / ".ci"))
    import supply_chain

    for_contributors = {"bench", "dev", "docs", "test", "test-fast"}
    assert {*supply_chain.USES} == {"", *PROJECT["optional-dependencies"]} - for_contributors
    needing = {name for name, parts in PROJECT["optional-dependencies"].items() if "showtell[train]" in parts}
    assert {"train", *needing} == supply_chain.TORCH


def test_what_is_missing_strange_or_large_is_a_fault(contents):
    good = {f"showtell/{name}": 1 for name in contents.package_files()}
    good |= {"showtell-1.dist-info/METADATA": 1, "showtell-1.dist-info/licenses/LICENSE": 1}
    assert contents.wheel_faults(good) == []
    bad = {
        name: size for name, size in good.items() if name not in ("showtell/py.typed", "showtell-1.dist-info/METADATA")
    }
    bad |= {"showtell/photo.jpg": 1, "showtell/errors.py": 2_000_000}
    assert contents.wheel_faults(bad) == [
        "lacks showtell/py.typed",
        "holds showtell/photo.jpg",
        "lacks METADATA in its metadata",
        "holds showtell/photo.jpg, a kind of file that the package does not have",
        "holds showtell/errors.py of 2,000,000 bytes",
    ]
    found = contents.sdist_faults(
        {"examples/photos/coffee-cup.jpg": 1, "tests/of-someone.jpg": 1, "src/showtell/a.npz": 1}
    )
    assert "lacks src/showtell/py.typed" in found
    assert "holds the picture tests/of-someone.jpg, of which CREDITS.md knows nothing" in found
    assert "holds showtell/a.npz, a kind of file that the package does not have" in found
    assert not any("coffee-cup" in fault for fault in found)


def test_the_demos_lock_names_every_dependency_by_version_and_hash():
    requirements = pytest.importorskip("packaging.requirements", reason="packaging is not installed")
    lines = list(locked())
    assert len(lines) > 15
    assert all(hashes for _, _, hashes in lines)
    wanted = [requirements.Requirement(line) for line in [*PROJECT["dependencies"], "hatchling>=1.24", "editables"]]
    for one in wanted:
        versions = [version for name, version, _ in lines if name == one.name]
        assert versions, one.name
        assert all(one.specifier.contains(version) for version in versions), one


def test_the_demos_lock_holds_what_the_dependencies_need():
    """As the releases that are installed here name it."""
    import importlib.metadata

    requirements = pytest.importorskip("packaging.requirements", reason="packaging is not installed")
    names, waiting = (
        {name for name, _, _ in locked()},
        [re.match(r"[\w-]+", line)[0] for line in PROJECT["dependencies"]],
    )
    seen = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for line in importlib.metadata.requires(name) or ():
            one = requirements.Requirement(line)
            if one.marker is None or one.marker.evaluate({"extra": ""}):
                waiting.append(one.name.lower().replace("_", "-"))
    assert seen <= names


def test_the_pythons_that_are_declared_are_those_that_ci_runs():
    declared = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert workflow["jobs"]["all"]["strategy"]["matrix"]["python"] == declared
    assert PROJECT["requires-python"] == f">={declared[0]}"
