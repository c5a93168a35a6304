"""A trained decoder and its encoder -> a model bundle."""

import dataclasses
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import safetensors.numpy
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw

import showtell
from showtell.bundle import FORMAT, INT8_FORMAT, write_bundle
from showtell.captioner import Captioner
from showtell.encoders import classifier
from showtell.encoders.runtime import Encoder
from showtell.encoders.torch_export import to_onnx
from showtell.files import json_bytes
from showtell.int8_rows import pack
from showtell.tags import ClassHead, Tagger
from showtell.text import Vocabulary
from showtell.training.decoders import Decoder
from showtell.training.recipe import Recipe
from showtell.verify import golden

_EXAMPLE_ROWS = 3  # any number that the exporter cannot take for a constant
_EXAMPLE_STEPS = 2  # likewise, where a state grows with the steps


def export_bundle(
    path: Path,
    recipe: Recipe,
    decoder: Decoder,
    vocabulary: Vocabulary,
    encoder_graph: bytes,
    scores: Mapping[str, Any],
    counts: Mapping[str, int],
) -> None:
    """Write the bundle of a trained decoder.

    Arguments:
        path: the bundle's file.
        recipe: what the model was made by; it goes into `model.json` whole.
        decoder: in evaluation mode.
        vocabulary: the decoder's.
        encoder_graph: the serialised ONNX graph of the recipe's encoder.
        scores: figures of the exported weights on the validation split.
        counts: sizes of the splits, for the model card.

    Weights are stored in float16: half the file, and differences in log-probability of about 1e-3; or in int8, as the
    recipe says.
    """
    encoder = Encoder(encoder_graph, resize=recipe.encoder.resize)
    graphs = decoder_graphs(decoder, encoder.info.shape(recipe.encoder.output))
    used = {name for _, names in graphs.values() for name in names}  # of tied tensors, the one that a graph knows
    tensors = {name: tensor.detach().numpy() for name, tensor in decoder.state_dict().items() if name in used}
    in_int8 = recipe.export.weights == "int8"
    weights = {name: _half(tensor) for name, tensor in (pack(tensors) if in_int8 else tensors).items()}
    model = {
        "format": INT8_FORMAT if in_int8 else FORMAT,
        "name": recipe.name,
        "showtell": showtell.__version__,
        "decoder": {"kind": recipe.decoder_kind, "options": dataclasses.asdict(recipe.decoder)},
        "encoder": encoder.info.to_json(),
        "output": recipe.encoder.output,
        "resize": recipe.encoder.resize,
        "specials": {"pad": vocabulary.pad, "unk": vocabulary.unk, "start": vocabulary.start, "end": vocabulary.end},
        "graphs": {name: names for name, (_, names) in graphs.items()},
        "search": dataclasses.asdict(recipe.search),
        "card": dataclasses.asdict(recipe.card),
        "data": dict(counts),
        "scores": dict(scores),
        "recipe": recipe.to_json(),
    }
    picture = io.BytesIO()
    draw_golden().save(picture, format="png")
    parts = {
        "vocabulary.json": json_bytes(list(vocabulary.entries)),
        "encoder.onnx": halve_weights(encoder_graph),
        **{name: graph for name, (graph, _) in graphs.items()},
        "weights.safetensors": safetensors.numpy.save(weights),
        "golden.png": picture.getvalue(),
        **_tag_parts(recipe.encoder.name, encoder.info.dim),
    }
    _write(path, model, parts)
    # The golden caption is what this very file says of its golden picture.
    model["golden"] = golden(Captioner(path))
    _write(path, model, parts)


def _tag_parts(encoder: str, dim: int) -> dict[str, bytes]:
    """The classifier that the encoder was trained with, where one is known."""
    found = classifier(encoder)
    return Tagger(ClassHead.of(*found)).to_parts() if found and found[0].shape[1] == dim else {}


def _write(path: Path, model: dict[str, Any], parts: Mapping[str, bytes]) -> None:
    write_bundle(path, {"model.json": json_bytes(model), "README.md": model_card(model).encode(), **parts})


def decoder_graphs(decoder: Decoder, embedding_shape: tuple[int, ...]) -> dict[str, tuple[bytes, list[str]]]:
    """The ONNX graphs of `decoder.start` and `decoder.step`, by file name, with the names of the decoder's tensors that
    each uses: they are left out of the graphs, as external initializers.
    """
    embeddings = torch.zeros(_EXAMPLE_ROWS, *embedding_shape)
    constants, first = decoder.start(embeddings)
    start = _export(_Start(decoder), [_Input("embeddings", embeddings)], [*constants, *first])
    tokens = torch.zeros(_EXAMPLE_ROWS, dtype=torch.int64)
    state = first
    for _ in range(_EXAMPLE_STEPS):
        _, state = decoder.step(tokens, constants, state)
    growing = {name: [a for a, size in enumerate(state[name].shape) if size != first[name].shape[a]] for name in state}
    given = [
        _Input("tokens", tokens),
        *(_Input(name, tensor) for name, tensor in constants.items()),
        *(_Input(name, tensor, tuple(growing[name])) for name, tensor in state.items()),
    ]
    outputs = ["logits", *(f"{name}_next" for name in state), *(["attention"] if decoder.attends else [])]
    step = _export(_Step(decoder, list(constants), list(state)), given, outputs)
    return {"start.onnx": start, "step.onnx": step}


def halve_weights(graph: bytes) -> bytes:
    """Keep a graph's float32 matrices and kernels as float16, cast before their use; ONNX Runtime folds the casts.

    Vectors stay as they are: they are small, and among them are variances that float16 could not hold.
    """
    model = onnx.load_from_string(graph)
    casts = []
    for initializer in model.graph.initializer:
        size = np.prod(initializer.dims)
        if initializer.data_type != TensorProto.FLOAT or size < 16 or size == max(initializer.dims):
            continue
        name = initializer.name
        initializer.CopyFrom(numpy_helper.from_array(_half(numpy_helper.to_array(initializer)), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised


def draw_golden(size: int = 256) -> Image.Image:
    """The picture that every bundle is verified with: a beach drawn from rectangles, an ellipse and a polygon."""
    picture = Image.new("RGB", (size, size), (120, 180, 235))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, size * 5 // 9, size, size), fill=(40, 110, 180))
    draw.rectangle((0, size * 7 // 9, size, size), fill=(225, 200, 140))
    draw.ellipse((size * 6 // 9, size // 12, size * 8 // 9, size // 12 + size * 2 // 9), fill=(255, 225, 90))
    draw.polygon([(size // 5, size * 5 // 9), (size // 3, size // 4), (size // 3, size * 5 // 9)], fill=(250, 250, 250))
    draw.rectangle((size // 6, size * 5 // 9, size * 3 // 7, size * 3 // 5), fill=(150, 60, 40))
    return picture


def model_card(model: Mapping[str, Any]) -> str:
    """The model card as Markdown, from `model.json` alone."""
    card, scores, data, encoder = model["card"], model["scores"], model["data"], model["encoder"]
    chose = "" if model["recipe"]["training"]["best_by"] == "last" else ", also used to choose the epoch"
    precision = f" in {encoder['precision']}" if "precision" in encoder else ""
    lines = [
        f"# {card['title'] or model['name']}",
        "",
        f"- Licence of these weights: {card['licence'] or 'not stated by who trained it'}",
        f"- Trained on: {card['data'] or 'data of the user'} ({data['train']} pictures, {data['captions']} captions)",
        f"- Encoder: {encoder['name']}{precision}, {encoder['source']}, {encoder['licence']}; "
        f"pictures are made square by `{model['resize']}`",
        f"- Decoder: {model['decoder']['kind']}; the whole recipe stands in `model.json`",
        "- Scores of the exported weights on the validation split "
        f"({data['validation']} pictures{chose}): BLEU-4 {100 * scores['bleu_4']:.1f}, "
        f"CIDEr-D {100 * scores['cider_d']:.1f}, loss {scores['val_loss']:.3f} nats per word "
        f"(epoch {scores['epoch']}, beam {model['search']['beam']})",
        f"- Made by showtell {model['showtell']}",
    ]
    for heading, text in (("Limits", card["limits"]), ("Made by", card["commands"])):
        if text:
            lines += ["", f"## {heading}", "", text.strip("\n")]
    return "\n".join(lines) + "\n"


def _half(array: Any) -> Any:
    return array.astype(np.float16) if array.dtype == np.float32 and array.size >= 16 else array


class _Start(torch.nn.Module):
    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, embeddings: torch.Tensor) -> tuple[torch.Tensor, ...]:
        constants, state = self.decoder.start(embeddings)
        return (*constants.values(), *(tensor.clone() for tensor in state.values()))


class _Step(torch.nn.Module):
    def __init__(self, decoder: Decoder, constants: list[str], state: list[str]) -> None:
        super().__init__()
        self.decoder, self.constants, self.state = decoder, constants, state

    def forward(self, tokens: torch.Tensor, *given: torch.Tensor) -> tuple[torch.Tensor, ...]:
        constants = dict(zip(self.constants, given, strict=False))
        state = dict(zip(self.state, given[len(self.constants) :], strict=True))
        if self.decoder.attends:
            logits, after, attention = self.decoder.look(tokens, constants, state)
            return (logits, *(after[name] for name in self.state), attention)
        logits, after = self.decoder.step(tokens, constants, state)
        return (logits, *(after[name] for name in self.state))


@dataclass(frozen=True, slots=True)
class _Input:
    """An input of a graph: an example of it, and the axes that have another size at every step."""

    name: str
    example: torch.Tensor
    growing: tuple[int, ...] = ()


def _export(module: torch.nn.Module, inputs: list[_Input], outputs: list[str]) -> tuple[bytes, list[str]]:
    rows, steps = torch.export.Dim("N"), torch.export.Dim("T", min=0)
    shapes: Any = [{0: rows} | dict.fromkeys(given.growing, steps) for given in inputs]
    model = to_onnx(
        module,
        # Clones: the exporter takes two inputs that are one tensor, as first states may be, for one for ever.
        [given.example.detach().clone() for given in inputs],
        [given.name for given in inputs],
        outputs,
        [shapes[0], tuple(shapes[1:])] if isinstance(module, _Step) else shapes,
    )
    _transpose_later(model, {name: t.numpy() for name, t in module.state_dict().items()})
    owned = [i.name for i in model.graph.initializer if i.name.startswith("decoder.")]
    for name in owned:
        _leave_out(model, name, name.removeprefix("decoder."))
    return model.SerializeToString(deterministic=True), [name.removeprefix("decoder.") for name in owned]


def _transpose_later(model: Any, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
    """Have matrices that the exporter transposed as the decoder has them, so that they need not stand in the graph.

    The transposition becomes a node. ONNX Runtime does it once, when it loads the graph.
    """
    known = {initializer.name for initializer in model.graph.initializer}
    for initializer in [i for i in model.graph.initializer if i.name not in tensors and len(i.dims) == 2]:
        original = numpy_helper.to_array(initializer).T
        same = [name for name, tensor in tensors.items() if np.array_equal(tensor, original)]
        same.sort(key=lambda name: name not in known)  # of tied tensors, the one that the graph has
        if same:
            model.graph.initializer.remove(initializer)
            if same[0] not in known:
                model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(original), same[0]))
                known.add(same[0])
            model.graph.node.insert(0, helper.make_node("Transpose", same[:1], [initializer.name], perm=[1, 0]))


def _leave_out(model: Any, name: str, kept_as: str) -> None:
    """Rename a tensor and drop its values, which the bundle keeps once in `weights.safetensors`."""
    for initializer in model.graph.initializer:
        if initializer.name == name:
            initializer.name = kept_as
            initializer.ClearField("raw_data")
            initializer.data_location = TensorProto.EXTERNAL
            initializer.external_data.add(key="location", value="weights.safetensors")
    for node in model.graph.node:
        for i, used in enumerate(node.input):
            if used == name:
                node.input[i] = kept_as
