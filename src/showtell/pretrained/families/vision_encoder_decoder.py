"""A vision transformer and a language model joined by cross-attention (`VisionEncoderDecoderModel`).

The tower is ViT (Dosovitskiy et al. 2021), DeiT (Touvron et al. 2021) or Swin (Liu et al. 2021), the decoder GPT-2
(Radford et al. 2019) or BERT (Devlin et al. 2019).
"""

from collections.abc import Callable

import numpy as np

from showtell.errors import InputError
from showtell.pretrained.bert import bert_blocks, bert_head
from showtell.pretrained.families.base import Config, Model, Parts, activation_of, family, section, side_of, whole
from showtell.pretrained.graph import Graph
from showtell.pretrained.modules import AttentionLayer, Block, Linear, Stack, TextDecoder
from showtell.pretrained.swin import swin
from showtell.pretrained.towers import encode, patches, with_tokens
from showtell.pretrained.weights import Weights

_Tower = tuple[Callable[[Graph], str], tuple[int, int], int]
"""The nodes, the tokens `(L, D)`, and how many of the first are no cells of the grid."""


@family("vision-encoder-decoder", help="ViT, DeiT or Swin before GPT-2 or BERT: `nlpconnect/vit-gpt2-image-captioning`")
def vision_encoder_decoder(model: Model) -> Parts:
    """The parts of a `VisionEncoderDecoderModel`."""
    config, weights = model.config, model.weights
    vision, text = section(config, "encoder"), section(config, "decoder")
    towers = {"vit": _vit, "deit": _vit, "swin": swin}
    decoders = {"gpt2": _gpt2, "bert": _bert}
    for what, kind, known in (
        ("encoder", vision.get("model_type"), towers),
        ("decoder", text.get("model_type"), decoders),
    ):
        if kind not in known:
            raise InputError(f"config.json: the {what} is of the kind {kind!r}: known are {', '.join(known)}")
    build, tokens, first = towers[vision["model_type"]](vision, weights.below("encoder."))
    decoder = decoders[text["model_type"]](text, weights.below("decoder."), (first, tokens[0] - first))
    prepare = None
    if "enc_to_dec_proj.weight" in weights:

        def prepare(graph: Graph, rows: str) -> tuple[str, int]:
            return graph.linear(rows, weights.linear("enc_to_dec_proj")), tokens[0]

    start = _token(config, text, "decoder_start_token_id", "bos_token_id")
    end = _token(config, text, "eos_token_id", "eos_token_id")
    return Parts(build, tokens, side_of(vision), decoder, start, end, prepare)


def _token(config: Config, text: Config, name: str, otherwise: str) -> int:
    for where, key in ((config, name), (text, name), (text, otherwise)):
        if where.get(key) is not None:
            return whole(where, key)
    raise InputError(f"config.json: has no {name}")


def _vit(vision: Config, tower: Weights) -> _Tower:
    size, width = side_of(vision), whole(vision, "hidden_size", 768)
    cells = (size // whole(vision, "patch_size", 16)) ** 2
    eps, heads = float(vision.get("layer_norm_eps", 1e-12)), whole(vision, "num_attention_heads", 12)
    blocks = []
    for i in range(whole(vision, "num_hidden_layers", 12)):
        layer = tower.below(f"encoder.layer.{i}.")
        names = (*(f"attention.attention.{part}" for part in ("query", "key", "value")), "attention.output.dense")
        blocks.append(
            Block(
                AttentionLayer.of(map(layer.linear, names), heads),
                layer.norm("layernorm_before", eps),
                layer.linear("intermediate.dense"),
                layer.linear("output.dense"),
                layer.norm("layernorm_after", eps),
            )
        )
    stack = Stack(tuple(blocks), activation_of(vision, "hidden_act", "gelu"), True, tower.norm("layernorm", eps))
    learned = ("embeddings.cls_token", "embeddings.distillation_token")
    first = np.concatenate([tower[name].reshape(-1, width) for name in learned if name in tower])

    def build(graph: Graph) -> str:
        rows = patches(graph, "picture", size, tower.linear("embeddings.patch_embeddings.projection"))
        positions = tower["embeddings.position_embeddings"].reshape(-1, width)
        return encode(graph, with_tokens(graph, rows, cells, first, positions), cells + len(first), stack)

    return build, (cells + len(first), width), len(first)


def _gpt2(text: Config, model: Weights, visible: tuple[int, int]) -> TextDecoder:
    eps, heads = float(text.get("layer_norm_epsilon", 1e-5)), whole(text, "n_head", 12)
    if text.get("scale_attn_by_inverse_layer_idx"):
        raise InputError("config.json: scale_attn_by_inverse_layer_idx is not known")
    body = model.below("transformer.")
    blocks = []
    for i in range(whole(text, "n_layer", 12)):
        layer = body.below(f"h.{i}.")
        query, key, value = _columns(layer, "attn.c_attn", 3)
        seen = _columns(layer, "crossattention.c_attn", 2)
        look = layer.linear("crossattention.q_attn", transposed=True)
        blocks.append(
            Block(
                AttentionLayer(query, key, value, layer.linear("attn.c_proj", transposed=True), heads),
                layer.norm("ln_1", eps),
                layer.linear("mlp.c_fc", transposed=True),
                layer.linear("mlp.c_proj", transposed=True),
                layer.norm("ln_2", eps),
                AttentionLayer(look, seen[0], seen[1], layer.linear("crossattention.c_proj", transposed=True), heads),
                layer.norm("ln_cross_attn", eps),
            )
        )
    activation = activation_of(text, "activation_function", "gelu_new")
    words = body["wte.weight"]
    head = model.get("lm_head.weight", words)
    return TextDecoder(
        Stack(tuple(blocks), activation, True, body.norm("ln_f", eps)),
        words=words,
        positions=body["wpe.weight"],
        embedding_norm=None,
        head=Linear("head", head),
        visible=visible,
    )


def _columns(layer: Weights, name: str, count: int) -> list[Linear]:
    """A layer stored `(in, count * out)` as `count` layers."""
    weights, biases = np.split(layer[f"{name}.weight"].T, count), np.split(layer[f"{name}.bias"], count)
    return [Linear(f"{layer.prefix}{name}.{i}", w, b) for i, (w, b) in enumerate(zip(weights, biases, strict=True))]


def _bert(text: Config, model: Weights, visible: tuple[int, int]) -> TextDecoder:
    embeddings = model.below("bert.embeddings.")
    return TextDecoder(
        Stack(bert_blocks(model.below("bert."), text, cross=True), activation_of(text, "hidden_act", "gelu"), False),
        words=embeddings["word_embeddings.weight"],
        positions=embeddings["position_embeddings.weight"] + embeddings["token_type_embeddings.weight"][0],
        embedding_norm=embeddings.norm("LayerNorm", float(text.get("layer_norm_eps", 1e-12))),
        visible=visible,
        **bert_head(model, text),
    )
