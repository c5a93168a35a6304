"""The service's page in a real browser: pictures in, captions out, for everyone, and nobody else is told."""

import base64
import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from repository import ROOT
from serving import service_running
from showtell.captioning.captioner import Captioned, Captioner
from showtell.captioning.output.registry import Layout, find_output_format
from showtell.serve.auth import Access


@pytest.fixture
def opened(browser):
    """Opens a service's page, and notes every request and complaint."""
    contexts = []

    def open_page(running, width=1280, scheme="light", **options):
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        page.asked, page.complaints = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(f"{running.base}/")
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def page(opened, plain):
    page = opened(plain)
    page.locator("#model strong", has_text="tiny").wait_for()
    return page


def files(drawn, count=3):
    return [{"name": f"{i}.png", "mimeType": "image/png", "buffer": data} for i, data in enumerate(drawn[:count])]


def hand_over(page, event, pictures):
    """Drop or paste pictures as a person does, from outside the page."""
    encoded = [[name, base64.b64encode(data).decode()] for name, data in pictures]
    page.evaluate(
        """([event, pictures]) => {
          const data = new DataTransfer();
          for (const [name, encoded] of pictures) {
            const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
            data.items.add(new File([bytes], name, { type: "image/png" }));
          }
          const made = event === "paste"
            ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })
            : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
          (event === "paste" ? document.body : document.querySelector("#drop")).dispatchEvent(made);
        }""",
        [event, encoded],
    )


def sentences(page, count=3):
    """The captions of so many cards, once all are there."""
    page.locator(f"#cards > li:nth-child({count}) .about").wait_for()
    while page.locator("figure[aria-busy]").count():
        page.wait_for_timeout(10)
    return [" ".join(text.split()) for text in page.locator(".said-now > .caption").all_inner_texts()]


def change(page, name, value):
    page.locator(f"#settings [name={name}]").fill(str(value))


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_three_pictures_become_three_captions_and_nobody_else_is_asked(page, plain, tiny_captioner, drawn, event):
    hand_over(page, event, [(f"{i}.png", data) for i, data in enumerate(drawn[:3])])
    expected = [caption.text for caption in tiny_captioner.caption(drawn[:3])]
    assert sentences(page) == expected
    assert page.locator("figure img").evaluate_all("images => images.map(image => image.alt)") == expected
    assert page.locator("#status").inner_text() == "3 captions ready."
    assert all(url.startswith((f"{plain.base}/", "blob:")) for url in page.asked)
    assert page.complaints == []


def test_settings_take_effect_at_once(page, tiny_captioner, drawn):
    page.locator("#files:enabled").set_input_files(files(drawn))
    assert sentences(page) == [caption.text for caption in tiny_captioner.caption(drawn[:3])]

    def shows(**options):
        expected = [tiny_captioner.caption(data, **options).text for data in drawn[:3]]
        page.locator("#cards > li:first-child .caption", has_text=expected[0]).wait_for()
        assert sentences(page) == expected

    page.get_by_label("Greedy").check()
    shows(beam=1)
    first = tiny_captioner.caption(drawn[0], beam=1).words[0].word
    change(page, "must_not", f"{first}, the")
    shows(beam=1, must_not=[first, "the"])
    page.get_by_label("Sampling").check()
    change(page, "temperature", 2)
    change(page, "seed", 7)
    drawing = {"sample": True, "temperature": 2.0, "seed": 7, "must_not": [first, "the"]}
    shows(**drawing)
    page.get_by_role("button", name="Reset").click()
    shows()
    assert page.complaints == []


def test_several_captions_are_alternatives(page, tiny_captioner, drawn):
    page.locator("#files:enabled").set_input_files(files(drawn, 1))
    sentences(page, 1)
    change(page, "num_captions", 4)
    page.get_by_text("3 alternatives").click()
    expected = tiny_captioner.caption(drawn[0], beam=4, num_captions=4)
    assert [" ".join(text.split()) for text in page.locator(".others li").all_inner_texts()] == [
        other.text for other in expected.alternatives
    ]


def test_words_are_marked_by_their_probability_as_in_reports(page, tiny_captioner, drawn):
    from showtell.visualization.html import percent
    from showtell.visualization.words import marked

    page.locator("#files:enabled").set_input_files(files(drawn, 1))
    sentences(page, 1)
    caption = tiny_captioner.caption(drawn[0])
    pairs = tuple((word.word, word.probability) for word in caption.words)
    assert page.locator(".said-now > .caption").inner_html() == marked(caption.text, pairs)
    page.locator("figure summary").click()
    listed = [" ".join(text.split()) for text in page.locator(".words li").all_inner_texts()]
    assert listed == [f"{word} {percent(probability)}" for word, probability in pairs]


def test_what_cannot_be_read_says_so_and_names_are_text(page, drawn):
    hand_over(page, "drop", [("<img src=x onerror=alert(1)>.png", b"no picture"), ("b.png", drawn[0])])
    sentences(page, 2)
    told = page.locator("#cards > li:first-child .said-now")
    assert "No caption: not a JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF picture" in told.inner_text()
    assert "<img src=x onerror=alert(1)>.png" in told.inner_text()
    assert page.locator("figure img").count() == 1  # and a box that says that there is no preview
    change(page, "must", "zebra")
    page.locator("#cards > li:nth-child(2) .error").wait_for()
    assert "zebra" in page.locator("#cards > li:nth-child(2) .error").inner_text()


def test_everything_is_reached_by_keyboard(page, drawn):
    with page.expect_file_chooser() as chooser:
        page.locator("#files").focus()
        page.keyboard.press("Enter")
    chooser.value.set_files(files(drawn))
    sentences(page)
    page.get_by_role("button", name="Remove 1.png").focus()
    page.keyboard.press("Enter")
    assert page.locator("figure").count() == 2
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Remove 2.png"
    assert page.locator("#status").inner_text() == "1.png is removed."
    page.get_by_role("button", name="Remove all").focus()
    page.keyboard.press("Enter")
    assert page.locator("figure").count() == 0
    assert page.evaluate("document.activeElement.id") == "files"
    page.locator("#settings [name=way][value=beam]").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#settings [name=way]:checked").get_attribute("value") == "greedy"


def test_captions_are_copied_and_saved_as_the_command_line_writes_them(opened, plain, tiny_captioner, drawn):
    page = opened(plain, permissions=["clipboard-read", "clipboard-write"])
    page.locator("#files:enabled").set_input_files(files(drawn, 2))
    hand_over(page, "drop", [('a "broken", one.png', b"nothing")])
    change(page, "num_captions", 2)
    page.get_by_text("1 alternative").nth(1).wait_for()
    sentences(page)
    captions = tiny_captioner.caption(drawn[:2], num_captions=2)
    error = "not a JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF picture"
    results = [Captioned(f"{i}.png", caption) for i, caption in enumerate(captions)]
    results.append(Captioned('a "broken", one.png', None, error))

    def written(format):
        file = io.StringIO()
        with find_output_format(format).open(file, Layout()) as write:
            for result in results:
                write(result)
        return file.getvalue()

    def saved(name):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        return download.value.path().read_text("utf-8")

    page.get_by_role("button", name="Copy", exact=True).click()
    page.locator("#status", has_text="Copied.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == written("text") == saved("Save text")
    page.get_by_role("button", name="Copy the caption of 1.png").click()
    page.locator("button", has_text="Copied").nth(1).wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == captions[1].text
    rows, expected = (list(csv.DictReader(io.StringIO(text))) for text in (saved("Save CSV"), written("csv")))
    for row in (*rows, *expected):
        row["score"] = f"{float(row['score']):.3f}" if row["score"] else ""
    assert rows == expected
    lines = json.loads(saved("Save JSON"))
    assert [line.get("caption") for line in lines] == [captions[0].text, captions[1].text, None]
    assert lines[2] == {"name": 'a "broken", one.png', "error": error}


def test_names_run_in_no_spreadsheet_and_forge_no_lines_in_what_is_saved(page, tiny_captioner, drawn):
    """Of which the command line's own output says how they are written."""
    names = ["=1+1", "+49", "-2", "@SUM(A1)", "'=1", "\t=1", "\n=1", "a\nb.png: a lie", "\x1b[2J\x9b1m", "\u202egnp"]
    hand_over(page, "drop", [(f"{name}.png", b"nothing") for name in names])
    page.locator(f"#cards > li:nth-child({len(names)}) .error").wait_for()
    error = "not a JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF picture"
    for format, button in (("csv", "Save CSV"), ("text", "Save text")):
        file = io.StringIO()
        with find_output_format(format).open(file, Layout()) as write:
            for name in names:
                write(Captioned(f"{name}.png", None, error))
        with page.expect_download() as download:
            page.get_by_role("button", name=button).click()
        text = download.value.path().read_bytes().decode()
        if format == "text":
            assert text == file.getvalue()
            assert len(text.splitlines()) == len(names)
        else:
            rows, expected = (list(csv.reader(io.StringIO(one, newline=""))) for one in (text, file.getvalue()))
            assert rows == expected
            assert all(row[0][0] not in "=+-@\t\r\n" for row in rows)


def test_the_page_shows_where_the_model_looked(opened, looking_bundle):
    captioner = Captioner(looking_bundle, threads=1)
    white = io.BytesIO()
    Image.new("RGB", (90, 60), "white").save(white, "png")
    (word, *_) = captioner.caption(white.getvalue(), attention=True).words
    with service_running(captioner) as running:
        page = opened(running)
        page.locator("#files:enabled").set_input_files(
            [{"name": "w.png", "mimeType": "image/png", "buffer": white.getvalue()}]
        )
        sentences(page, 1)
        page.get_by_text("Word by word, and where it looked").click()
        page.locator(".looks button").first.click()
        shown = page.get_by_role("img", name=f"Where the model looked for “{word.word}”")
        url = shown.evaluate("canvas => canvas.toDataURL()")
        light = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("L"), np.float64)
        cells = light.reshape(4, 120, 4, 120)[:, 55:65, :, 55:65].mean(axis=(1, 3))  # the middles of 4 x 4 cells
        expected = 255 * (1 - 0.75 * (1 - word.attention / word.attention.max()))
        assert np.abs(cells - expected).max() < 30  # a browser smooths between the cells in its own way
        assert np.corrcoef(cells.ravel(), expected.ravel())[0, 1] > 0.98
        assert not page.locator("figure img").is_visible()
        page.locator(".looks button").first.click()
        assert page.locator("figure img").is_visible()
        page.locator("#settings [name=attention]").uncheck()
        page.get_by_text("Word by word", exact=True).wait_for()
        assert page.complaints == []


def test_a_calibrated_model_says_when_it_is_not_sure(opened):

    photo = ROOT / "examples" / "photos" / "cat-lying-on-the-ground.jpg"
    captioner = Captioner(threads=1)
    caption = captioner.caption(photo)
    with service_running(captioner) as running:
        page = opened(running)
        page.locator("#files:enabled").set_input_files(photo)
        assert sentences(page, 1) == [caption.text]
        assert f"confidence {caption.confidence:.0%}" in page.locator(".about").inner_text()
        good = caption.confidence >= 0.5 and not caption.unfamiliar
        assert page.locator("figcaption .verdict").inner_text() == ("Likely good" if good else "Doubtful")
        assert page.locator("figure").get_attribute("class").strip() == ("good" if good else "doubtful")
        places = page.evaluate("['#drop', '#legend-box', '#cards'].map((id) => document.querySelector(id).offsetTop)")
        assert places == sorted(places), "the legend stands above the cards"
        change(page, "min_confidence", 0.95)
        page.locator(".caption", has_text="not sure").wait_for()
        assert sentences(page, 1) == ["not sure", caption.text]


def test_the_page_names_what_is_seen_and_has_it_said(opened, dog_captioner, drawn):
    with service_running(dog_captioner) as running:
        page = opened(running)
        page.locator("#files:enabled").set_input_files(files(drawn, 1))
        sentences(page, 1)
        assert page.get_by_text("Tags:").inner_text() == "Tags: dog, husky"
        page.get_by_label("Make captions name the most certain tag").check()
        guided = dog_captioner.caption(drawn[0], guide="always")
        assert guided.guided
        page.locator(".caption", has_text=guided.text).wait_for()


def test_a_token_is_asked_for(opened, tiny_captioner, drawn):
    with service_running(tiny_captioner, access=Access(token="sesame")) as running:
        page = opened(running)
        page.get_by_label("This service needs a token").fill("wrong")
        page.keyboard.press("Enter")
        page.get_by_label("This service needs a token").fill("sesame")
        page.keyboard.press("Enter")
        page.locator("#model strong").wait_for()
        assert not page.get_by_label("This service needs a token").is_visible()
        page.locator("#files:enabled").set_input_files(files(drawn, 1))
        assert sentences(page, 1) == [tiny_captioner.caption(drawn[0]).text]


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_axe_finds_no_fault_and_the_page_fits_its_window(opened, looking_bundle, drawn, width, scheme):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe is not installed: pip install '.[test]'"
    )
    with service_running(Captioner(looking_bundle, threads=1)) as running:
        page = opened(running, width, scheme)
        page.locator("#model strong").wait_for()
        empty = axe.Axe().run(page).response["violations"]
        tops = page.evaluate("['#drop', '#settings-box'].map((id) => document.querySelector(id).offsetTop)")
        assert (tops[0] < tops[1]) is (width < 960), "on a phone, pictures come before settings"
        page.locator("#files:enabled").set_input_files(files(drawn))
        hand_over(page, "drop", [("a_name_without_any_space_" * 8 + ".png", b"nothing")])
        sentences(page, 4)
        page.locator("details").evaluate_all("boxes => boxes.forEach((box) => { box.open = true; })")
        change(page, "num_captions", 3)
        page.get_by_text("2 alternatives").first.wait_for()
        sentences(page, 4)
        page.locator(".looks button").first.click()
        full = axe.Axe().run(page).response["violations"]
        found = [(fault["id"], fault["impact"], fault["nodes"][0]["html"]) for fault in (*empty, *full)]
        assert found == []
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_browsers_keep_the_pages_files_and_ask_whether_they_changed(plain):
    first = plain.get("/main.js")
    assert (first.status, first.headers["cache-control"]) == (200, "no-cache")
    assert plain.get("/main.js", **{"If-None-Match": first.headers["etag"]}).status == 304
    assert plain.get("/").headers["content-type"] == "text/html; charset=utf-8"
