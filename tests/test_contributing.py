"""The files for contributors and forges are well-formed, and agree with each other and with the package."""

import re
import shlex
import tomllib

import pytest
import yaml

import showtell
from repository import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PAGES = ["CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "SECURITY.md"]
MAKEFILE = (ROOT / "Makefile").read_text()


def read(path):
    return yaml.safe_load((ROOT / path).read_text())


def test_the_citation_file_has_what_its_format_requires_and_this_version():
    """The required keys of the Citation File Format 1.2.0, and types of those that are there."""
    citation = read("CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= citation.keys()
    assert citation["type"] == "software"
    assert citation["version"] == showtell.__version__
    assert citation["license"] == PROJECT["license"]
    people = [*citation["authors"], *(one for work in citation["references"] for one in work["authors"])]
    assert all({"name"} == one.keys() or {"family-names", "given-names"} == one.keys() for one in people)
    assert all({"type", "title", "authors"} <= work.keys() for work in citation["references"])


def test_the_workflow_runs_what_continuous_integration_runs_on_every_supported_python():
    workflow = read(".github/workflows/ci.yml")
    assert workflow["permissions"] == {"contents": "read"}
    versions = workflow["jobs"]["all"]["strategy"]["matrix"]["python"]
    classified = [one.rpartition(" ")[2] for one in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", one)]
    assert versions == classified
    assert PROJECT["requires-python"] == f">={versions[0]}"
    commands = {name: [step["run"] for step in job["steps"] if "run" in step] for name, job in workflow["jobs"].items()}
    assert commands == {"fast": ["make test-fast PYTHON=python"], "all": [".ci/run"]}
    for job in workflow["jobs"].values():
        assert job["runs-on"] == "ubuntu-latest"
        assert job["timeout-minutes"] > 0
        assert all({"uses", "run"} & step.keys() for step in job["steps"])
        assert job["steps"][0]["uses"].startswith("actions/checkout@")


def test_what_continuous_integration_runs_is_the_whole_suite():
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == "exec make test"


@pytest.mark.parametrize("name", ["bug.yml", "idea.yml"])
def test_issue_forms_have_what_forges_require(name):
    form = read(f".github/ISSUE_TEMPLATE/{name}")
    assert form["name"]
    assert form["description"]
    ids = [field["id"] for field in form["body"]]
    assert len(set(ids)) == len(ids) > 1
    for field in form["body"]:
        assert field["type"] == "textarea"
        assert field["attributes"]["label"]


def test_hooks_before_a_commit_run_what_make_check_runs():
    (repository,) = read(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    hooks = [hook["entry"].replace(" --force-exclude", "") for hook in repository["hooks"]]
    checked = re.search(r"^check:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)[1].split("\n\t")
    assert hooks == [line.strip().removesuffix(" .") for line in checked]


def test_the_extra_for_developers_has_the_tests_tools_and_pre_commit():
    extras = PROJECT["optional-dependencies"]
    assert extras["dev"][0] == "showtell[test]"
    assert any(one.startswith("pre-commit") for one in extras["dev"])
    assert not any(re.match("torch|playwright|showtell\\[.*(train|test)", one) for one in extras["test-fast"])


def test_every_command_of_make_in_the_pages_exists():
    targets = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
    for page in [*PAGES, "README.md", ".github/pull_request_template.md", ".github/workflows/ci.yml"]:
        named = set(re.findall(r"(?:^|`|run: )make ([a-z-]+)", (ROOT / page).read_text(), re.MULTILINE))
        assert named <= targets, page
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1]
    assert set(shlex.split(phony)) == targets


@pytest.mark.parametrize("page", PAGES)
def test_links_and_paths_in_the_pages_lead_somewhere(page):
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / target).exists(), target
    for path in re.findall(r"(?:src|tests|benchmarks|docs)/[\w/.-]*\w/?", text):
        assert (ROOT / path).exists(), path
    for python in re.findall(r"python ((?:benchmarks|docs|tests)/\S+\.py)", text):
        assert (ROOT / python).is_file(), python


def test_the_changelog_has_the_form_of_keep_a_changelog_and_this_version():
    text = (ROOT / "CHANGELOG.md").read_text()
    releases = re.findall(r"^## \[(.+?)\](?: - \d{4}-\d\d-\d\d)?$", text, re.MULTILINE)
    assert len(releases) == len(re.findall(r"^## ", text, re.MULTILINE))
    assert releases[0] == "Unreleased"
    kinds = set(re.findall(r"^### (.*)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert showtell.__version__ in (*releases, *re.findall(r"this will be (\S+)\.$", text, re.MULTILINE))
