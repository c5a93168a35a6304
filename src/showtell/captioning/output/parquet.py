"""Captions <-> rows of Parquet, to the last digit: what a job keeps of its pieces, and `--format parquet` writes.

A row is a picture: its `name`, and either its caption or the `error` that it could not be read with. Columns are the
fields of `showtell.captioning.caption.Caption`; docs/reference/file-formats.md lists them.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np

from showtell.captioning.caption import Caption, Captioned, Word
from showtell.captioning.tags import Tag
from showtell.errors import InputError, MissingExtra, one_line

Write: TypeAlias = Callable[[Captioned], None]
"""Told the result of one picture."""

_ROWS_AT_ONCE = 1024


def require_arrow() -> None:
    """Raise a `MissingExtra` where there is no Parquet."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise MissingExtra("a Parquet file", "embed") from error


@contextmanager
def row_writer(file: IO[bytes], metadata: Mapping[str, str] | None = None) -> Iterator[Write]:
    """What writes rows to an open file, 1,024 at a time; `metadata` are kept in its schema."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema().with_metadata(dict(metadata or {}))
    waiting: list[dict[str, Any]] = []

    def flush() -> None:
        if waiting:
            writer.write_batch(pa.RecordBatch.from_pylist(waiting, schema=schema))
            waiting.clear()

    def write(result: Captioned) -> None:
        waiting.append(_to_row(result))
        if len(waiting) == _ROWS_AT_ONCE:
            flush()

    with pq.ParquetWriter(file, schema) as writer:
        yield write
        flush()


def read_rows(path: Path) -> Iterator[Captioned]:
    """The rows of a file, some at a time; an `InputError` where it is missing or damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE):
                yield from map(_from_row, batch.to_pylist())
    except (OSError, pa.ArrowException, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: damaged ({one_line(error, 200)}): delete it and give the same command again"
        ) from error


def _schema() -> Any:
    import pyarrow as pa

    text, number, truth = pa.string(), pa.float64(), pa.bool_()
    looked = pa.list_(pa.list_(pa.float32()))
    word = pa.struct([("word", text), ("probability", number), ("attention", looked)])
    sentence = [
        ("caption", text),
        ("score", number),
        ("confidence", number),
        ("unfamiliar", truth),
        ("guess", text),
        ("guided", truth),
        ("words", pa.list_(word)),
    ]
    tag = pa.struct([("name", text), ("probability", number)])
    further = [("tags", pa.list_(tag)), ("alternatives", pa.list_(pa.struct(sentence))), ("error", text)]
    return pa.schema([("name", text), *sentence, *further])


def _to_row(result: Captioned) -> dict[str, Any]:
    caption = result.caption
    if caption is None:
        return {"name": result.name, "error": result.error}
    return {
        "name": result.name,
        **_to_sentence(caption),
        "tags": [{"name": tag.name, "probability": tag.probability} for tag in caption.tags],
        "alternatives": [_to_sentence(one) for one in caption.alternatives],
    }


def _to_sentence(caption: Caption) -> dict[str, Any]:
    words = [
        {"word": word.word, "probability": word.probability, "attention": looked}
        for word in caption.words
        for looked in (None if word.attention is None else list(word.attention),)
    ]
    return {
        "caption": caption.text,
        "score": caption.score,
        "confidence": caption.confidence,
        "unfamiliar": caption.unfamiliar,
        "guess": caption.guess or None,
        "guided": caption.guided,
        "words": words,
    }


def _from_row(row: dict[str, Any]) -> Captioned:
    if row["error"] is not None:
        return Captioned(row["name"], None, row["error"])
    alternatives = tuple(_from_sentence(one) for one in row["alternatives"])
    tags = tuple(Tag(tag["name"], tag["probability"]) for tag in row["tags"])
    return Captioned(row["name"], _from_sentence(row, alternatives, tags))


def _from_sentence(row: dict[str, Any], alternatives: tuple[Caption, ...] = (), tags: tuple[Tag, ...] = ()) -> Caption:
    words = tuple(
        Word(one["word"], one["probability"], None if looked is None else np.array(looked, np.float32))
        for one in row["words"]
        for looked in (one["attention"],)
    )
    known = {"confidence": row["confidence"], "unfamiliar": row["unfamiliar"], "guided": row["guided"]}
    return Caption(row["caption"], row["score"], words, alternatives, guess=row["guess"] or "", tags=tags, **known)
