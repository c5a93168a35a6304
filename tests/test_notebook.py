"""examples/show_and_tell.ipynb: stored with its outputs, and run from its first cell to its last on small data."""

import json
import re

import nbformat
import pytest
from nbclient import NotebookClient

from drawn_curves import drawn_curves, expected_curves
from repository import ROOT

EXAMPLES = ROOT / "examples"
SMALL = "LIMIT, BATCH, EPOCHS, STEPS = 24, 8, 2, 4"


@pytest.fixture
def notebook():
    return nbformat.read(EXAMPLES / "show_and_tell.ipynb", 4)


def cell(notebook, name):
    (found,) = [cell for cell in notebook.cells if cell["id"] == name]
    return found


def printed(notebook, name):
    return "".join(output.text for output in cell(notebook, name).outputs if output.get("name") == "stdout")


def pictures(notebook, name):
    return [output for output in cell(notebook, name).outputs if "image/png" in output.get("data", {})]


def run(notebook, *parameters):
    """Run it all with other parameters, in the notebook's own folder; an error in a cell is raised."""
    cell(notebook, "parameters").source += "\n" + "\n".join(parameters)
    where = {"metadata": {"path": str(EXAMPLES)}}
    NotebookClient(notebook, timeout=None, kernel_name="python3", resources=where).execute()


def test_it_is_stored_with_the_outputs_of_this_code(notebook, monkeypatch):
    """Of one run from the first cell to the last, by `docs/store_notebook.py`, which records a digest of the code."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    from store_notebook import digest

    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) > 10
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert notebook.metadata["code_sha256"] == digest(notebook), "run python docs/store_notebook.py"
    assert not any(
        output.output_type == "error" or output.get("name") == "stderr" for c in code for output in c.outputs
    )
    assert len(pictures(notebook, "score-good")) == len(pictures(notebook, "score-bad")) == 1
    assert "embeddings (" in printed(notebook, "embed-all")


def test_it_is_small_and_names_nothing_of_the_machine_that_ran_it():
    text = (EXAMPLES / "show_and_tell.ipynb").read_text()
    assert len(text) < 900_000
    assert not re.search(r"/home/|/root/|/tmp/|/work/|Users", text)


def test_it_goes_through_the_course_in_nine_steps(notebook):
    assert notebook.cells[0].cell_type == "markdown"
    headings = [line for cell in notebook.cells for line in cell.source.splitlines() if re.match(r"## \d\. ", line)]
    assert [heading[:5] for heading in headings] == [f"## {number}." for number in range(1, 10)]


@pytest.fixture(scope="module")
def shapes_run(tmp_path_factory):
    notebook = nbformat.read(EXAMPLES / "show_and_tell.ipynb", 4)
    folder = tmp_path_factory.mktemp("notebook")
    run(notebook, SMALL, f"RUN = {str(folder)!r}")
    return notebook, folder


def test_it_runs_on_the_data_set_that_is_drawn_by_code(shapes_run):
    notebook, folder = shapes_run
    assert "24 to train on, 24 to validate" in printed(notebook, "data-load")
    assert "embeddings (48, 1280)" in printed(notebook, "embed-all")
    assert (folder / "notebook.showtell").is_file()
    assert (folder / "checkpoints" / "weights_1.safetensors").is_file()


def test_it_prints_the_notebooks_padding_and_temperatures(shapes_run):
    notebook, _ = shapes_run
    assert printed(notebook, "batch-pad").startswith("[[1 2 3]\n [4 5 1]]\nembeddings (8, 1280)")
    assert "0.35344772639219624 0.34564811360592396 0.3009041600018798" in printed(notebook, "temperature-table")


def test_its_curves_are_live(shapes_run):
    """The picture in the training cell took the place of the words that stood there before the first epoch."""
    notebook, folder = shapes_run
    (curves,) = [out.data["image/svg+xml"] for out in cell(notebook, "train-run").outputs if "data" in out]
    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert len(metrics) == 2
    assert drawn_curves(curves) == expected_curves(metrics)
    assert "appear after the first epoch" not in str(cell(notebook, "train-run").outputs)


def test_the_loss_begins_below_that_of_a_model_that_knows_nothing(shapes_run):
    said = printed(shapes_run[0], "train-run")
    nothing = float(re.search(r"knows nothing: loss ([\d.]+)", said)[1])
    losses = [float(loss) for loss in re.findall(r"epoch \d/2: loss ([\d.]+)", said)]
    assert nothing > losses[0] > losses[1]


def test_it_shows_captions_and_ten_good_and_ten_bad(shapes_run):
    """6.9: by CIDEr-D, and the good ones are not the bad ones."""
    notebook, _ = shapes_run
    for name in ("data-show", "temperature-captions", "caption-index", "caption-ten", "caption-files"):
        assert len(pictures(notebook, name)) == 1, name
    good, bad = pictures(notebook, "score-good"), pictures(notebook, "score-bad")
    assert len(good) == len(bad) == 1
    assert good[0].data["image/png"] != bad[0].data["image/png"]


def test_two_paths_lead_it_to_the_courses_own_zips(notebook, course, tmp_path):
    paths = f"PICTURES, CAPTIONS = {[str(course / 'train2014.zip')]!r}, {str(course / 'captions_train-val2014.zip')!r}"
    run(notebook, SMALL, f"RUN = {str(tmp_path)!r}", paths + " + '/captions_train2014.json'")
    assert "22 to train on, 2 to validate" in printed(notebook, "data-load")
    assert "CIDEr-D" in printed(notebook, "score-all")
