"""A text that a person gave a picture, in it or beside it, is known, whatever program wrote it there."""

import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin

from showtell import Captioner
from showtell.alt_text import AltTextOptions, Rights, Step, TextStyle, write_alt_texts
from showtell.alt_text.existing import description_of
from showtell.alt_text.xmp import new_packet

TEXT = "Grandmother's 90th birthday, größer"
XMP = new_packet(TEXT).replace(b"showtell:", b"other:").replace(b"xmlns:showtell", b"xmlns:other")


def iptc(text):
    """An APP13 segment of Photoshop with the dataset 2:120."""
    data = b"\x1c\x02\x78" + struct.pack(">H", len(text)) + text
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(data)) + data + b"\0" * (len(data) % 2)
    body = b"Photoshop 3.0\0" + resource
    return b"\xff\xed" + struct.pack(">H", len(body) + 2) + body


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def after_the_pixels(path, *chunks):
    """Put chunks where exiftool puts them, at the end of a PNG."""
    data, end = path.read_bytes()[:-12], path.read_bytes()[-12:]
    path.write_bytes(data + b"".join(chunks) + end)


def described(folder, way):
    """A picture that carries `TEXT` inside, in one way."""
    image = Image.new("RGB", (40, 30), (90, 120, 200))
    kind, _, field = way.partition(" ")
    path = folder / f"a.{kind}"
    exif = Image.Exif()
    if field in ("ImageDescription", "camera"):
        exif[0x010E] = TEXT if field == "ImageDescription" else "OLYMPUS DIGITAL CAMERA"
    if field == "XPComment":
        exif[0x9C9C] = TEXT.encode("utf-16-le") + b"\0\0"
    if kind == "png":
        texts = PngImagePlugin.PngInfo()
        if field == "tEXt":
            texts.add_text("Description", TEXT)
        if field == "iTXt":
            texts.add_itxt("Description", TEXT, zip=True)
        if field == "xmp":
            texts.add_itxt("XML:com.adobe.xmp", XMP.decode())
        image.save(path, pnginfo=texts)
        if field == "zTXt at the end":
            after_the_pixels(path, chunk(b"zTXt", b"Description\0\0" + zlib.compress(TEXT.encode("latin-1"))))
        return path
    if kind == "tif":
        image.save(path, description=TEXT) if field == "ImageDescription" else image.save(path, tiffinfo={700: XMP})
        return path
    image.save(path, exif=exif, **({"xmp": XMP} if field == "xmp" else {}))
    if field == "iptc":
        data = path.read_bytes()
        path.write_bytes(data[:2] + iptc(TEXT.encode()) + data[2:])
    return path


WAYS = [
    "jpg ImageDescription",
    "jpg XPComment",
    "jpg xmp",
    "jpg iptc",
    "png tEXt",
    "png iTXt",
    "png xmp",
    "png zTXt at the end",
    "webp xmp",
    "webp ImageDescription",
    "tif ImageDescription",
    "tif xmp",
]


@pytest.mark.parametrize("way", WAYS)
def test_a_description_inside_is_found(tmp_path, way):
    found = description_of(described(tmp_path, way))
    assert found == (TEXT if "ImageDescription" not in way else TEXT.encode("ascii", "replace").decode())


@pytest.mark.parametrize("way", ["jpg camera", "jpg nothing", "png nothing"])
def test_what_a_camera_writes_is_no_description(tmp_path, way):
    assert description_of(described(tmp_path, way)) == ""


def test_broken_metadata_is_no_description(tmp_path):
    whole = described(tmp_path, "jpg xmp").read_bytes()
    for cut in range(2, len(whole), 37):
        (tmp_path / "b.jpg").write_bytes(whole[:cut] + b"\xff" * 8 + whole[cut + 8 :])
        assert description_of(tmp_path / "b.jpg") in ("", TEXT)
    bomb = chunk(b"zTXt", b"Description\0\0" + zlib.compress(bytes(1 << 26)))
    path = described(tmp_path, "png nothing")
    after_the_pixels(path, bomb)
    assert description_of(path) == ""


@pytest.fixture(scope="module")
def captioner(tiny_bundle):
    return Captioner(tiny_bundle)


def steps(folder, captioner, **options):
    return write_alt_texts(
        folder, captioner, AltTextOptions(**{"style": TextStyle("plain"), "careful": False} | options), show=False
    ).steps


@pytest.mark.parametrize("format", ["txt", "xmp"])
@pytest.mark.parametrize("way", ["jpg xmp", "jpg iptc", "jpg ImageDescription", "png zTXt at the end"])
def test_no_machine_writes_beside_a_picture_with_a_description(tmp_path, captioner, way, format):
    picture = described(tmp_path, way)
    assert steps(tmp_path, captioner, format=format) == {Step.KEPT: 1}
    assert steps(tmp_path, captioner, format=format, rights=Rights(merge=format == "xmp", overwrite=True)) == {
        Step.KEPT: 1
    }
    assert {path.name for path in tmp_path.iterdir()} == {picture.name, ".showtell-alt-text"}
    assert steps(tmp_path, captioner, format=format, rights=Rights(others=True)) == {Step.WRITTEN: 1}


@pytest.mark.parametrize("format", ["txt", "xmp"])
@pytest.mark.parametrize("name", ["a.txt", "a.caption", "a.xmp", "a.jpg.txt", "a.jpg.caption", "a.jpg.xmp"])
def test_files_of_other_programs_count_as_a_text(tmp_path, captioner, name, format):
    described(tmp_path, "jpg nothing")
    (tmp_path / name).write_bytes(XMP if name.endswith(".xmp") else TEXT.encode())
    before = (tmp_path / name).read_bytes()
    assert steps(tmp_path, captioner, format=format) == {Step.KEPT: 1}
    assert {path.name for path in tmp_path.iterdir()} == {"a.jpg", name, ".showtell-alt-text"}
    assert (tmp_path / name).read_bytes() == before


def test_an_adobe_file_without_a_text_is_known_and_merged_into(tmp_path, captioner):
    described(tmp_path, "jpg nothing")
    rated = XMP.replace(b"dc:description", b"dc:rights").replace(b"AltTextAccessibility", b"CreatorContactInfo")
    (tmp_path / "a.xmp").write_bytes(rated)
    assert steps(tmp_path, captioner, format="xmp") == {Step.KEPT: 1}
    assert (tmp_path / "a.xmp").read_bytes() == rated
    assert steps(tmp_path, captioner, format="xmp", rights=Rights(merge=True)) == {Step.WRITTEN: 1}
    assert not (tmp_path / "a.jpg.xmp").exists()
    assert captioner.caption(tmp_path / "a.jpg").text.encode() in (tmp_path / "a.xmp").read_bytes()


def test_the_texts_of_showtell_itself_do_not_stand_in_its_way(tmp_path, captioner):
    described(tmp_path, "jpg nothing")
    assert steps(tmp_path, captioner, format="txt") == {Step.WRITTEN: 1}
    assert steps(tmp_path, captioner, format="xmp") == {Step.WRITTEN: 1}
    assert steps(tmp_path, captioner, format="txt") == {Step.UNCHANGED: 1}


def test_the_name_of_the_file_beside_a_picture_can_be_chosen(tmp_path, captioner):
    described(tmp_path, "jpg nothing").rename(tmp_path / "b.jpg")
    described(tmp_path, "jpg nothing")
    described(tmp_path, "png nothing")
    for _ in range(2):
        assert sum(steps(tmp_path, captioner, sidecar_name="stem").values()) == 3
        texts = sorted(path.name for path in tmp_path.glob("*.txt"))
        assert texts == ["a.jpg.txt", "a.png.txt", "b.txt"], "two pictures never share one text"
    assert steps(tmp_path, captioner) == {Step.UNCHANGED: 3}, "what is there under the other name is found"


@pytest.mark.parametrize("format", ["txt", "xmp"])
@pytest.mark.parametrize("naming", ["full", "stem"])
@pytest.mark.parametrize("length", range(248, 256))
def test_a_name_without_room_for_the_ending_is_told_for_that_picture(
    tmp_path, captioner, showtell, length, naming, format
):
    name = "a" * (length - 4) + ".png"
    described(tmp_path, "png nothing").rename(tmp_path / name)
    described(tmp_path, "jpg nothing")
    fits = naming == "stem" or length + 4 <= 255
    outcomes = {}
    options = AltTextOptions(format=format, sidecar_name=naming)
    write_alt_texts(tmp_path, captioner, options, watch=lambda one: outcomes.setdefault(one.name, one), show=False)
    assert outcomes["a.jpg"].step is Step.WRITTEN
    assert outcomes[name].step is (Step.WRITTEN if fits else Step.FAILED)
    if fits:
        return
    room = f"the picture's name is too long to add .{format}: rename the picture"
    assert outcomes[name].problem.startswith(room)
    ran = showtell("alt-text", tmp_path, "--format", format, "--sidecar-name", naming, "--model", captioner.bundle.path)
    assert ran.code == 1
    assert ran.out.count(room) == 1
    assert ran.err == ""
