"""Tiny models of every family with random weights, written as Hugging Face Transformers writes them."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

SIDE = 32
"""Pixels of the pictures that the tiny towers take."""
TOKENS = 12
"""The most tokens of a caption."""
_GAINS = {"vit-gpt2": 1.5, "swin-gpt2": 1.5, "florence2": 1.5}
"""Deviation of random matrices, in units of one over the root of their inputs; 1 for other models."""
_VISION = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
_PATCHES = {"image_size": SIDE, "patch_size": 8}
_TEXT = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
_WORDS = [first + second for first in "bdgklmnprst" for second in "aeiou"]


def wordpieces() -> Any:
    """A tokenizer of BERT's kind: syllables that begin words, and syllables that continue them."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]"]
    entries = [*specials, *_WORDS, *(f"##{word}" for word in _WORDS), ".", ",", "'", "s"]
    made = Tokenizer(models.WordPiece({entry: i for i, entry in enumerate(entries)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    made.add_special_tokens(specials)
    return made


def bytes_and_pairs(specials: list[str]) -> Any:
    """A tokenizer of GPT-2's kind, over bytes, which learned some syllables."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=alphabet, special_tokens=specials, show_progress=False
    )
    rng = np.random.default_rng(0)
    made.train_from_iterator((" ".join(rng.choice(_WORDS, 3)) for _ in range(300)), trainer)
    return made


def _blip() -> tuple[Any, Any]:
    import transformers

    tokenizer = wordpieces()
    text = {"vocab_size": tokenizer.get_vocab_size(), "encoder_hidden_size": 48, "max_position_embeddings": 64, **_TEXT}
    ids = {"bos_token_id": 5, "eos_token_id": 2, "sep_token_id": 3, "pad_token_id": 0, "projection_dim": 16}
    config = transformers.BlipConfig(text_config=text | ids, vision_config=_VISION | _PATCHES | {"projection_dim": 16})
    return transformers.BlipForConditionalGeneration(config), tokenizer


def _git() -> tuple[Any, Any]:
    import transformers

    tokenizer = wordpieces()
    config = transformers.GitConfig(
        vision_config=_VISION | _PATCHES,
        vocab_size=tokenizer.get_vocab_size(),
        max_position_embeddings=64,
        bos_token_id=2,
        eos_token_id=3,
        pad_token_id=0,
        **_TEXT,
    )
    return transformers.GitForCausalLM(config), tokenizer


def _joined(vision: Any, decoder: str) -> tuple[Any, Any]:
    import transformers

    if decoder == "gpt2":
        tokenizer = bytes_and_pairs(["<|endoftext|>"])
        end = start = tokenizer.token_to_id("<|endoftext|>")
        text = transformers.GPT2Config(
            vocab_size=tokenizer.get_vocab_size(),
            n_positions=64,
            n_embd=32,
            n_layer=2,
            n_head=4,
            bos_token_id=end,
            eos_token_id=end,
            add_cross_attention=True,
            is_decoder=True,
        )
    else:
        tokenizer, start, end = wordpieces(), 2, 3
        text = transformers.BertConfig(
            vocab_size=tokenizer.get_vocab_size(),
            max_position_embeddings=64,
            is_decoder=True,
            add_cross_attention=True,
            **_TEXT,
        )
    config = transformers.VisionEncoderDecoderConfig.from_encoder_decoder_configs(vision, text)
    config.decoder_start_token_id, config.eos_token_id, config.pad_token_id = start, end, end
    return transformers.VisionEncoderDecoderModel(config), tokenizer


def _vit_gpt2() -> tuple[Any, Any]:
    import transformers

    return _joined(transformers.ViTConfig(**_VISION, **_PATCHES), "gpt2")


def _deit_bert() -> tuple[Any, Any]:
    import transformers

    return _joined(transformers.DeiTConfig(**_VISION, **_PATCHES), "bert")


def _swin_gpt2() -> tuple[Any, Any]:
    import transformers

    # A grid of 16, 8 and 4: shifted windows, with padding.
    vision = transformers.SwinConfig(
        embed_dim=16, depths=[2, 2, 1], num_heads=[2, 4, 4], window_size=3, image_size=SIDE, patch_size=2
    )
    return _joined(vision, "gpt2")


def _florence2() -> tuple[Any, Any]:
    import transformers

    tokenizer = bytes_and_pairs(["<s>", "<pad>", "</s>", "<unk>", "<image>"])
    vision = {
        "embed_dim": [16, 32], "depths": [1, 1], "num_heads": [2, 4], "num_groups": [2, 4], "patch_size": [7, 3],
        "patch_stride": [4, 2], "patch_padding": [3, 1], "patch_prenorm": [False, True], "window_size": 3,
        "projection_dim": 32, "max_temporal_embeddings": 10, "max_position_embeddings": 20,
    }  # fmt: skip
    text = {
        "model_type": "bart", "vocab_size": tokenizer.get_vocab_size(), "d_model": 32, "encoder_layers": 2,
        "decoder_layers": 2, "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 64,
        "decoder_ffn_dim": 64, "max_position_embeddings": 128, "forced_bos_token_id": 0,
    }  # fmt: skip
    config = transformers.Florence2Config(vision_config=vision, text_config=text, image_token_id=4)
    return transformers.Florence2ForConditionalGeneration(config), tokenizer


@contextlib.contextmanager
def without_torchvision() -> Iterator[None]:
    """Let Transformers be imported as if torchvision were not installed: its wheel may be built for another PyTorch."""
    before = sys.modules.get("torchvision")
    sys.modules["torchvision"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["torchvision"]
        if before is not None:
            sys.modules["torchvision"] = before


MODELS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "blip": _blip,
    "git": _git,
    "vit-gpt2": _vit_gpt2,
    "deit-bert": _deit_bert,
    "swin-gpt2": _swin_gpt2,
    "florence2": _florence2,
}
"""Functions that make a model and its tokenizer."""

_PROCESSORS = {
    "git": {
        "image_processor_type": "CLIPImageProcessor",
        "size": {"shortest_edge": SIDE},
        "crop_size": {"height": SIDE, "width": SIDE},
        "do_center_crop": True,
        "resample": 3,
        "image_mean": [0.48, 0.46, 0.41],
        "image_std": [0.27, 0.26, 0.28],
    },
    "deit-bert": {
        "image_processor_type": "DeiTImageProcessor",
        "size": {"height": 36, "width": 36},
        "crop_size": {"height": SIDE, "width": SIDE},
        "do_center_crop": True,
        "resample": 3,
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
    },
}
_SQUASHES = {
    "size": {"height": SIDE, "width": SIDE},
    "resample": 2,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
}


def _end_of(model: Any) -> int:
    text = getattr(model.config, "text_config", model.config)
    return int(getattr(text, "sep_token_id", None) or text.eos_token_id)


def write_model(name: str, folder: Path) -> Any:
    """Make a tiny model, write it to a folder, and return it; the same weights each time."""
    import torch

    torch.manual_seed(0)
    with without_torchvision():
        model, tokenizer = MODELS[name]()
    model.eval()
    with torch.no_grad():
        for key, tensor in model.named_parameters():
            if tensor.ndim < 2:
                tensor.add_(0.1 * torch.randn_like(tensor))
                if key.endswith("predictions.bias"):
                    tensor[_end_of(model)] += 8  # so that sentences end
            else:  # large enough that sentences differ
                embeds = "embedding" in key or "shared" in key or "wte" in key or "wpe" in key
                tensor.normal_(0, 1 if embeds else _GAINS.get(name, 1.0) / np.sqrt(tensor[0].numel()))
                if key.endswith(("word_embeddings.weight", "wte.weight", "shared.weight")):
                    tensor[_end_of(model)] *= 2  # so that sentences end
    model.generation_config.max_new_tokens = TOKENS
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    own = {"image_processor_type": "ViTImageProcessor" if "-" in name else "BlipImageProcessor", **_SQUASHES}
    (folder / "preprocessor_config.json").write_text(json.dumps(_PROCESSORS.get(name, own)))
    return model


def squares(count: int) -> np.ndarray:
    """Pictures of large coloured fields, as different as pictures are: `uint8 (count, SIDE, SIDE, 3)`."""
    fields = np.random.default_rng(0).integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    return fields.repeat(SIDE // 4, axis=1).repeat(SIDE // 4, axis=2)
