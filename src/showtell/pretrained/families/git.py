"""GIT (Wang et al. 2022, arXiv:2205.14100): CLIP's tower, whose tokens stand before the words in one transformer."""

from showtell.errors import InputError
from showtell.pretrained.bert import bert_blocks
from showtell.pretrained.families.base import Config, Model, Parts, activation_of, family, section, side_of, whole
from showtell.pretrained.graph import Graph
from showtell.pretrained.modules import AttentionLayer, Block, Linear, Norm, Stack, TextDecoder
from showtell.pretrained.towers import encode, patches, with_tokens
from showtell.pretrained.weights import Weights


@family("git", help="GIT: `microsoft/git-base-coco`, `microsoft/git-large-coco`")
def git(model: Model) -> Parts:
    """The parts of a `GitForCausalLM` for single pictures."""
    config, weights = model.config, model.weights
    if config.get("num_image_with_embedding"):
        raise InputError("config.json: num_image_with_embedding: models of videos are not known")
    vision = section(config, "vision_config")
    size, width = side_of(vision), whole(vision, "hidden_size", 768)
    cells = (size // whole(vision, "patch_size", 16)) ** 2
    tower = weights.below("git.image_encoder.vision_model.")
    stack = _vision_stack(vision, tower)
    eps = float(vision.get("layer_norm_eps", 1e-5))

    def build(graph: Graph) -> str:
        kernel = Linear("patches", tower["embeddings.patch_embedding.weight"])
        rows = patches(graph, "picture", size, kernel)
        first = tower["embeddings.class_embedding"].reshape(-1, width)
        positions = tower["embeddings.position_embedding.weight"]
        rows = with_tokens(graph, rows, cells, first, positions)
        return encode(graph, graph.norm(rows, tower.norm("pre_layrnorm", eps)), cells + 1, stack)

    projection = weights.below("git.visual_projection.visual_projection.")

    def prepare(graph: Graph, rows: str) -> tuple[str, int]:
        rows = graph.linear(rows, Linear("projection", projection["0.weight"], projection["0.bias"]))
        norm = Norm("projection.norm", projection["1.weight"], projection["1.bias"], eps)
        return graph.norm(rows, norm), cells + 1

    writer = weights.below("git.")
    words = writer["embeddings.word_embeddings.weight"]
    head = weights.get("output.weight", words)
    decoder = TextDecoder(
        Stack(bert_blocks(writer, config, cross=False), activation_of(config, "hidden_act", "gelu"), False),
        words=words,
        positions=writer["embeddings.position_embeddings.weight"],
        embedding_norm=writer.norm("embeddings.LayerNorm", float(config.get("layer_norm_eps", 1e-12))),
        head=Linear("head", head, weights["output.bias"]),
        visible=(1, cells),
    )
    start, end = whole(config, "bos_token_id", 101), whole(config, "eos_token_id", 102)
    return Parts(build, (cells + 1, width), size, decoder, start, end, prepare, prefix=True)


def _vision_stack(vision: Config, tower: Weights) -> Stack:
    eps, heads = float(vision.get("layer_norm_eps", 1e-5)), whole(vision, "num_attention_heads", 12)
    blocks = []
    for i in range(whole(vision, "num_hidden_layers", 12)):
        layer = tower.below(f"encoder.layers.{i}.")
        parts = (layer.linear(f"self_attn.{part}") for part in ("q_proj", "k_proj", "v_proj", "out_proj"))
        blocks.append(
            Block(
                AttentionLayer.of(parts, heads),
                layer.norm("layer_norm1", eps),
                layer.linear("mlp.fc1"),
                layer.linear("mlp.fc2"),
                layer.norm("layer_norm2", eps),
            )
        )
    activation = activation_of(vision, "hidden_act", "quick_gelu")
    return Stack(tuple(blocks), activation, True, tower.norm("post_layernorm", eps))
