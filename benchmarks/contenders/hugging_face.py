"""ViT-GPT2 and BLIP-base as Hugging Face Transformers runs them on PyTorch, in their published shapes.

Weights are random and captions have 12 words, so only the speed means anything. Nothing is downloaded.
"""

from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

NEW_TOKENS = 12


def vit_gpt2(pictures: Sequence[Path], beam: int) -> Callable[[int], None]:
    """ViT-B/16 at 224 pixels and GPT-2 (124 M) with cross-attention: nlpconnect/vit-gpt2-image-captioning's shape."""
    import torch
    from transformers import GPT2Config, VisionEncoderDecoderConfig, VisionEncoderDecoderModel, ViTConfig

    torch.manual_seed(0)
    words = GPT2Config(add_cross_attention=True, is_decoder=True)
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(ViTConfig(), words)
    config.decoder_start_token_id = config.pad_token_id = words.eos_token_id
    return generating(VisionEncoderDecoderModel(config), pictures, 224, batch=8, beam=beam)


def blip(pictures: Sequence[Path], beam: int) -> Callable[[int], None]:
    """Salesforce/blip-image-captioning-base's shape: ViT-B/16 at 384 pixels and a BERT-base that is read out."""
    import torch
    from transformers import BlipConfig, BlipForConditionalGeneration

    torch.manual_seed(0)
    return generating(BlipForConditionalGeneration(BlipConfig()), pictures, 384, batch=4, beam=beam)


def generating(model: Any, pictures: Sequence[Path], size: int, batch: int, beam: int) -> Callable[[int], None]:
    import torch
    from transformers.utils import logging

    logging.set_verbosity_error()
    model.eval()

    def work(count: int) -> None:
        paths = list(islice(cycle(pictures), count))
        for begin in range(0, count, batch):
            pixels = np.stack([pixels_of(path, size) for path in paths[begin : begin + batch]])
            with torch.inference_mode():
                words = model.generate(
                    pixel_values=torch.from_numpy(pixels),
                    max_new_tokens=NEW_TOKENS,
                    min_new_tokens=NEW_TOKENS,
                    num_beams=beam,
                    do_sample=False,
                )
            assert words.shape[1] > NEW_TOKENS

    work(batch)
    return work


def pixels_of(path: Path, size: int) -> np.ndarray:
    image = Image.open(path).convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
    return (np.asarray(image, np.float32).transpose(2, 0, 1) / 255 - 0.5) / 0.5
