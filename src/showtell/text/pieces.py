"""Words -> subwords as in WordPiece (Schuster and Nakajima 2012): the longest known beginning, again and again.

The library tokenizers learns them from the words of the training captions. To split a word, only the entries are
needed, so captioning needs no library.
"""

from collections.abc import Collection, Mapping

from showtell.errors import require
from showtell.text.rules import CONTINUES


def split_word(word: str, known: Collection[str]) -> list[str]:
    """The subwords of a word, all but the first with `##` before them; the word itself if one is missing."""
    pieces, begin = [], 0
    while begin < len(word):
        prefix = CONTINUES if begin else ""
        end = next((end for end in range(len(word), begin, -1) if prefix + word[begin:end] in known), begin)
        if end == begin:
            return [word]
        pieces.append(prefix + word[begin:end])
        begin = end
    return pieces


def subwords_of(counts: Mapping[str, int], most: int, min_count: int) -> list[str]:
    """The subwords that write some words: every character, and pairs that are frequent, joined again and again.

    Arguments:
        counts: how often each word occurs.
        most: the most subwords.
        min_count: the fewest times that a pair must occur to be joined.

    Raises:
        MissingExtra: the package tokenizers is not installed.
    """
    require("tokenizers", extra="tokenizers", what='tokenizer = "subwords"')
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    model = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    model.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.WordPieceTrainer(
        vocab_size=most, min_frequency=min_count, continuing_subword_prefix=CONTINUES, show_progress=False
    )
    model.train_from_iterator((" ".join([word] * count) for word, count in sorted(counts.items())), trainer)
    return sorted(model.get_vocab())
