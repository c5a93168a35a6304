"""What `captioning.py` runs side by side, each contender in a process of its own.

A contender is a function `open(pictures, **arguments)` that prepares everything and returns `work(n)`, which does n
items: captions n pictures (the given ones repeatedly), does n steps of training, and so on.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# As `showtell.training` has it, for every contender alike: PyTorch reads it when it is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@dataclass(frozen=True, slots=True)
class Contender:
    """Where the function lies ("module:function" in this package), its arguments, and the least sensible n."""

    opens: str
    piece: int
    unit: str = "pictures"
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many times as fast `ours` is as `theirs`; `target` is what is wanted: at least or, if `less`, at most."""

    what: str
    ours: str
    theirs: str
    target: float | None = None
    less: bool = False


CONTENDERS = {
    "showtell, greedy": Contender("showtell_side:captions", 64, arguments={"beam": 1}),
    "showtell, beam 3": Contender("showtell_side:captions", 64, arguments={"beam": 3}),
    "showtell's fast model, greedy": Contender(
        "showtell_side:captions", 64, arguments={"beam": 1, "model": "flickr8k-fast"}
    ),
    "showtell's best model, beam 3": Contender(
        "showtell_side:captions", 64, arguments={"beam": 3, "model": "general-best"}
    ),
    "the default encoder alone": Contender("showtell_side:encoder_alone", 64),
    "Keras notebook, greedy": Contender("notebook:captions", 32),
    "ViT-GPT2, greedy": Contender("hugging_face:vit_gpt2", 8, arguments={"beam": 1}),
    "ViT-GPT2, beam 3": Contender("hugging_face:vit_gpt2", 8, arguments={"beam": 3}),
    "BLIP-base, greedy": Contender("hugging_face:blip", 4, arguments={"beam": 1}),
    "BLIP-base, beam 3": Contender("hugging_face:blip", 4, arguments={"beam": 3}),
    "InceptionV3, Keras predict": Contender("notebook:predict", 32),
    "InceptionV3, showtell float32": Contender("showtell_side:inception", 32, arguments={"int8": False}),
    "InceptionV3, showtell int8": Contender("showtell_side:inception", 32, arguments={"int8": True}),
    "training step, Keras": Contender("notebook:training", 2, "steps"),
    "training step, showtell float32": Contender("training_step:steps", 2, "steps", {"bfloat16": False}),
    "training step, showtell bfloat16": Contender("training_step:steps", 2, "steps", {"bfloat16": True}),
    "metrics, pycocoevalcap": Contender("scoring:theirs", 500, "captions"),
    "metrics, showtell": Contender("scoring:ours", 500, "captions"),
}

COMPARISONS = (
    Comparison("captions, greedy, against the notebook in Keras", "showtell, greedy", "Keras notebook, greedy", 9),
    Comparison(
        "the fast model's, greedy, against the notebook", "showtell's fast model, greedy", "Keras notebook, greedy", 18
    ),
    Comparison("captions, greedy, against BLIP-base", "showtell, greedy", "BLIP-base, greedy", 150),
    Comparison("captions, beam 3, against BLIP-base", "showtell, beam 3", "BLIP-base, beam 3", 150),
    Comparison("captions, greedy, against ViT-GPT2", "showtell, greedy", "ViT-GPT2, greedy", 50),
    Comparison("captions, beam 3, against ViT-GPT2", "showtell, beam 3", "ViT-GPT2, beam 3", 50),
    Comparison("captions, greedy against beam 3", "showtell, greedy", "showtell, beam 3", 1.3, less=True),
    Comparison(
        "the encoder alone against greedy captions", "the default encoder alone", "showtell, greedy", 1.8, less=True
    ),
    Comparison("InceptionV3 in float32", "InceptionV3, showtell float32", "InceptionV3, Keras predict", 1.15),
    Comparison("InceptionV3 in int8", "InceptionV3, showtell int8", "InceptionV3, Keras predict", 2.8),
    Comparison("training step in float32", "training step, showtell float32", "training step, Keras"),
    Comparison("training step in bfloat16", "training step, showtell bfloat16", "training step, Keras", 3),
    Comparison("BLEU, ROUGE-L and CIDEr-D", "metrics, showtell", "metrics, pycocoevalcap"),
)
