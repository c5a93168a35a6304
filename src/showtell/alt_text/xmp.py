"""Descriptions of pictures in XMP sidecar files: reads, creates and changes them, and leaves all other content as it
is.

`dc:description` and `Iptc4xmpCore:AltTextAccessibility` are language alternatives; the text stands under `x-default`
(XMP Specification Part 1, ISO 16684-1; IPTC Photo Metadata Standard 2023.2). A property of our own beside each holds
the SHA-256 of the text as we wrote it. It tells a text that a person has changed from one that is still ours.

Keywords stand in `dc:subject`, a bag, with a mark of their own; those of other programs are left alone.

To change a file of another program, we cut out the old properties and add a new `rdf:Description` at the end of
`rdf:RDF`; all other bytes stay as they are.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from showtell.errors import InputError
from showtell.files import sha256_of

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_OURS = "urn:x-showtell:alt-text/1.0/"
_DC = "http://purl.org/dc/elements/1.1/"
_IPTC = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"

FIELDS = {"dc:description": (_DC, "description"), "Iptc4xmpCore:AltTextAccessibility": (_IPTC, "AltTextAccessibility")}
"""The fields that hold the text, by the names that people know, and their XML names."""

_MARKS = {"dc:description": (_OURS, "description"), "Iptc4xmpCore:AltTextAccessibility": (_OURS, "altText")}
_FIELD_OF = {xml: name for name, xml in FIELDS.items()}
_MARK_OF = {xml: name for name, xml in _MARKS.items()}
_SUBJECT, _SUBJECT_MARK = (_DC, "subject"), (_OURS, "subject")
_KNOWN = frozenset({*_FIELD_OF, *_MARK_OF, _SUBJECT, _SUBJECT_MARK})
_Name = tuple[str, str]
_DEEPEST = 256  # nested elements; the time grows with the square of the depth
_TAG = re.compile(rb"""<(?:"[^"]*"|'[^']*'|[^>"'])*>""")


@dataclass(frozen=True, slots=True)
class Packet:
    """A parsed XMP file: its texts of `FIELDS`, which of them are ours and unchanged, and which are `marked` as ours
    even if someone changed them. `keywords` are those of `dc:subject`, None if someone else wrote them.
    """

    texts: Mapping[str, str]
    ours: frozenset[str]
    marked: frozenset[str]
    keywords: tuple[str, ...] | None
    _layout: "_Reader" = field(repr=False)


def read_packet(data: bytes) -> Packet:
    """Read an XMP file.

    Raises:
        InputError: the file is not XMP, or it is in UTF-16, which is not supported.
    """
    reader = _Reader(data)
    ours = {name for name, text in reader.texts.items() if reader.marks.get(name) == sha256_of(text.encode())}
    keywords = tuple(reader.subject.split("\n")) if reader.subject else ()
    own = not keywords or reader.subject_mark == sha256_of(reader.subject.encode())
    return Packet(reader.texts, frozenset(ours), frozenset(reader.marks), keywords if own else None, reader)


def new_packet(text: str, keywords: Sequence[str] = (), *, marked: bool = True) -> bytes:
    """A whole XMP file with the text in both fields, `marked` as ours or not."""
    block = _block("", dict.fromkeys(FIELDS, text), keywords, marked)
    return (
        b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Showtell">\n'
        b' <rdf:RDF xmlns:rdf="' + _RDF.encode() + b'">\n' + block + b" </rdf:RDF>\n"
        b"</x:xmpmeta>\n"
        b'<?xpacket end="w"?>\n'
    )


def changed_packet(
    packet: Packet, texts: Mapping[str, str | None], keywords: Sequence[str] | None = None, *, marked: bool = True
) -> bytes:
    """The file with new texts in these fields and all other bytes unchanged.

    A field whose text is None is removed. If no description is left, the result is empty. `keywords` replace ours; None
    leaves them. Texts are `marked` as ours or not.
    """
    layout = packet._layout
    data = layout.data
    wanted = {name: text for name, text in texts.items() if text is not None}
    if packet.keywords is None or tuple(keywords or ()) == packet.keywords:
        keywords = None
    block = _block(layout.about, wanted, keywords or (), marked) if wanted or keywords else b""
    changed = bytearray(data[: layout.end] + block + data[layout.end :])
    for begin, end in sorted(layout.spans(texts, keywords is not None), reverse=True):
        del changed[begin:end]
    result = read_packet(bytes(changed))
    if any(result.texts.get(name) != text for name, text in texts.items()):
        raise InputError("the text could not be put into this XMP file: edit it by hand")
    return bytes(changed) if result._layout.descriptions else b""


def _block(about: str, texts: Mapping[str, str], keywords: Sequence[str], marked: bool) -> bytes:
    lines = [
        f"  <rdf:Description rdf:about={quoteattr(about)}",
        f'    xmlns:rdf="{_RDF}"',
        f'    xmlns:dc="{_DC}"',
        f'    xmlns:Iptc4xmpCore="{_IPTC}"',
        f'    xmlns:showtell="{_OURS}">',
    ]
    for name, text in texts.items():
        item = f'<rdf:li xml:lang="x-default">{escape(text)}</rdf:li>'
        lines.append(f"   <{name}><rdf:Alt>{item}</rdf:Alt></{name}>")
    marks = {_MARKS[name][1]: text for name, text in texts.items()} if marked else {}
    if keywords:
        bag = "".join(f"<rdf:li>{escape(one)}</rdf:li>" for one in keywords)
        lines.append(f"   <dc:subject><rdf:Bag>{bag}</rdf:Bag></dc:subject>")
        marks["subject"] = "\n".join(keywords)
    for mark, text in marks.items():
        lines.append(f"   <showtell:{mark}>{sha256_of(text.encode())}</showtell:{mark}>")
    lines.append("  </rdf:Description>\n")
    return "\n".join(lines).encode("ascii", "xmlcharrefreplace")  # valid in every encoding that a file may have


@dataclass(slots=True)
class _Property:
    """A field or mark in the file: its position, as an element or an attribute."""

    name: _Name
    begin: int
    end: int = 0
    text: str | None = None  # for x-default, else for the first language


@dataclass(slots=True)
class _Description:
    begin: int
    end: int = 0
    properties: list[_Property] = field(default_factory=list)
    others: int = 0


class _Reader:
    """Parses a file once and records the byte positions of the properties."""

    def __init__(self, data: bytes) -> None:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise InputError("XMP in UTF-16 is not supported: save it as UTF-8")
        self.data = data
        self.end = -1
        self.about = ""
        self.descriptions: list[_Description] = []
        self._names: list[_Name] = []
        self._prefixes: list[dict[str, str]] = [{}]
        self._property: _Property | None = None
        self._letters: list[str] = []
        self._language = ""
        self._parse()
        found = [one for description in self.descriptions for one in description.properties]
        self.texts = {_FIELD_OF[one.name]: one.text or "" for one in found if one.name in _FIELD_OF}
        self.marks = {_MARK_OF[one.name]: one.text for one in found if one.name in _MARK_OF}
        self.subject = next((one.text or "" for one in found if one.name == _SUBJECT), "")
        self.subject_mark = next((one.text or "" for one in found if one.name == _SUBJECT_MARK), "")

    def spans(self, fields: Iterable[str], keywords: bool = False) -> list[tuple[int, int]]:
        """The spans to cut to remove these fields and their marks, with the space before each."""
        names = {FIELDS[name] for name in fields} | {_MARKS[name] for name in fields}
        names |= {_SUBJECT, _SUBJECT_MARK} if keywords else set()
        spans = []
        for description in self.descriptions:
            removed = [one for one in description.properties if one.name in names]
            if removed and len(removed) == len(description.properties) and not description.others:
                spans.append((description.begin, description.end))  # it would be empty
            else:
                spans += [(one.begin, one.end) for one in removed]
        return [(begin - len(_space_before(self.data, begin)), end) for begin, end in spans]

    def _parse(self) -> None:
        parser = expat.ParserCreate()
        self._parser = parser
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._stop
        parser.CharacterDataHandler = self._letters.append
        parser.StartDoctypeDeclHandler = self._doctype
        try:
            parser.Parse(self.data, True)
        except expat.ExpatError as error:
            raise InputError(f"not XMP ({error})") from error
        if self.end < 0:
            raise InputError("not XMP (it has no rdf:RDF)")

    def _doctype(self, *_: object) -> None:
        raise InputError("not XMP (it declares a document type)")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._names) == _DEEPEST:
            raise InputError(f"not XMP (elements are nested more than {_DEEPEST} deep)")
        declared = {key[6:]: uri for key, uri in attributes.items() if key.startswith("xmlns:")}
        declared |= {"": attributes["xmlns"]} if "xmlns" in attributes else {}
        self._prefixes.append(self._prefixes[-1] | declared)
        name = self._resolve(tag)
        parents, self._names = self._names, [*self._names, name]
        if name == (_RDF, "Description") and parents and parents[-1] == (_RDF, "RDF"):
            self._describe(attributes)
        elif len(parents) >= 2 and parents[-1] == (_RDF, "Description") and parents[-2] == (_RDF, "RDF"):
            if name in _KNOWN:
                self._property = _Property(name, self._parser.CurrentByteIndex)
                self.descriptions[-1].properties.append(self._property)
            else:
                self.descriptions[-1].others += 1
        self._language = attributes.get("xml:lang", "")
        self._letters.clear()

    def _stop(self, tag: str) -> None:
        name = self._names.pop()
        self._prefixes.pop()
        at = self._parser.CurrentByteIndex
        end = self.data.index(b">", at) + 1 if self.data[at : at + 2] == b"</" else at
        if self._property:
            self._read_text(name, "".join(self._letters))
            if name == self._property.name:
                self._property.end = end
                self._property = None
        elif name == (_RDF, "Description") and self._names and self._names[-1] == (_RDF, "RDF"):
            self.descriptions[-1].end = end
        elif name == (_RDF, "RDF"):
            if end == at:
                raise InputError("XMP without content is not changed: delete the file")
            self.end = at - len(_space_before(self.data, at).lstrip(b"\r\n"))
        self._letters.clear()

    def _read_text(self, name: _Name, text: str) -> None:
        """Take the text of an element in a property, or of a property that is not a language alternative."""
        found = self._property
        assert found is not None
        if name == (_RDF, "li") and found.name == _SUBJECT:
            found.text = f"{found.text}\n{text}" if found.text else text
        elif name == (_RDF, "li") and (found.text is None or self._language == "x-default"):
            found.text = text
        elif name == found.name and found.text is None:
            found.text = text.strip()

    def _describe(self, attributes: dict[str, str]) -> None:
        begin = self._parser.CurrentByteIndex
        description = _Description(begin)
        tag = _TAG.match(self.data, begin)
        assert tag is not None  # expat has just read it
        for key, text in attributes.items():
            name = self._resolve(key, attribute=True)
            if name == (_RDF, "about"):
                self.about = self.about or text
            elif name in _KNOWN:
                place = re.compile(rb"\s" + re.escape(key.encode()) + rb"\s*=\s*(\"[^\"]*\"|'[^']*')").search(tag[0])
                assert place is not None
                where = (begin + place.start() + 1, begin + place.end())
                description.properties.append(_Property(name, *where, text))
            elif not key.startswith("xmlns"):
                description.others += 1
        self.descriptions.append(description)

    def _resolve(self, key: str, *, attribute: bool = False) -> _Name:
        prefix, colon, local = key.rpartition(":")
        return ("" if attribute and not colon else self._prefixes[-1].get(prefix, ""), local)


def _space_before(data: bytes, at: int) -> bytes:
    """The spaces before a position, back to the end of the previous line."""
    head = data[:at]
    space = head[len(head.rstrip(b" \t")) :]
    if head[: len(head) - len(space)].endswith(b"\n"):
        space = b"\n" + space
        if head[: len(head) - len(space)].endswith(b"\r"):
            space = b"\r" + space
    return space
