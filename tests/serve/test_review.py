"""The review page in a browser, by keyboard alone, and the page for programs."""

from contextlib import closing
from dataclasses import replace

import pytest

from serving import app_running
from showtell.alt_text import AltTextOptions, write_alt_texts
from showtell.alt_text.journal import Journal
from showtell.alt_text.options import JOURNAL
from showtell.alt_text.review import Review
from showtell.serve.auth import Access, own_names
from showtell.serve.review_app import make_review_app


@pytest.fixture
def folder(photos, tiny_captioner):
    """Captioned pictures, of which the model is not sure of three."""
    write_alt_texts(photos, tiny_captioner, AltTextOptions(), show=False)
    for name in ("0.png", "1.png", "2.png"):
        (photos / f"{name}.txt").unlink()
    with closing(Journal(photos / JOURNAL)) as journal:
        found = [(name, replace(one, caption="a dog", confidence=0.1)) for name, one in journal.entries() if name < "3"]
        journal.put(found)
    return photos


@pytest.fixture
def axe():
    return pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe is not installed: pip install '.[test]'"
    ).Axe()


def violations(axe, page):
    return [(one["id"], one["nodes"][0]["html"]) for one in axe.run(page).response["violations"]]


def test_captions_are_accepted_edited_and_rejected_by_keyboard(browser, folder, axe):
    app = make_review_app(Review(folder), Access(hosts=own_names("127.0.0.1", ())))
    with app_running(app) as running:
        page = browser.new_page(viewport={"width": 390, "height": 800})
        complaints = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{running.base}/")
        page.locator("#name", has_text="0.png").wait_for()
        assert page.locator("#why").inner_text() == "The model is not sure of this caption: confidence 10%."
        assert violations(axe, page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.keyboard.press("Enter")
        page.locator("#name", has_text="1.png").wait_for()
        page.keyboard.press("e")
        page.keyboard.type("My dog, u and e.")
        page.keyboard.press("Enter")
        page.locator("#name", has_text="2.png").wait_for()
        page.keyboard.press("Delete")
        page.locator("#end", has_text="Every caption has a decision.").wait_for()
        page.close()
    assert (folder / "0.png.txt").read_text() == "A dog.\n"
    assert (folder / "1.png.txt").read_text() == "My dog, u and e.\n"
    assert not (folder / "2.png.txt").exists()
    assert complaints == []


def test_the_page_for_programs_sends_what_it_says(browser, plain, axe, drawn, tiny_captioner):
    page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme="dark")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{plain.base}/docs")
    form = page.locator("section", has=page.locator("#caption")).locator("form")
    form.locator("[data-name=beam]").fill("1")
    form.locator("[data-name=must_not]").fill("a, the")
    assert form.locator("pre").first.inner_text() == (
        f"curl -F 'picture=@photo.jpg' '{plain.base}/v1/caption?beam=1&must_not=a&must_not=the'"
    )
    form.locator("input[type=file]").set_input_files([{"name": "x.png", "mimeType": "image/png", "buffer": drawn[0]}])
    form.get_by_role("button", name="Send").click()
    page.get_by_text("Status 200").wait_for()
    expected = tiny_captioner.caption(drawn[0], beam=1, must_not=["a", "the"]).text
    assert f'"caption": "{expected}"' in form.locator("pre").last.inner_text()
    assert violations(axe, page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert all(url.startswith(f"{plain.base}/") for url in asked)
    page.close()
