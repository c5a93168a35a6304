"""Imported captioners give the captions of Transformers: token for token, beam for beam, on 50 pictures."""

import numpy as np
import pytest
import torch

from pretrained_models import TOKENS, squares
from showtell.captioning.captioner import Captioner
from showtell.images.preprocessing import normalize
from showtell.search import search

PICTURES = 50


def inputs(tiny, captioner, pictures):
    """What `generate` takes for squares."""
    planes = normalize(pictures, captioner.encoder.info.preprocessing)
    given = {"pixel_values": torch.from_numpy(planes)}
    if tiny.name == "florence2":
        vocabulary = captioner.bundle.vocabulary
        cells = captioner.encoder.info.cells
        asked = [0, *vocabulary.pieces("What does the image describe?"), 2]
        given["input_ids"] = torch.tensor([[4] * cells + asked] * len(pictures))
        given["attention_mask"] = torch.ones_like(given["input_ids"])
    return given


def generated(tiny, captioner, pictures, **options):
    """The tokens of every picture as `generate` writes them, without what comes before and after the words."""
    vocabulary = captioner.bundle.vocabulary
    with torch.no_grad():
        found = tiny.model.generate(
            **inputs(tiny, captioner, pictures),
            min_new_tokens=1 + len(vocabulary.forced),  # Showtell writes at least one word
            max_new_tokens=TOKENS + len(vocabulary.forced),
            suppress_tokens=[vocabulary.pad],  # and never padding
            forced_eos_token_id=None,
            do_sample=False,
            **options,
        )
    rows = [row[1 + len(vocabulary.forced) :].tolist() for row in found]
    return [row[: row.index(vocabulary.end)] if vocabulary.end in row else row for row in rows]


def written(captioner, pictures, **options):
    decoder, vocabulary = captioner.generator.decoder, captioner.bundle.vocabulary
    found = search(decoder, captioner.embed(pictures), vocabulary, captioner.generator.search_options(**options))
    return [list(best.tokens) for best, *_ in found]


def test_greedy_tokens_are_those_of_generate(tiny):
    captioner, pictures = Captioner(tiny.bundle), squares(PICTURES)
    expected = generated(tiny, captioner, pictures, num_beams=1)
    assert written(captioner, pictures, beam=1) == expected
    assert len({tuple(row) for row in expected}) > 10  # the sentences depend on the pictures


def test_beams_are_those_of_generate(tiny):
    captioner, pictures = Captioner(tiny.bundle), squares(PICTURES)
    # As Showtell's, a search that ends when no live sentence can become better than the finished ones.
    expected = generated(tiny, captioner, pictures, num_beams=3, length_penalty=0.7, early_stopping="never")
    found = written(captioner, pictures, beam=3, length_penalty=0.7)
    same = sum(one == other for one, other in zip(found, expected, strict=True))
    assert same >= 0.98 * PICTURES


def test_logits_are_those_of_the_model(tiny):
    captioner, pictures = Captioner(tiny.bundle), squares(4)
    decoder, vocabulary = captioner.generator.decoder, captioner.bundle.vocabulary
    with torch.no_grad():
        found = tiny.model.generate(
            **inputs(tiny, captioner, pictures), max_new_tokens=6, min_new_tokens=6, num_beams=1, do_sample=False,
            forced_eos_token_id=None, forced_bos_token_id=None, return_dict_in_generate=True, output_logits=True,
        )  # fmt: skip
    constants, state = decoder.start(captioner.embed(pictures))
    tokens = np.full(len(pictures), vocabulary.start)
    for t, expected in enumerate(found.logits):
        logits, state = decoder.step(tokens, constants, state)
        np.testing.assert_allclose(logits, expected.numpy(), rtol=0, atol=1e-4)
        tokens = found.sequences[:, 1 + t].numpy()


@pytest.mark.parametrize("name", ["blip", "vit-gpt2"])
def test_a_prompt_begins_the_sentence_as_in_generate(make_tiny, name):
    tiny = make_tiny(name)
    captioner, pictures = Captioner(tiny.bundle), squares(20)
    ids = captioner.bundle.vocabulary.pieces("ba de")
    start = captioner.bundle.vocabulary.start
    # BLIP puts its own first token in place of BERT's, and leaves out the last one.
    given = [[2, *ids, 3]] if name == "blip" else [[start, *ids]]
    key = "input_ids" if name == "blip" else "decoder_input_ids"
    with torch.no_grad():
        found = tiny.model.generate(
            pixel_values=inputs(tiny, captioner, pictures)["pixel_values"],
            **{key: torch.tensor(given * len(pictures))},
            max_new_tokens=TOKENS - len(ids), suppress_tokens=[captioner.bundle.vocabulary.pad], do_sample=False,
            num_beams=1,
        )  # fmt: skip
    end = captioner.bundle.vocabulary.end
    rows = [row[1:].tolist() for row in found]
    expected = [row[: row.index(end)] if end in row else row for row in rows]
    assert written(captioner, pictures, beam=1, prompt="ba de") == expected
    captions = captioner.caption(list(pictures), beam=2, prompt="ba de")
    assert all(caption.text.startswith("ba de") for caption in captions)
