"""The layers of BERT (Devlin et al. 2019) as decoders have them, with and without attention to the picture."""

from collections.abc import Mapping
from typing import Any

from showtell.pretrained.families.base import activation_of, whole
from showtell.pretrained.modules import AttentionLayer, Block, Linear
from showtell.pretrained.weights import Weights


def bert_blocks(weights: Weights, config: Mapping[str, Any], *, cross: bool) -> tuple[Block, ...]:
    """The layers of a model below `encoder.layer`."""
    eps, heads = float(config.get("layer_norm_eps", 1e-12)), whole(config, "num_attention_heads", 12)

    def attention(layer: Weights, name: str) -> AttentionLayer:
        names = (f"{name}.self.query", f"{name}.self.key", f"{name}.self.value", f"{name}.output.dense")
        return AttentionLayer.of(map(layer.linear, names), heads)

    blocks = []
    for i in range(whole(config, "num_hidden_layers", 12)):
        layer = weights.below(f"encoder.layer.{i}.")
        blocks.append(
            Block(
                attention(layer, "attention"),
                layer.norm("attention.output.LayerNorm", eps),
                layer.linear("intermediate.dense"),
                layer.linear("output.dense"),
                layer.norm("output.LayerNorm", eps),
                attention(layer, "crossattention") if cross else None,
                layer.norm("crossattention.output.LayerNorm", eps) if cross else None,
            )
        )
    return tuple(blocks)


def bert_head(model: Weights, config: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments `head` and `transform` of a `TextDecoder`, from a model with `bert` and `cls.predictions`."""
    words, head = model["bert.embeddings.word_embeddings.weight"], model.below("cls.predictions.")
    matrix = head.get("decoder.weight", words)
    bias = head["bias"] if "bias" in head else head["decoder.bias"]
    activation = activation_of(config, "hidden_act", "gelu")
    norm = head.norm("transform.LayerNorm", float(config.get("layer_norm_eps", 1e-12)))
    return {
        "head": Linear("head", matrix, bias),
        "transform": (head.linear("transform.dense"), activation, norm),
    }
