"""Florence-2 (Xiao et al. 2023, arXiv:2311.06242): DaViT, whose tokens and a question go through BART."""

from collections.abc import Mapping

import numpy as np

from showtell.pretrained.davit import davit
from showtell.pretrained.families.base import Config, Model, Parts, activation_of, family, section, whole
from showtell.pretrained.graph import Array, Graph
from showtell.pretrained.modules import AttentionLayer, Block, Linear, Stack, TextDecoder
from showtell.pretrained.steps import Prepare
from showtell.pretrained.towers import encode
from showtell.pretrained.weights import Weights

_TASKS: Mapping[str, str] = {
    "short": "What does the image describe?",
    "detailed": "Describe in detail what is shown in the image.",
    "long": "Describe with a paragraph what is shown in the image.",
}
"""The questions to which the model was trained to answer with a caption."""
_OFFSET = 2  # of BART's embeddings of positions


@family("florence2", help="Florence-2: `florence-community/Florence-2-base` and `-large`")
def florence2(model: Model) -> Parts:
    """The parts of a `Florence2ForConditionalGeneration`."""
    vision, text = section(model.config, "vision_config"), section(model.config, "text_config")
    weights = model.weights.below("model.")
    tower, language = weights.below("vision_tower."), weights.below("language_model.")
    side, width = _grid_side(vision, model.side), whole(vision, "projection_dim", 1024)
    words = language["shared.weight"]
    stack = Stack(_blocks(language.below("decoder."), text, "decoder"), _activation(text), pre_norm=False)
    decoder = TextDecoder(
        stack,
        words=words,
        positions=language["decoder.embed_positions.weight"][_OFFSET:],
        embedding_norm=language.norm("decoder.layernorm_embedding", 1e-5),
        head=Linear("head", model.weights.get("lm_head.weight", words)),
        visible=(1, side * side),
    )

    def build(graph: Graph) -> str:
        rows, _ = davit(graph, vision, tower, model.side)
        return _projected(graph, rows, side, weights.below("multi_modal_projector."))

    start, end = whole(text, "decoder_start_token_id", 2), whole(text, "eos_token_id", 2)
    begin = whole(text, "bos_token_id", 0)
    details = {
        name: _task(language, text, [begin, *model.pieces(question), end], side * side + 1)
        for name, question in _TASKS.items()
    }
    forced = model.config.get("forced_bos_token_id", text.get("forced_bos_token_id"))
    return Parts(
        build,
        (side * side + 1, width),
        model.side,
        decoder,
        start,
        end,
        details=details,
        forced=() if forced is None else (int(forced),),
    )


def _activation(text: Config) -> str:
    return activation_of(text, "activation_function", "gelu")


def _grid_side(vision: Config, side: int) -> int:
    for kernel, stride, padding in zip(
        vision["patch_size"], vision["patch_stride"], vision["patch_padding"], strict=True
    ):
        side = (side + 2 * padding - kernel) // stride + 1
    return side


def _projected(graph: Graph, rows: str, side: int, projector: Weights) -> str:
    """The tower's tokens with their places, and their mean before them, as the language model takes them."""
    columns = projector["image_position_embed.column_embeddings.weight"][:side]
    lines = projector["image_position_embed.row_embeddings.weight"][:side]
    width = columns.shape[1] + lines.shape[1]
    places = np.concatenate(
        [np.broadcast_to(part, (side, side, part.shape[-1])) for part in (columns[None], lines[:, None])], axis=2
    ).reshape(1, side * side, width)
    if "visual_temporal_embed.pos_idx_to_embed" in projector:
        places = places + projector["visual_temporal_embed.pos_idx_to_embed"][0]
    else:  # of the first and only picture: sines of 0 and cosines of 0
        places = places + np.tile(np.array([0.0, 1.0], np.float32), width // 2)
    tokens = graph.op("Add", graph.reshape(rows, -1, side * side, width), graph.table("places", places))
    mean = graph.op("ReduceMean", tokens, graph.const([1]), keepdims=1)
    joined = graph.reshape(graph.op("Concat", mean, tokens, axis=1), -1, width)
    return graph.norm(
        graph.linear(joined, projector.linear("image_projection")), projector.norm("image_proj_norm", 1e-5)
    )


def _task(language: Weights, text: Config, ids: list[int], tokens: int) -> Prepare:
    """BART's encoder, which reads the picture's tokens and a question after them."""
    encoder = language.below("encoder.")
    length = tokens + len(ids)
    stack = Stack(_blocks(encoder, text, "encoder"), _activation(text), pre_norm=False)

    def prepare(graph: Graph, rows: str) -> tuple[str, int]:
        asked: Array = language["shared.weight"][ids]
        width = asked.shape[1]
        pictures = graph.reshape(rows, -1, tokens, width)
        batch = graph.op("Shape", pictures, start=0, end=1)
        shape = graph.op("Concat", batch, graph.const([len(ids), width]), axis=0)
        question = graph.op("Expand", graph.table("question", asked[None]), shape)
        places = encoder["embed_positions.weight"][_OFFSET : _OFFSET + length]
        joined = graph.op("Concat", pictures, question, axis=1)
        placed = graph.reshape(graph.op("Add", joined, graph.table("encoder.positions", places[None])), -1, width)
        rows = graph.norm(placed, encoder.norm("layernorm_embedding", 1e-5))
        return encode(graph, rows, length, stack), length

    return prepare


def _blocks(part: Weights, text: Config, kind: str) -> tuple[Block, ...]:
    heads = whole(text, f"{kind}_attention_heads", 12)

    def attention(layer: Weights, name: str) -> AttentionLayer:
        parts = (layer.linear(f"{name}.{one}") for one in ("q_proj", "k_proj", "v_proj", "out_proj"))
        return AttentionLayer.of(parts, heads)

    blocks = []
    for i in range(whole(text, f"{kind}_layers", 6)):
        layer = part.below(f"layers.{i}.")
        cross = kind == "decoder"
        blocks.append(
            Block(
                attention(layer, "self_attn"),
                layer.norm("self_attn_layer_norm", 1e-5),
                layer.linear("fc1"),
                layer.linear("fc2"),
                layer.norm("final_layer_norm", 1e-5),
                attention(layer, "encoder_attn") if cross else None,
                layer.norm("encoder_attn_layer_norm", 1e-5) if cross else None,
            )
        )
    return tuple(blocks)
