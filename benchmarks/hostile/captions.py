"""Caption files of every form, and mutations of their values, rows, columns, encodings, sheets and schemas."""

import copy
import csv
import io
import json
import random
import re
import zipfile
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from hostile.generic import LARGE, NAMES, TEXTS, mutated

_PAIRS = [
    ("0.png", "a dog on the grass"),
    ("d/1.jpg", "a cat, asleep"),
    ("2.gif", 'he said "no"'),
    ("0.png", "two dogs"),
]
_FEW_NODES, _MOST_NODES = 200, 20_000
HOSTILE: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1e9,
    10**30,
    -0.5,
    [],
    {},
    [[]],
    {"a": {}},
    [None] * 50,
    [1, "a"],
    *NAMES,
    *TEXTS,
)
_TOKENS = (
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    "\\",
    "\\ud83d",
    "NaN",
    "Infinity",
    "-",
    "1e999",
    "null",
    "0" * 5000,
    "[" * 100_000,
    '{"a":' * 5000,
)


def tables() -> list[bytes]:
    """Commas, semicolons, tabs and bars, with sep=, splits, ids of captions, in other encodings."""
    found = []
    for delimiter in ",;\t|":
        buffer = io.StringIO()
        rows = csv.writer(buffer, delimiter=delimiter)
        rows.writerow(["image", "caption", "split"])
        rows.writerows([*pair, "train"] for pair in _PAIRS)
        found.append(buffer.getvalue())
    found.append("sep=;\n" + found[1])
    found.append("".join(f"{name}#{i}\t{text}\n" for i, (name, text) in enumerate(_PAIRS)))
    return [
        *(text.encode() for text in found),
        found[0].encode("utf-16"),
        found[1].replace("dog", "größe").encode("cp1252"),
    ]


def records() -> list[bytes]:
    """Lists, mappings and lines of records, and what the commands themselves write."""
    plain = [{"image": name, "caption": text, "split": "train"} for name, text in _PAIRS]
    listed = [{"file_name": name, "captions": [text, None]} for name, text in _PAIRS[:3]]
    own = [
        {"name": name, "caption": text, "score": -0.5, "confidence": 0.7, "words": [{"word": "a", "probability": 0.5}]}
        for name, text in _PAIRS[:3]
    ]
    own.append({"name": "bad.png", "error": "damaged"})
    results = [{"image_id": i, "caption": text} for i, (_, text) in enumerate(_PAIRS[:3])]
    mapping = {name: [text] for name, text in _PAIRS[:3]}
    lines = ["\n".join(json.dumps(one) for one in some) + "\n" for some in (plain, listed, own)]
    return [text.encode() for text in (*(json.dumps(one) for one in (plain, listed, results, mapping)), *lines)]


def cocos() -> list[bytes]:
    """COCO's instances and captions."""
    images = [{"id": i, "file_name": name, "width": 5, "height": 5} for i, (name, _) in enumerate(_PAIRS[:3])]
    annotations = [{"id": i, "image_id": i % 3, "caption": text} for i, (_, text) in enumerate(_PAIRS)]
    value = {"info": {}, "licenses": [], "images": images, "annotations": annotations}
    return [
        json.dumps(value).encode(),
        json.dumps(value | {"annotations": [*annotations, {"id": 9, "bbox": [1]}]}).encode(),
    ]


def karpathys() -> list[bytes]:
    """Karpathy's form, with and without splits."""
    images = [
        {
            "filename": name,
            "filepath": "d",
            "cocoid": i,
            "imgid": i,
            "split": "train",
            "sentences": [{"raw": text, "tokens": text.split(), "sentid": i}],
        }
        for i, (name, text) in enumerate(_PAIRS[:3])
    ]
    bare = [{key: value for key, value in one.items() if key != "split"} for one in images]
    return [json.dumps({"dataset": "x", "images": some}).encode() for some in (images, bare)]


def books() -> list[bytes]:
    """Excel workbooks with text, numbers, dates and formulas."""
    import datetime

    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.append(["image", "caption", "split"])
    for name, text in _PAIRS:
        sheet.append([name, text, "train"])
    sheet.append([5, 7.5, datetime.date(2020, 1, 1)])
    sheet.append(["3.png", "=1+1", None])
    sheet.append(["4.png", 7, True])
    buffer = io.BytesIO()
    book.save(buffer)
    return [buffer.getvalue()]


def parquets() -> list[bytes]:
    """Names and captions, lists of captions, and pictures with them."""
    import pyarrow as pa

    from hostile.pictures import pngs

    names, texts = ([pair[i] for pair in _PAIRS[:3]] for i in (0, 1))
    tables = [
        pa.table({"image": names, "caption": texts}),
        pa.table({"file_name": names, "captions": [[text, None] for text in texts]}),
        pa.table({"image": [{"bytes": pngs()[0], "path": name} for name in names], "text": texts}),
    ]
    return [_parquet(table) for table in tables]


def _parquet(table: Any) -> bytes:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def json_(data: bytes, rng: random.Random) -> bytes:
    """Values of other types, missing and doubled keys, deep nesting, lone surrogates, cut text."""
    kind = rng.random()
    if kind < 0.12:
        return mutated(data, rng)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return mutated(data, rng)
    if kind < 0.3:
        at = rng.randint(0, len(text))
        return (text[:at] + rng.choice(_TOKENS) + text[at + rng.choice((0, 0, 1, 5)) :]).encode(
            "utf-8", "surrogatepass"
        )
    if kind < 0.36:
        return text.encode(rng.choice(("utf-16", "utf-8-sig", "utf-16-le", "utf-32")), "surrogatepass")
    try:
        if "\n" in text.strip():
            lines = text.splitlines()
            at = rng.randrange(len(lines))
            lines[at] = json.dumps(changed(json.loads(lines[at]), rng))
            return "\n".join(lines).encode()
        return json.dumps(changed(json.loads(text), rng)).encode()
    except (ValueError, RecursionError):
        return mutated(data, rng)


def changed(value: Any, rng: random.Random) -> Any:
    """A JSON value in which a few nodes are others, gone, doubled or exchanged."""
    value = [copy.deepcopy(value)]
    for _ in range(rng.choice((1, 1, 2, 5))):
        nodes = list(islice(_nodes(value), _MOST_NODES))
        parent, key = rng.choice(nodes)
        kind = rng.randrange(8)
        if kind == 0 and parent is not value:
            del parent[key]
        elif kind == 1:
            other, there = rng.choice(nodes)
            parent[key] = copy.deepcopy(other[there])
        elif kind == 2 and isinstance(parent[key], list):
            parent[key] = parent[key] * rng.choice((0, 2, 300 if len(nodes) < _FEW_NODES else 2))
        elif kind == 3 and isinstance(parent[key], dict) and parent[key]:
            inner = rng.choice(sorted(map(str, parent[key])))
            parent[key][str(rng.choice(NAMES))] = parent[key].pop(inner, None)
        else:
            parent[key] = rng.choice(HOSTILE)
    return value[0]


def _nodes(value: Any) -> Iterator[tuple[Any, Any]]:
    found = [value]
    while found:
        one = found.pop()
        for key in one if isinstance(one, dict) else range(len(one)):
            yield one, key
            if isinstance(one[key], (dict, list)):
                found.append(one[key])


def table(data: bytes, rng: random.Random) -> bytes:
    """Cells, rows, columns and headers of other kinds; quotes without end; other delimiters and encodings."""
    if rng.random() < 0.15:
        return mutated(data, rng)
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    text = data.decode(encoding, "replace")
    lines = text.splitlines(keepends=True) or [""]
    delimiter = max(",;\t|", key=lines[0].count)
    at, kind = rng.randrange(len(lines)), rng.randrange(10)
    cells = lines[at].rstrip("\r\n").split(delimiter)
    if kind < 3:
        cells[rng.randrange(len(cells))] = rng.choice((*TEXTS, *NAMES))
        lines[at] = delimiter.join(cells) + "\n"
    elif kind == 3:
        lines[at] = delimiter.join(cells * rng.choice((0, 2, 3000))) + "\n"
    elif kind == 4:
        lines[at] = (
            rng.choice(('"', "'", '"""', '"a"b"', "\0", "sep=", "sep=ab\n", "#", "\r", "\x85", "\x1c")) + lines[at]
        )
    elif kind == 5:
        lines[0] = (
            delimiter.join(
                rng.choice(
                    (
                        "image",
                        "caption",
                        "IMAGE",
                        " image ",
                        "name",
                        "text",
                        "",
                        "caption",
                        "split",
                        "error",
                        "guess",
                        "image_id",
                    )
                )
                for _ in range(rng.randint(0, 6))
            )
            + "\n"
        )
    elif kind == 6:
        lines = [line.replace(delimiter, rng.choice(",;\t|: ")) for line in lines]
    elif kind == 7:
        lines = lines[:1] + lines[1:] * rng.choice((0, 500))
    elif kind == 8:
        encoding = rng.choice(("utf-8-sig", "utf-16", "utf-16-be", "cp1252", "utf-32", "latin-1", "shift-jis", "utf-7"))
    else:
        del lines[at]
    text = "".join(lines)
    return text.encode(encoding, "surrogatepass" if encoding.startswith("utf-") and encoding != "utf-7" else "replace")


def book(data: bytes, rng: random.Random) -> bytes:
    """Attributes, numbers, tags and entities of the sheets' XML, missing parts, and the zip itself."""
    if rng.random() < 0.15:
        return mutated(data, rng)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # damaged already
        return mutated(data, rng)
    if not parts:
        return data
    name = rng.choice(sorted(parts))
    kind = rng.randrange(6)
    if kind == 0:
        del parts[name]
    elif kind == 1:
        parts[name] = mutated(parts[name], rng)
    else:
        parts[name] = xml(parts[name], rng, kind)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for one, content in parts.items():
            archive.writestr(one, content)
    return buffer.getvalue()


def xml(data: bytes, rng: random.Random, kind: int) -> bytes:
    text = data.decode("utf-8", "replace")
    if kind == 2:
        found = list(re.finditer(r'="([^"]*)"|>([^<>]+)<', text))
        if not found:
            return data
        one = rng.choice(found)
        group = 1 if one.group(1) is not None else 2
        values = (
            *map(str, LARGE),
            "-1",
            "ZZZZ9999999",
            "A0",
            "1:1048576",
            "A1:XFD1048576",
            "NaN",
            "s",
            "inlineStr",
            "e",
            "d",
            "b",
            "",
            "../../x",
            "&lt;b&gt;",
            "a" * 40000,
        )
        return (text[: one.start(group)] + rng.choice(values) + text[one.end(group) :]).encode()
    if kind == 3:
        bomb = (
            '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
            + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(12))
            + "]>"
        )
        head, _, rest = text.partition("?>")
        return f"{head}?>{bomb}{rest}".replace("dog", "&m;").replace("</t>", "&m;</t>", 1).encode()
    tags = list(re.finditer(r"<[^<>]+>", text))
    if not tags:
        return data
    one = rng.choice(tags)
    if kind == 4:
        return (text[: one.start()] + text[one.end() :]).encode()
    return (text[: one.start()] + one.group() * rng.choice((2, 5000)) + text[one.end() :]).encode()


def parquet(data: bytes, rng: random.Random) -> bytes:
    """Columns of other types, and bytes of the file."""
    import pyarrow as pa

    if rng.random() < 0.5:
        return mutated(data, rng)
    texts: Any = [pair[1] for pair in _PAIRS[:3]]
    columns: list[Any] = [
        pa.array(texts),
        pa.array([1, 2, None]),
        pa.array([1.5, float("nan"), None]),
        pa.array([[text] for text in texts]),
        pa.array([[[text]] for text in texts]),
        pa.array([text.encode() for text in texts]),
        pa.array([{"bytes": b"no picture", "path": None}] * 3),
        pa.array([{"bytes": None, "path": "../../x.png"}] * 3),
        pa.array([{"bytes": "text"}] * 3),
        pa.array(texts).dictionary_encode(),
        pa.array([None, None, None]),
        pa.array([10**15] * 3, pa.timestamp("us")),
        pa.array([[("a", 1)]] * 3, pa.map_(pa.string(), pa.int64())),
        pa.array(list(NAMES[:3])),
        pa.array(["=1", "", "\0"]),
        pa.array([True, False, None]),
    ]
    names = ("image", "caption", "split", "text", "file_name", "captions", "name", "", "__row__")
    chosen = rng.sample(names, rng.randint(1, 4))
    found = [rng.choice(columns) for _ in chosen]
    if rng.random() < 0.2:
        chosen.append(chosen[0])
        found.append(columns[0])
    table = pa.table(found, names=chosen)
    return _parquet(table if rng.random() < 0.8 else table.slice(0, 0))


FORMATS: dict[str, tuple[str, Callable[[], list[bytes]], Callable[[bytes, random.Random], bytes]]] = {
    "tables": (".csv", tables, table),
    "JSON and lines": (".json", records, json_),
    "COCO": (".json", cocos, json_),
    "Karpathy": (".json", karpathys, json_),
    "Excel": (".xlsx", books, book),
    "Parquet": (".parquet", parquets, parquet),
}
"""Suffix, seeds and mutation of each format."""
