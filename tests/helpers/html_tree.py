"""A page as a tree of its elements, read by the standard library's HTML parser as a browser would read it."""

import base64
import io
from dataclasses import dataclass, field
from html.parser import HTMLParser

from PIL import Image

VOID = {"meta", "img"}


@dataclass
class Node:
    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Node | str"] = field(default_factory=list)

    def all(self, tag: str, css_class: str = "") -> list["Node"]:
        """The descendants with this tag, and this class where one is given, in the order of the page."""
        found = []
        for child in self.children:
            if isinstance(child, Node):
                if child.tag == tag and css_class in ("", *child.attributes.get("class", "").split()):
                    found.append(child)
                found += child.all(tag, css_class)
        return found

    def one(self, tag: str, css_class: str = "") -> "Node":
        (node,) = self.all(tag, css_class)
        return node

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)


class Reader(HTMLParser):
    """Builds a tree and insists that every element is closed where it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.open = [Node("page")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute of <{tag}> is given twice"
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read(page: str) -> Node:
    reader = Reader()
    reader.feed(page)
    reader.close()
    (root,) = reader.open
    return root


def thumbnail_of(figure: Node) -> Image.Image:
    """The picture of a figure, decoded; there is no other in it."""
    head, data = figure.one("img").attributes["src"].split(",", 1)
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
