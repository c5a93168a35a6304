"""XMP files are made as other programs read them, and changed without touching what other programs wrote.

The independent reader is exiv2 (with Adobe's XMP Toolkit inside), through pyexiv2.
"""

import time

import pyexiv2
import pytest

from showtell.alt_text.xmp import FIELDS, changed_packet, new_packet, read_packet
from showtell.errors import InputError

DESCRIPTION = "Xmp.dc.description"
ALT_TEXT = "Xmp.iptc.AltTextAccessibility"

DARKTABLE = """<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
   xmp:Rating="4">
   <!-- kept -->
   <dc:subject>
    <rdf:Bag>
     <rdf:li>Köln</rdf:li>
    </rdf:Bag>
   </dc:subject>
   <dc:description>
    <rdf:Alt>
     <rdf:li xml:lang="de">Der Dom</rdf:li>
     <rdf:li xml:lang="x-default">The cathedral</rdf:li>
    </rdf:Alt>
   </dc:description>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""


def by_exiv2(data, tmp_path):
    path = tmp_path / "x.xmp"
    path.write_bytes(data)
    with pyexiv2.Image(str(path)) as image:
        return image.read_xmp()


def everywhere(text):
    return dict.fromkeys(FIELDS, text)


@pytest.mark.parametrize("text", ["a dog runs", "R&D <\"quoted\"> 'it' & more", "ein Höhenzug 山 🐕"])
def test_a_new_file_is_read_by_exiv2_as_language_alternatives(tmp_path, text):
    data = new_packet(text)
    found = by_exiv2(data, tmp_path)
    assert found[DESCRIPTION] == found[ALT_TEXT] == {'lang="x-default"': text}
    packet = read_packet(data)
    assert dict(packet.texts) == everywhere(text)
    assert packet.ours == set(FIELDS)


def test_a_text_is_added_and_every_other_byte_stays(tmp_path):
    data = DARKTABLE.encode()
    packet = read_packet(data)
    assert dict(packet.texts) == {"dc:description": "The cathedral"}
    assert not packet.ours
    changed = changed_packet(packet, {"Iptc4xmpCore:AltTextAccessibility": "a church & a dog"})
    at = data.index(b" </rdf:RDF>")
    assert (changed[:at], changed[-(len(data) - at) :]) == (data[:at], data[at:])
    found = by_exiv2(changed, tmp_path)
    assert found[ALT_TEXT] == {'lang="x-default"': "a church & a dog"}
    assert {key: found[key] for key in by_exiv2(data, tmp_path)} == by_exiv2(data, tmp_path)
    assert read_packet(changed).ours == {"Iptc4xmpCore:AltTextAccessibility"}


def test_a_replaced_field_leaves_its_neighbours_as_they_were(tmp_path):
    changed = changed_packet(read_packet(DARKTABLE.encode()), everywhere("a church"))
    found = by_exiv2(changed, tmp_path)
    assert found[DESCRIPTION] == found[ALT_TEXT] == {'lang="x-default"': "a church"}
    assert (found["Xmp.xmp.Rating"], found["Xmp.dc.subject"]) == ("4", ["Köln"])
    assert b"<!-- kept -->" in changed
    assert b"Der Dom" not in changed
    assert b"\n\n" not in changed


def test_rewriting_does_not_make_a_file_grow():
    once = changed_packet(read_packet(DARKTABLE.encode()), everywhere("a church"))
    often = once
    for text in ("one", "two", "a church"):
        often = changed_packet(read_packet(often), everywhere(text))
    assert often == once
    assert changed_packet(read_packet(new_packet("one")), everywhere("two")) == new_packet("two")


def test_what_is_taken_out_leaves_the_file_as_it_was_before():
    name = "Iptc4xmpCore:AltTextAccessibility"
    changed = changed_packet(read_packet(DARKTABLE.encode()), {name: "a church"})
    assert changed_packet(read_packet(changed), {name: None}) == DARKTABLE.encode()
    assert changed_packet(read_packet(new_packet("a dog")), dict.fromkeys(FIELDS)) == b""


def test_a_text_that_a_person_has_changed_is_ours_no_more():
    data = new_packet("a dog").replace(b">a dog<", b">my dog Bello<", 1)
    packet = read_packet(data)
    assert packet.texts["dc:description"] == "my dog Bello"
    assert packet.ours == {"Iptc4xmpCore:AltTextAccessibility"}


def test_a_file_that_exiv2_has_rewritten_is_still_ours_and_can_be_changed(tmp_path):
    """exiv2 puts everything into one description, simple properties as attributes."""
    path = tmp_path / "x.xmp"
    path.write_bytes(changed_packet(read_packet(DARKTABLE.encode()), everywhere("a church")))
    with pyexiv2.Image(str(path)) as image:
        image.modify_xmp({"Xmp.xmp.Rating": "5", "Xmp.dc.title": {'lang="x-default"': "Dom"}})
    data = path.read_bytes()
    assert b'showtell:altText="' in data
    packet = read_packet(data)
    assert packet.ours == set(FIELDS)
    found = by_exiv2(changed_packet(packet, everywhere("two churches")), tmp_path)
    assert found[DESCRIPTION] == found[ALT_TEXT] == {'lang="x-default"': "two churches"}
    assert (found["Xmp.xmp.Rating"], found["Xmp.dc.title"]) == ("5", {'lang="x-default"': "Dom"})
    assert read_packet(changed_packet(packet, everywhere("two churches"))).ours == set(FIELDS)


def test_attributes_quotes_line_ends_and_other_prefixes_are_understood(tmp_path):
    data = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\r\n'
        b"<rdf:Description rdf:about='u:1' xmlns:dc='http://purl.org/dc/elements/1.1/' dc:description='a > \"b\"'/>\r\n"
        b'<rdf:Description rdf:about="u:1" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/jpeg"/>'
        b"</rdf:RDF></x:xmpmeta>"
    )
    changed = changed_packet(read_packet(data), everywhere("a dog"))
    found = by_exiv2(changed, tmp_path)
    assert found[DESCRIPTION] == found[ALT_TEXT] == {'lang="x-default"': "a dog"}
    assert found["Xmp.dc.format"] == "image/jpeg"
    assert changed.count(b'about="u:1"') == 2  # the old description that is left, and the new one
    for old, new in ((b"rdf:", b"r:"), (b":rdf=", b":r="), (b"dc:", b"d:"), (b":dc=", b":d=")):
        data = data.replace(old, new)  # legal, but exiv2 does not read it
    assert dict(read_packet(data).texts) == {"dc:description": 'a > "b"'}
    assert dict(read_packet(changed_packet(read_packet(data), everywhere("a dog"))).texts) == everywhere("a dog")


def test_a_file_in_another_encoding_keeps_it(tmp_path):
    data = DARKTABLE.replace("UTF-8", "ISO-8859-1").encode("latin-1")
    changed = changed_packet(read_packet(data), everywhere("山"))
    assert "<rdf:li>Köln</rdf:li>".encode("latin-1") in changed
    assert dict(read_packet(changed).texts) == everywhere("山")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not XMP"),
        (b"a note", "not XMP"),
        (b"<html></html>", "no rdf:RDF"),
        (DARKTABLE.encode()[:400], "not XMP"),
        (DARKTABLE.encode("utf-16"), "UTF-16"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x/>', "document type"),
        (b'<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>', "XMP without content"),
    ],
)
def test_what_is_no_xmp_is_told(data, said):
    with pytest.raises(InputError, match=said):
        read_packet(data)


def test_deeply_nested_elements_take_no_time():
    began = time.monotonic()
    with pytest.raises(InputError, match="nested more than 256 deep"):
        read_packet(b"<a>" * 1_000_000)
    assert time.monotonic() - began < 5
