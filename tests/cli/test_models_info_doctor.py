"""The commands that say which models there are, what one is, and what this machine has."""

import importlib
import json
import shutil

import pytest

from showtell.models.bundle import read_bundle

doctor = importlib.import_module("showtell.cli.doctor")  # the package has the command by that name


@pytest.fixture
def own_models(tiny_bundle, tmp_path, monkeypatch):
    folder = tmp_path / "models"
    folder.mkdir()
    shutil.copy(tiny_bundle, folder / "mine.showtell")
    monkeypatch.setenv("SHOWTELL_MODELS", str(folder))
    monkeypatch.setenv("COLUMNS", "80")
    return folder


def test_models_lists_names_sizes_and_titles_the_default_first(showtell, own_models):
    ran = showtell("models")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert max(map(len, lines)) <= 80
    names = [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "]
    assert names[:2] == ["model", "general"]
    assert {"mine", "flickr8k"} <= set(names)
    found = {one["name"]: one for one in json.loads(showtell("models", "--json").out)}
    assert found["mine"]["path"] == str(own_models / "mine.showtell")
    assert found["mine"]["words"] == len(read_bundle(own_models / "mine.showtell").vocabulary)
    assert [one["name"] for one in found.values() if one["default"]] == ["general"]


def test_a_model_that_is_damaged_is_listed_with_what_is_wrong(showtell, own_models):
    (own_models / "torn.showtell").write_bytes(b"PK")
    (found,) = [one for one in json.loads(showtell("models", "--json").out) if one["name"] == "torn"]
    assert "not a whole model bundle" in found["error"]
    assert "not a whole" in " ".join(showtell("models").out.split())


def test_info_says_what_a_model_is(showtell, own_models):
    ran = showtell("info", "mine")
    assert ran.code == 0
    said = " ".join(ran.out.split())
    bundle = read_bundle(own_models / "mine.showtell")
    assert f"words {len(bundle.vocabulary)} entries" in said
    assert f"encoder {bundle.model['encoder']['name']}, float32, pooled" in said
    assert "decoder show_and_tell, hidden" in said
    assert "confidence not calibrated" in said
    assert json.loads(showtell("info", "mine", "--json").out) == bundle.model
    said = " ".join(showtell("info").out.split())
    assert "model general: " in said
    assert "confidence calibrated tags calibrated" in said
    assert showtell("info", "nothing").code == 2


def test_doctor_says_what_is_installed_and_what_is_missing(showtell, own_models, monkeypatch):
    real = doctor._installed
    monkeypatch.setattr(doctor, "_installed", lambda package: "" if package == "fastapi" else real(package))
    monkeypatch.setenv("COLUMNS", "200")  # for the long name of a folder of tests
    ran = showtell("doctor")
    assert ran.code == 0
    said = " ".join(ran.out.split())
    assert f"{own_models}: 1 model" in said
    assert "extra serve needs fastapi: pip install 'showtell[serve]'" in said
    assert "extra embed installed" in said
    assert "default model general: gives its golden caption" in said


def test_extras_of_extras_are_looked_through():
    needed = {"a": ["one"], "b": ["showtell[a,c]", "two[x]"], "c": ["three"]}
    assert list(doctor._packages("b", needed)) == ["one", "three", "two"]
