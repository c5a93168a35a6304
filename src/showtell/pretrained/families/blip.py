"""BLIP (Li et al. 2022, arXiv:2201.12086): a vision transformer, and BERT with cross-attention as the decoder."""

from showtell.pretrained.bert import bert_blocks, bert_head
from showtell.pretrained.families.base import Config, Model, Parts, activation_of, family, section, side_of, whole
from showtell.pretrained.graph import Graph
from showtell.pretrained.modules import AttentionLayer, Block, Stack, TextDecoder
from showtell.pretrained.towers import encode, patches, split_qkv, with_tokens
from showtell.pretrained.weights import Weights


@family("blip", help="BLIP: `Salesforce/blip-image-captioning-base` and `-large`")
def blip(model: Model) -> Parts:
    """The parts of a `BlipForConditionalGeneration`."""
    config, weights = model.config, model.weights
    vision, text = section(config, "vision_config"), section(config, "text_config")
    size, width = side_of(vision), whole(vision, "hidden_size", 768)
    cells = (size // whole(vision, "patch_size", 16)) ** 2
    tower = weights.below("vision_model.")
    stack = _vision_stack(vision, tower)

    def build(graph: Graph) -> str:
        rows = patches(graph, "picture", size, tower.linear("embeddings.patch_embedding"))
        first = tower["embeddings.class_embedding"].reshape(-1, width)
        positions = tower["embeddings.position_embedding"].reshape(-1, width)
        return encode(graph, with_tokens(graph, rows, cells, first, positions), cells + 1, stack)

    writer = weights.below("text_decoder.")
    decoder = TextDecoder(
        Stack(bert_blocks(writer.below("bert."), text, cross=True), activation_of(text, "hidden_act", "gelu"), False),
        words=writer["bert.embeddings.word_embeddings.weight"],
        positions=writer["bert.embeddings.position_embeddings.weight"],
        embedding_norm=writer.norm("bert.embeddings.LayerNorm", float(text.get("layer_norm_eps", 1e-12))),
        visible=(1, cells),
        **bert_head(writer, text),
    )
    # Generation starts with the decoder's own token and ends with BERT's separator.
    start, end = whole(text, "bos_token_id", 30522), whole(text, "sep_token_id", 102)
    return Parts(build, (cells + 1, width), size, decoder, start, end)


def _vision_stack(vision: Config, tower: Weights) -> Stack:
    eps, heads = float(vision.get("layer_norm_eps", 1e-5)), whole(vision, "num_attention_heads", 12)
    blocks = []
    for i in range(whole(vision, "num_hidden_layers", 12)):
        layer = tower.below(f"encoder.layers.{i}.")
        qkv = split_qkv(f"vision.{i}", layer["self_attn.qkv.weight"], layer["self_attn.qkv.bias"])
        blocks.append(
            Block(
                AttentionLayer(*qkv, layer.linear("self_attn.projection"), heads),
                layer.norm("layer_norm1", eps),
                layer.linear("mlp.fc1"),
                layer.linear("mlp.fc2"),
                layer.norm("layer_norm2", eps),
            )
        )
    activation = activation_of(vision, "hidden_act", "gelu")
    return Stack(tuple(blocks), activation, True, tower.norm("post_layernorm", eps))
