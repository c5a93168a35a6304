"""Imported captioners beside Transformers in PyTorch: the same shapes and weights, pictures a second.

    python benchmarks/pretrained.py                      # BLIP-base; seconds a picture of 12 new tokens
    python benchmarks/pretrained.py vit-gpt2 git blip florence2 --pictures 16 --repeats 5 --write FILE

Weights are random, as real ones are not needed to compare speed: the shapes are those of BLIP-base, ViT-GPT2, GIT-base
and Florence-2-base. Transformers runs eagerly in float32 and under bfloat16 autocast; its better median counts. Both
sides get pictures that are prepared, in one batch, and write 12 tokens, greedily and with a beam of 3. It also compares
the greedy tokens of a float32 import with those of `generate`, and gives the size of the int8 bundle and the peak of
memory of a process that captions a folder with it.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

TOKENS = 12
_PROCESSOR = {
    "image_processor_type": "ViTImageProcessor",
    "resample": 3,
    "image_mean": [0.5] * 3,
    "image_std": [0.5] * 3,
}


def shapes(name: str) -> tuple[Any, int, int]:
    """A model of Transformers with random weights, the side of its pictures, and the size of its vocabulary."""
    import transformers

    if name == "blip":
        return transformers.BlipForConditionalGeneration(transformers.BlipConfig(
            vision_config={"image_size": 384}, text_config={"vocab_size": 30524, "encoder_hidden_size": 768,
            "bos_token_id": 30522, "sep_token_id": 102, "pad_token_id": 0})), 384, 30524  # fmt: skip
    if name == "git":
        return transformers.GitForCausalLM(transformers.GitConfig(
            vision_config={"image_size": 224}, bos_token_id=101, eos_token_id=102)), 224, 30522  # fmt: skip
    if name == "vit-gpt2":
        config = transformers.VisionEncoderDecoderConfig.from_encoder_decoder_configs(
            transformers.ViTConfig(), transformers.GPT2Config(add_cross_attention=True, is_decoder=True)
        )
        config.decoder_start_token_id = config.eos_token_id = config.pad_token_id = 50256
        return transformers.VisionEncoderDecoderModel(config), 224, 50257
    config = transformers.Florence2Config(
        vision_config={"projection_dim": 768},
        text_config={"model_type": "bart", "vocab_size": 51289 + 1, "d_model": 768, "encoder_layers": 6,
        "decoder_layers": 6, "encoder_attention_heads": 12, "decoder_attention_heads": 12, "encoder_ffn_dim": 3072,
        "decoder_ffn_dim": 3072},
        image_token_id=51289,
    )  # fmt: skip
    return transformers.Florence2ForConditionalGeneration(config), 768, 51290


def write_model(name: str, folder: Path) -> tuple[Any, int]:
    """The model with its folder in Hugging Face's layout; its tokenizer has a word for every entry."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers

    torch.manual_seed(0)
    model, side, size = shapes(name)
    model.eval().save_pretrained(folder)
    entries = {f"w{i}": i for i in range(size - 1)} | {"[UNK]": size - 1}
    tokenizer = Tokenizer(models.WordLevel(entries, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    prepared = _PROCESSOR | {"size": {"height": side, "width": side}}
    (folder / "preprocessor_config.json").write_text(json.dumps(prepared))
    return model, side


def median_seconds(work: Callable[[], object], repeats: int) -> float:
    """The median of several runs after a first one."""
    work()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def measure(name: str, pictures: int, repeats: int) -> dict[str, Any]:
    """All figures of one model."""
    import torch

    from showtell.captioning.captioner import Captioner
    from showtell.images.preprocessing import normalize
    from showtell.pretrained.run import import_model

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / name
        model, side = write_model(name, folder)
        squares = np.random.default_rng(0).integers(0, 256, (pictures, 8, 8, 3), dtype=np.uint8)
        squares = squares.repeat(side // 8, axis=1).repeat(side // 8, axis=2)
        paths = {}
        for precision in ("int8", "float32"):
            paths[precision] = folder / f"{precision}.showtell"
            import_model(folder, paths[precision], precision=precision, check=False, show=False)
        captioner = Captioner(paths["float32"])
        given = {"pixel_values": torch.from_numpy(normalize(squares, captioner.encoder.info.preprocessing))}
        if name == "florence2":
            cells, asked = captioner.encoder.info.cells, [0, *[51289 - 1] * 7, 2]
            given["input_ids"] = torch.tensor([[51289] * cells + asked] * pictures)
            given["attention_mask"] = torch.ones_like(given["input_ids"])

        def generate(beams: int, half: bool) -> Any:
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=half):
                return model.generate(**given, num_beams=beams, do_sample=False, max_new_tokens=TOKENS,
                                      min_new_tokens=TOKENS)  # fmt: skip

        rows: dict[str, Any] = {"model": name, "MB": paths["int8"].stat().st_size / 1e6}
        rows["same"] = _same(captioner, squares, generate(1, False).tolist())
        del captioner
        fast = Captioner(paths["int8"])
        for beams in (1, 3):
            options = fast.caption_options(beam=beams, max_length=TOKENS, min_length=TOKENS)
            ours = median_seconds(lambda o=options: fast.generator.generate(fast.embed(squares), o), repeats)
            theirs = {half: median_seconds(lambda b=beams, h=half: generate(b, h), repeats) for half in (False, True)}
            rows[f"beam {beams}"] = {
                "showtell": pictures / ours,
                "float32": pictures / theirs[False],
                "bfloat16": pictures / theirs[True],
                "times": min(theirs.values()) / ours,
            }
        rows["tower"] = pictures / median_seconds(lambda: fast.embed(squares), repeats)
        rows["peak MB"] = _peak(paths["int8"])
        return rows


def _same(captioner: Any, squares: Any, expected: list[list[int]]) -> float:
    """The share of pictures whose greedy tokens are those of `generate`."""
    from showtell.search import search

    vocabulary, decoder = captioner.bundle.vocabulary, captioner.generator.decoder
    options = captioner.generator.search_options(beam=1, max_length=TOKENS, min_length=TOKENS)
    found = search(decoder, captioner.embed(squares), vocabulary, options)
    pairs = zip(found, expected, strict=True)
    return float(np.mean([list(best.tokens) == row[1 : 1 + TOKENS] for (best, *_), row in pairs]))


def _peak(bundle: Path) -> float:
    """The peak of memory, in MB, of a process that captions the example photographs."""
    photos = Path(__file__).parents[1] / "examples" / "photos"
    program = (
        "import resource, sys; from showtell.captioning.captioner import Captioner; from pathlib import Path\n"
        f"captioner = Captioner({str(bundle)!r})\n"
        f"list(captioner.caption_stream(sorted(Path({str(photos)!r}).glob('*.jpg')), beam=3))\n"
        "assert 'torch' not in sys.modules\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", default=["blip"])
    parser.add_argument("--pictures", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    found = [measure(name, arguments.pictures, arguments.repeats) for name in arguments.models]
    text = "\n".join(json.dumps(one) for one in found)
    print(text)
    if arguments.write:
        arguments.write.write_text(text + "\n")


if __name__ == "__main__":
    main()
