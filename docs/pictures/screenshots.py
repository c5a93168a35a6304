"""Takes the screenshots in this folder: the service's page and a training's, as Chromium shows them.

    showtell train --data shapes-relations --watch          # and in its last epochs, in another terminal:
    python docs/pictures/screenshots.py --watching http://127.0.0.1:8001
    python docs/pictures/screenshots.py --looking general-best

The photographs are the examples', captioned by the package's model. --looking names a model that shows where it looks.
"""

import argparse
import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
PHOTOS = HERE.parents[1] / "examples" / "photos"
CHOSEN = ("dog-golden-retriever", "hikers-on-a-sand-dune", "soccer-ball-on-a-pitch")
LOOKED_AT = ("hot-air-balloon", "mountain-lake", "parrot-on-a-branch")
WORD = "balloon"
REVIEWED = "tiger-in-the-snow.jpg"
SHOWTELL = [sys.executable, "-c", "from showtell.cli import main; main()"]
FLAGS = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
Upload = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--looking", help="a model that shows where it looks")
    parser.add_argument("--watching", help="address of a watched training")
    args = parser.parse_args()
    if args.watching:
        with browsing(1280, 1000, "light") as page:
            page.goto(args.watching)
            page.locator("#cards figure").first.wait_for()
            keep(page, "watch")
        return
    with serving() as base:
        take("page", base, photos(CHOSEN), 1280, 1040, "light", several)
        take("phone", base, photos(CHOSEN[:1]), 390, 1150, "dark", lambda page: None)
    review()
    if args.looking:
        with serving("--model", args.looking) as base:
            take("attention", base, photos(LOOKED_AT), 1280, 1150, "dark", pressed)


def photos(names: tuple[str, ...]) -> list[Upload]:
    return [upload(f"{name}.jpg", (PHOTOS / f"{name}.jpg").read_bytes()) for name in names]


def upload(name: str, data: bytes) -> Upload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


@contextmanager
def serving(*options: str) -> Iterator[str]:
    """A service, or the command that the options begin with; its address."""
    words = options if options[:1] == ("review",) else ("serve", *options)
    process = subprocess.Popen([*SHOWTELL, *words, "--port", "0"], stderr=subprocess.PIPE, text=True)
    assert process.stderr
    found = None
    while not found:
        line = process.stderr.readline()
        assert line, "the command ended"
        found = re.search(r"http://\S+\d", line)
    yield found[0]
    process.terminate()


@contextmanager
def browsing(width: int, height: int, scheme: Any) -> Iterator[Page]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as drivers:
        browser = drivers.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        browser.close()


def take(
    name: str, base: str, files: list[Upload], width: int, height: int, scheme: str, then: Callable[[Page], None]
) -> None:
    """Caption files on the service's page, do something with it, and keep what is seen."""
    with browsing(width, height, scheme) as page:
        page.goto(base)
        page.locator("#files:enabled").set_input_files(files)
        captioned(page, len(files))
        then(page)
        captioned(page, len(files))
        keep(page, name)


def review() -> None:
    """The review page of the examples' alt texts, at one that a tag contradicts or of which the model is not sure."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(PHOTOS / REVIEWED, folder)
        subprocess.run([*SHOWTELL, "alt-text", folder], check=False, stdout=subprocess.DEVNULL)
        with serving("review", folder, "--all", "--no-open") as base, browsing(1280, 760, "light") as page:
            page.goto(base)
            page.locator("#desk").wait_for()
            page.evaluate("document.getElementById('where').textContent = 'photos: picture 1 of 1, 0 decided'")
            page.wait_for_load_state("networkidle")
            keep(page, "review")


def captioned(page: Page, count: int) -> None:
    while page.locator(".about").count() < count or page.locator("[aria-busy]").count():
        page.wait_for_timeout(50)


def several(page: Page) -> None:
    """Three captions of each picture, the first one's unfolded."""
    page.locator("[name=num_captions]").fill("3")
    page.get_by_text("2 alternatives").first.click()


def pressed(page: Page) -> None:
    """Where it looked for a word of the first picture."""
    page.locator("figure summary").first.click()
    page.locator(".looks button", has_text=WORD).first.click()


def keep(page: Page, name: str) -> None:
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(500)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.save(HERE / f"serve-{name}.jpg", quality=78, optimize=True)


if __name__ == "__main__":
    main()
