"""References -> document frequencies: for each n-gram, the number of pictures whose references contain it.

CIDEr weighs an n-gram by its rarity, by default in the references that it scores against. For few pictures that says
little; a table counted once from many pictures, and stored in a file, takes its place. The file's format is in
docs/reference/file-formats.md.
"""

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from showtell.errors import InputError, one_line
from showtell.metrics.inputs import References
from showtell.metrics.matching import MAX_ORDER, ReferenceIndex
from showtell.metrics.ngrams import GramList, Ids

FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class DocumentFrequency:
    """Counts of n-grams of 1 to 4 words over some pictures.

    N-grams of a single picture are left out, because CIDEr gives them the same weight as n-grams of no picture.
    """

    pictures: int
    """How many pictures were counted."""
    grams: GramList
    """The n-grams that more than one picture has."""
    counts: tuple[Ids, ...]
    """By order, in how many pictures each of them occurs."""

    @property
    def fingerprint(self) -> str:
        """Eight hexadecimal digits that identify the table."""
        digest = hashlib.sha256(repr((self.pictures, self.grams.words)).encode("utf-8", "backslashreplace"))
        for column in (*self.counts, *self.grams.prefixes, *self.grams.lasts):
            digest.update(column.astype("<i4").tobytes())
        return digest.hexdigest()[:8]

    @classmethod
    def of(cls, references: References) -> "DocumentFrequency":
        """Count tokenized references.

        Raises:
            InputError: there are no pictures, a picture has no reference, or a reference is not tokenized.
        """
        index = ReferenceIndex(references)
        frequencies = index.document_frequencies()
        several = [frequency > 1 for frequency in frequencies]
        counts = tuple(frequency[mask] for frequency, mask in zip(frequencies, several, strict=True))
        return cls(len(references), index.ngrams.listed(several), counts)

    @classmethod
    def read(cls, path: str | Path) -> "DocumentFrequency":
        """Read a table from a file.

        Raises:
            InputError: the file is missing, damaged or not such a table.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                return _from_arrays(dict(file))
        except FileNotFoundError as error:
            raise InputError(f"{path}: does not exist") from error
        except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
            raise InputError(
                f"{path}: not a table of document frequencies ({one_line(error)}): make it again"
            ) from error

    def to_bytes(self) -> bytes:
        """The table as the bytes of a file; equal tables give equal bytes.

        Raises:
            InputError: its words are not texts without line breaks, so a file cannot store them.
        """
        words = [word for word in self.grams.words if isinstance(word, str) and "\n" not in word]
        if len(words) < len(self.grams.words):
            raise InputError("only a table of words can be stored in a file, not one of numbers")
        arrays = {
            "format": np.array(FORMAT),
            "pictures": np.array(self.pictures),
            "words": np.frombuffer("\n".join(words).encode(), dtype=np.uint8),
        }
        for order, counts in enumerate(self.counts, start=1):
            arrays[f"counts_{order}"] = counts.astype(np.int32)
        for order, (prefixes, lasts) in enumerate(zip(self.grams.prefixes, self.grams.lasts, strict=True), start=2):
            arrays[f"prefixes_{order}"], arrays[f"lasts_{order}"] = prefixes.astype(np.int32), lasts.astype(np.int32)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()


def _from_arrays(arrays: dict[str, np.ndarray]) -> DocumentFrequency:
    if int(arrays["format"]) != FORMAT:
        raise ValueError(f"format {arrays['format']}, this release reads {FORMAT}")
    text = arrays["words"].tobytes().decode()
    words = tuple(text.split("\n")) if text else ()
    pictures = int(arrays["pictures"])
    counts = [_whole(arrays, f"counts_{order}", 2, pictures + 1) for order in range(1, MAX_ORDER + 1)]
    sizes = [len(words), *map(len, counts[1:])]
    prefixes = [_whole(arrays, f"prefixes_{order}", 0, sizes[order - 2]) for order in range(2, MAX_ORDER + 1)]
    lasts = [_whole(arrays, f"lasts_{order}", 0, len(words)) for order in range(2, MAX_ORDER + 1)]
    if sizes != [len(counts[0]), *map(len, prefixes)] or sizes[1:] != list(map(len, lasts)):
        raise ValueError("its columns are of unequal lengths")
    if len(set(words)) < len(words):
        raise ValueError("a word stands twice")
    return DocumentFrequency(pictures, GramList(words, tuple(prefixes), tuple(lasts)), tuple(counts))


def _whole(arrays: dict[str, np.ndarray], name: str, least: int, below: int) -> Ids:
    column = arrays[name]
    if column.ndim != 1 or column.dtype.kind not in "iu":
        raise ValueError(f"{name} is not a column of whole numbers")
    if len(column) and not least <= column.min() <= column.max() < below:
        raise ValueError(f"{name} has numbers that cannot be")
    return column.astype(np.int64)
