"""A build step for a static site: adds alt attributes, with captions from a running service (`showtell serve`).

    python examples/serve/alt_attributes.py site/ [--min-confidence 0.5] [--dry-run]

It goes through every `.html` file below the folder. An `<img>` without an `alt` gets `alt="..."`, if its picture is in
the folder and the service is confident enough; no other byte of the file changes. `alt=""` is left alone, because it
marks a picture as decoration. What was written is listed, so that a person can check it. The exit code is 1 if a
picture still has no text. A picture is sent once, however many pages show it.
"""

import argparse
import html
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

sys.path.insert(0, str(Path(__file__).parent))
from client import Captions

# Tags as HTML writes them: attribute values may hold ">" inside quotes. Content of comments and scripts is not a tag.
_SKIPPED = r"<!--.*?-->|<(?:script|style|template|textarea|title)\b.*?</(?:script|style|template|textarea|title)\s*>"
_IMAGE = r"""<img(?=[\s/>])(?P<attributes>(?:[^>"']|"[^"]*"|'[^']*')*)>"""
_TAGS = re.compile(rf"{_SKIPPED}|{_IMAGE}", re.IGNORECASE | re.DOTALL)
_ATTRIBUTE = re.compile(r"""([^\s"'>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?""")


@dataclass(frozen=True)
class Missing:
    """An image without an alt attribute: where `alt` belongs in the page's text, and the file of its picture."""

    place: int
    picture: Path


def missing(text: str, page: Path, root: Path) -> list[Missing]:
    """The images of a page that have no alt attribute and whose pictures lie below `root`."""
    found = []
    for tag in _TAGS.finditer(text):
        if tag["attributes"] is None:
            continue
        attributes = {
            name.lower(): html.unescape(a or b or c) for name, a, b, c in _ATTRIBUTE.findall(tag["attributes"])
        }
        picture = _file_of(attributes.get("src", ""), page, root)
        if "alt" not in attributes and picture:
            found.append(Missing(tag.start() + len("<img"), picture))
    return found


def _file_of(address: str, page: Path, root: Path) -> Path | None:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or not parts.path:
        return None
    path = unquote(parts.path)
    file = (root / path.lstrip("/") if path.startswith("/") else page.parent / path).resolve()
    return file if file.is_file() and file.is_relative_to(root.resolve()) else None


def with_texts(text: str, images: list[Missing], texts: dict[Path, str]) -> str:
    """The page with an alt attribute for each image whose picture has a text."""
    for image in reversed(images):
        if image.picture in texts:
            alt = f' alt="{html.escape(texts[image.picture])}"'
            text = text[: image.place] + alt + text[image.place :]
    return text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", type=Path)
    parser.add_argument(
        "--min-confidence", type=float, default=0.5, help="leave out captions with a lower confidence (default: 0.5)"
    )
    parser.add_argument("--dry-run", action="store_true", help="list what would be written, and change nothing")
    args = parser.parse_args()
    pages = {}
    for page in sorted(args.site.rglob("*.html")):
        text = page.read_bytes().decode("utf-8", "surrogateescape")
        if images := missing(text, page, args.site):
            pages[page] = text, images
    pictures = sorted({image.picture for _, images in pages.values() for image in images})
    texts: dict[Path, str] = {}
    for picture, result in Captions(min_confidence=args.min_confidence).captions(pictures):
        problem = result.get("error") or (f"not sure, perhaps: {result['guess']}" if "guess" in result else "")
        if not problem:
            texts[picture] = result["caption"]
        print(f"{picture.relative_to(args.site.resolve())}: {problem or result['caption']}")
    for page, (text, images) in pages.items():
        if not args.dry_run:
            page.write_bytes(with_texts(text, images, texts).encode("utf-8", "surrogateescape"))
    print(f"{len(texts)} of {len(pictures)} pictures have a text, on {len(pages)} pages", file=sys.stderr)
    return 0 if len(texts) == len(pictures) else 1


if __name__ == "__main__":
    sys.exit(main())
