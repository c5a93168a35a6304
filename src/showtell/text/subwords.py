"""Subwords: pieces of words as the tokenizer of a pretrained model splits them.

`tokenizer.json` is read by the library tokenizers (https://github.com/huggingface/tokenizers), so text is split, and
put together again, exactly as the model's own tokenizer does it.
"""

import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from showtell.errors import InputError, one_line, require

_INVALID_BYTE = "\u00ff"  # how byte-level tokenizers write the byte 255, which no text in UTF-8 contains


class Subwords:
    """The vocabulary of a pretrained captioner; it offers what `showtell.text.Vocabulary` does, with other ids.

    `start` and `end` are the tokens before and after a sentence, and may be the same. `pad` is never written. A
    sentence has at most `max_tokens` tokens.
    """

    def __init__(
        self,
        tokenizer: bytes,
        *,
        size: int,
        start: int,
        end: int,
        max_tokens: int,
        forced: Sequence[int] = (),
    ) -> None:
        """Read a tokenizer.

        Arguments:
            tokenizer: the bytes of `tokenizer.json`.
            size: entries of the decoder, V; the tokenizer may know fewer.
            start, end: tokens before and after a sentence.
            max_tokens: the most tokens of a sentence, END included.
            forced: tokens after `start` that every sentence begins with, and that are no words.

        Raises:
            MissingExtra: the package tokenizers is not installed.
            InputError: the bytes are no tokenizer, or a token lies outside of the vocabulary.
        """
        require("tokenizers", extra="tokenizers", what="a model with subwords")
        from tokenizers import Tokenizer

        try:
            self._tokenizer: Any = Tokenizer.from_buffer(tokenizer)
            self._tokenizer.no_padding()
            self._tokenizer.no_truncation()
            described = json.loads(tokenizer)
        except Exception as error:  # the library raises plain exceptions
            raise InputError(f"no tokenizer ({one_line(error, 200)})") from error
        self._source = tokenizer
        self.size, self.start, self.end, self.max_tokens, self.forced = size, start, end, max_tokens, tuple(forced)
        if bad := [token for token in (start, end, *forced) if not 0 <= token < size]:
            raise InputError(f"token {bad[0]} lies outside of a vocabulary of {size:,}")
        self.unk = self._token((described.get("model") or {}).get("unk_token"))
        self.pad = self._filler((described.get("padding") or {}).get("pad_id"))

    def _token(self, name: object) -> int:
        found = self._tokenizer.token_to_id(name) if isinstance(name, str) else None
        return -1 if found is None or found >= self.size else int(found)

    def _filler(self, padding: object) -> int:
        """An entry that no sentence needs: padding if it is not START or END, or a byte that is no text."""
        named = (self._token(name) for name in ("[PAD]", "<pad>", _INVALID_BYTE, "[MASK]", "<mask>"))
        candidates = (padding if isinstance(padding, int) else -1, *named, *range(self.size))
        taken = {self.start, self.end, *self.forced, -1}
        filler: int = next(token for token in candidates if token not in taken)
        return filler

    def __len__(self) -> int:
        return self.size

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Subwords) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[Any, ...]:
        return self._source, self.size, self.start, self.end, self.max_tokens, self.forced

    @property
    def excluded(self) -> tuple[int, ...]:
        """Entries that a search never writes."""
        return (self.pad,)

    @property
    def renormalizes(self) -> bool:
        """Whether probabilities leave out the excluded entries: in the original they do not."""
        return False

    @cached_property
    def entries(self) -> tuple[str, ...]:
        """The tokens by id, as the tokenizer writes them."""
        return tuple(self._tokenizer.id_to_token(i) or f"<{i}>" for i in range(self.size))

    @cached_property
    def continues(self) -> npt.NDArray[np.bool_]:
        """Which tokens would continue the word before them, `(V,)`; special ones do, as they have no text."""
        if any(entry[:1] in ("\u0120", "\u2581") for entry in self.entries):
            found = np.array([entry[:1].isalnum() for entry in self.entries])
        else:
            found = np.array([entry.startswith("##") and entry[2:3].isalnum() for entry in self.entries])
        added = self._tokenizer.get_added_tokens_decoder()
        found[[i for i, token in added.items() if token.special and i < self.size]] = True
        found[self.end] = False
        return found

    def steps(self, max_length: int) -> int:
        """The most tokens of a sentence of `max_length` words."""
        return min(self.max_tokens, 6 * max_length + 8)

    def encode(self, caption: str) -> list[int]:
        """Ids of a caption: START, its pieces, END."""
        return [self.start, *self.forced, *self.pieces(caption), self.end]

    def prompt(self, text: str) -> tuple[int, ...]:
        """The pieces of the beginning of a sentence."""
        return tuple(self.pieces(text))

    def pieces(self, text: str) -> list[int]:
        """The ids of a text without START and END."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids` up to END, without special tokens, exactly as the tokenizer gives it."""
        kept = []
        for token in ids:
            if token == self.end:
                break
            kept.append(int(token))
        text: str = self._tokenizer.decode(kept, skip_special_tokens=True)
        return text

    def spaced(self, text: str) -> str:
        """The text itself: pretrained captioners write words."""
        return text

    def words(self, ids: Sequence[int]) -> list[tuple[str, int]]:
        """The words of a sentence, as spaces part them, and how many of its tokens each has.

        A token belongs to the word that the text ends with after it; tokens without text to the word after them, or to
        the last one.
        """
        words = self.decode(ids).split()
        if not words:
            return []
        of = [max(1, len(self.decode(ids[: i + 1]).split())) - 1 for i in range(len(ids))]
        for i in range(len(of) - 1, -1, -1):
            of[i] = min(of[i], of[i + 1] if i + 1 < len(of) else len(words) - 1)
        counts = np.bincount(of, minlength=len(words))
        return list(zip(words, counts.tolist(), strict=True))

    def phrases(self, words: Sequence[str], *, anywhere: bool) -> tuple[tuple[int, ...], ...]:
        """The ids of the ways to write some words: lower case, capitalized, upper case.

        Arguments:
            words: lower-case words of a phrase.
            anywhere: also as the first words of a sentence, which byte-level tokenizers write in another way.
        """
        text = " ".join(words)
        variants = dict.fromkeys((text, text.capitalize(), text.title(), text.upper()))
        written = [self.pieces(f" {variant}") for variant in variants]
        written += [self.pieces(variant) for variant in variants] if anywhere else []
        return tuple(dict.fromkeys(tuple(ids) for ids in written if ids and self.unk not in ids))
