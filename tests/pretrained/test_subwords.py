"""Whole words out of subwords: their texts, their probabilities, and the rules of a sentence in words."""

import numpy as np
import pytest

from pretrained_models import bytes_and_pairs, squares, wordpieces
from showtell.captioning.captioner import Captioner
from showtell.errors import InputError
from showtell.text import Subwords, tokenize

pytest.importorskip("tokenizers", reason="tokenizers is not installed: pip install '.[test]'")


def vocabulary(kind):
    made = wordpieces() if kind == "wordpieces" else bytes_and_pairs(["<|endoftext|>"])
    start, end = (2, 3) if kind == "wordpieces" else (0, 0)
    return Subwords(made.to_str().encode(), size=made.get_vocab_size(), start=start, end=end, max_tokens=40)


@pytest.mark.parametrize("kind", ["wordpieces", "bytes"])
@pytest.mark.parametrize("text", ["ba", "bade ki lo.", "ba de, ki ' s lodu", "di di di"])
def test_words_hold_all_tokens_and_make_the_text(kind, text):
    words = vocabulary(kind)
    ids = words.pieces(text)
    found = words.words(ids)
    assert sum(count for _, count in found) == len(ids)
    assert [word for word, _ in found] == words.decode(ids).split()


def test_the_padding_is_never_the_token_that_ends_a_sentence():
    assert vocabulary("bytes").pad != vocabulary("bytes").end
    assert vocabulary("wordpieces").pad == 0


def test_bytes_that_are_no_tokenizer_are_refused():
    with pytest.raises(InputError, match="no tokenizer"):
        Subwords(b"{}", size=5, start=0, end=1, max_tokens=5)


@pytest.fixture(params=["blip", "vit-gpt2"])
def captioner(request, make_tiny):
    return Captioner(make_tiny(request.param).bundle)


def test_a_words_probability_is_the_product_of_its_pieces(captioner):
    from showtell.captioning.confidence.sentence_confidence import sentence_log_probs
    from showtell.search import search

    pictures, words = squares(8), captioner.bundle.vocabulary
    embeddings, decoder = captioner.embed(pictures), captioner.generator.decoder
    found = search(decoder, embeddings, words, captioner.generator.search_options(beam=1))
    tokens = [best.tokens for best, *_ in found]
    log_probs = sentence_log_probs(decoder, embeddings, tokens, words)
    for caption, ids, each in zip(captioner.caption(list(pictures), beam=1), tokens, log_probs, strict=True):
        assert caption.text == words.decode(ids)
        product = np.prod([word.probability for word in caption.words])
        assert product == pytest.approx(np.exp(each[: len(ids)].sum()), rel=1e-3)


def test_required_words_appear_whole_and_banned_words_do_not(captioner):
    pictures = list(squares(8))
    for caption in captioner.caption(pictures, beam=2, must=["bade"]):
        assert "bade" in tokenize(caption.text)
    free = captioner.caption(pictures, beam=2)
    banned = max((word for caption in free for word in tokenize(caption.text)), key=len)
    for caption in captioner.caption(pictures, beam=2, must_not=[banned]):
        assert banned not in tokenize(caption.text)


def test_lengths_and_repetition_count_words(captioner):
    pictures = list(squares(8))
    for caption in captioner.caption(pictures, beam=2, max_length=3):
        assert len(tokenize(caption.text)) <= 3
    for caption in captioner.caption(pictures, beam=2, no_repeat_ngram=1):
        words = tokenize(caption.text)
        assert len(set(words)) == len(words)
