"""Pages as a real browser shows them: nothing is fetched, nothing fails, nothing overflows or overlaps."""

import pytest

from evaluations import a_picture, an_evaluation, epochs
from showtell.captioning.output.page import PageEntry, caption_page
from showtell.evaluation.report.choice import choose
from showtell.evaluation.report.page import evaluation_page


def report():
    return evaluation_page(an_evaluation(60), a_picture, epochs())


def report_of_unbreakable_names():
    evaluation = an_evaluation(12, name="a_very_long_name_without_any_space_" * 4 + "{}.jpg", model="m" * 90)
    return evaluation_page(evaluation, lambda name: None)


def captions():
    words = (("a", 0.9), ("dog", 0.3))
    entry = PageEntry("dog.jpg", "a dog", words, -0.5, ("a cat",), a_picture("dog.jpg"), "")
    return caption_page([entry] * 5, title="Captions", footer="Model: tiny")


PAGES = [report, report_of_unbreakable_names, captions]


@pytest.fixture
def opened(browser, tmp_path):
    """Opens the text of a page from disk, and notes every request and complaint."""
    contexts = []

    def open_page(text, width=1280, scheme="light"):
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.asked, page.complaints = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(path.as_uri(), wait_until="networkidle")
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("make", PAGES, ids=lambda make: make.__name__)
@pytest.mark.parametrize("width", [390, 1280])
def test_a_page_from_disk_asks_for_nothing_and_fits_its_window(opened, make, width):
    page = opened(make(), width)
    assert [url for url in page.asked if not url.startswith("data:image/jpeg;base64,")] == [page.url]
    assert page.complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("document.styleSheets[0].cssRules.length") > 30


def test_a_browser_sees_every_section_and_decodes_every_picture(opened):
    page = opened(report())
    for name in ("scores", "training", "confidence", "words", "best", "worst", "random", "copies"):
        assert page.locator(f"section#{name} > h2").is_visible(), name
    widths = page.evaluate("[...document.images].map(image => image.naturalWidth)")
    assert widths == [320] * (30 + 2 * len(choose(an_evaluation(60)).copies))
    page.locator("nav a", has_text="Worst").click()
    assert page.url.endswith("#worst")
    assert page.evaluate("document.querySelector('#worst').getBoundingClientRect().top") < 5
    page.locator("summary", has_text="All figures").click()
    assert page.locator("table").is_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_no_two_labels_of_a_chart_overlap(opened, width):
    page = opened(report(), width)
    clashes = page.evaluate("""() => {
      const found = [];
      for (const svg of document.querySelectorAll("svg")) {
        const boxes = [...svg.querySelectorAll("text")].map(text => [text.textContent, text.getBoundingClientRect()]);
        boxes.forEach(([one, a], i) => boxes.slice(i + 1).forEach(([other, b]) => {
          const apart = a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
          if (!apart) found.push([svg.getAttribute("aria-label"), one, other]);
        }));
      }
      return found;
    }""")
    assert clashes == []
    assert page.locator("svg text").count() > 60


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground_in_both_schemes(opened, scheme):
    page = opened(report(), scheme=scheme)
    ratios = page.evaluate("""() => {
      const parts = colour => colour.match(/[\\d.]+/g).map(Number);
      const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
      const ground = element => {
        for (let at = element; at; at = at.parentElement) {
          const [r, g, b, a = 1] = parts(getComputedStyle(at).backgroundColor);
          if (a > 0) return light([r, g, b]);
        }
        return 1;
      };
      return [...document.querySelectorAll("h1, h2, h3, p, li, span, td, th, svg text, mark")]
        .filter(element => element.textContent.trim())
        .map(element => {
          const style = getComputedStyle(element);
          const ink = light(parts(element.namespaceURI.endsWith("svg") ? style.fill : style.color));
          const under = ground(element);
          const [high, low] = ink > under ? [ink, under] : [under, ink];
          return [(high + 0.05) / (low + 0.05), element.textContent.trim().slice(0, 40)];
        });
    }""")
    assert len(ratios) > 200
    assert min(ratios)[0] >= 4.5, min(ratios)
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (dark == "rgb(21, 20, 18)") == (scheme == "dark")
