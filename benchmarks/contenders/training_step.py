"""Showtell's training step of the notebook's decoder: 64 captions of at most 20 ids, 8,769 words."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from contenders.captions import PAD, WORDS, batch_of_ids
from showtell.decoders.registry import build
from showtell.training import read_recipe
from showtell.training.loss import next_word

RECIPE = Path(__file__).parents[2] / "recipes" / "seed-coco2014.toml"


def steps(pictures: Sequence[Path], bfloat16: bool) -> Callable[[int], None]:
    """Steps as the training loop takes them, with the decoder of the notebook's recipe."""
    recipe = read_recipe(RECIPE)
    torch.manual_seed(0)
    decoder = build(recipe.decoder_kind, recipe.decoder, (2048,), WORDS).train()
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=1e-3, weight_decay=0.0, fused=True)
    embeddings = torch.from_numpy(np.random.default_rng(0).random((64, 2048), np.float32))
    ids = torch.from_numpy(batch_of_ids())

    def work(count: int) -> None:
        for _ in range(count):
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                loss = next_word(decoder, embeddings, ids, PAD).loss
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

    work(2)
    return work
