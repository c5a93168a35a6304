"""The documentation as a site: it builds strictly, loads nothing from other hosts, and can be searched from disk."""

import os
import re
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from repository import ROOT

pytestmark = pytest.mark.slow  # it builds all pages

NOT_LOADED = re.compile(r"<a\b[^>]*>")
LOADED = re.compile(r"""(?:src|href|srcset|content)=["']?(https?:)?//[^"'\s>]*|url\(["']?(?:https?:)?//[^)]*""")


def build(folder, *options):
    given = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(folder), *map(str, options)]
    return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs", reason="MkDocs is not installed: pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("built") / "site"
    done = build(folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_built_and_so_is_what_they_link_to_outside_of_docs(site):
    pages = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")]
    assert len(pages) >= 60
    for page in pages:
        html = page.with_suffix(".html") if page.name != "README.md" else page.with_name("index.html")
        assert (site / html).is_file(), page
    for path in ("CONTRIBUTING.html", "recipes/index.html", "recipes/flickr8k.toml.html", "ci/run.html"):
        assert (site / "repository" / path).is_file(), path
    assert not list(site.rglob("*.py"))


def test_relative_links_in_built_pages_lead_to_files(site):
    """MkDocs checks Markdown; this checks what became of it, added pages included."""
    count = 0
    for page in site.rglob("*.html"):
        if page.name == "404.html":
            continue
        for target in re.findall(r"""(?:href|src)=["']?([^"'\s>]+)""", page.read_text()):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc or not parts.path:
                continue
            assert (page.parent / parts.path).exists(), (page, target)
            count += 1
    assert count > 5000


def test_nothing_is_loaded_from_other_hosts(site):
    for page in site.rglob("*.html"):
        found = LOADED.search(NOT_LOADED.sub("", page.read_text()))
        assert not found, (page, found[0])
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//", style.read_text()), style


def test_search_works_from_disk_and_asks_no_host(site, browser):
    page = browser.new_page()
    page.set_default_timeout(0)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((site / "index.html").as_uri())
    page.locator("input.md-search__input").press_sequentially("quantize")
    page.locator(".md-search-result__link").first.wait_for()
    assert "quantize.html" in " ".join(
        link.get_attribute("href") for link in page.locator(".md-search-result__link").all()
    )
    assert asked
    assert all(url.startswith(("file:", "data:", "about:", "blob:")) for url in asked)
    page.close()


def test_a_link_that_leads_nowhere_and_a_page_outside_the_navigation_fail_the_build(tmp_path):
    pytest.importorskip("mkdocs", reason="MkDocs is not installed: pip install '.[docs]'")
    (tmp_path / "docs").mkdir()
    links = "[a](nothing.md) [b](../recipes/nothing.toml) [c](#nowhere) [fine](lost.md)"
    (tmp_path / "docs" / "README.md").write_text(f"# Home\n\n{links}\n")
    (tmp_path / "docs" / "lost.md").write_text("# Lost\n")
    own = f"INHERIT: {ROOT / 'mkdocs.yml'}\nhooks: ['{ROOT / 'docs' / 'site_hooks.py'}']\nnav: [README.md]\n"
    (tmp_path / "mkdocs.yml").write_text(own)
    done = build(tmp_path / "site", "--config-file", tmp_path / "mkdocs.yml")
    assert done.returncode != 0
    for said in ("'nothing.md'", "'../recipes/nothing.toml'", "'#nowhere'", "lost.md"):
        assert said in done.stderr
    assert "Aborted with 4 warnings in strict mode" in done.stdout
