"""Every decoder: training, the exported steps and independent computations agree, and it learns."""

import dataclasses
import itertools

import numpy as np
import onnx
import pytest
import torch

from decoder_cases import CASES, GRID, VOCABULARY, a_batch, built
from repository import ROOT
from showtell.captioning.attention import attention_maps
from showtell.captioning.captioner import Captioner
from showtell.captioning.golden import replay
from showtell.decoders.export import decoder_graphs, export_steps
from showtell.decoders.registry import build, decoder_kinds
from showtell.decoders.runtime import OnnxSteps
from showtell.errors import InputError
from showtell.models.bundle import read_bundle
from showtell.onnx_graphs.session import open_session
from showtell.quantization.int8_matmul import multiply_in_int8
from showtell.quantization.int8_weights import as_taken, int8_names, pack, scales_of
from showtell.search import SearchOptions, search
from showtell.training.loss import next_word
from showtell.training.recipe import recipe_from
from showtell.training.validate import TorchSteps


@pytest.fixture(scope="module", params=["show_and_tell", "attention", "transformer"])
def decoder_and_steps(request):
    """A decoder of each kind, the shape of its embeddings, and its exported steps."""
    decoder, shape = built(request.param)
    return decoder, shape, exported(decoder, shape)


def exported(decoder, shape):
    weights = {name: tensor.numpy() for name, tensor in decoder.state_dict().items()}
    graphs = decoder_graphs(decoder, shape).values()
    return OnnxSteps(*(open_session(graph, 1, {name: weights[name] for name in names}) for graph, names in graphs))


@pytest.mark.parametrize("case", CASES)
def test_what_lies_beyond_the_end_of_a_caption_changes_nothing_before_it(case):
    decoder, shape = built(case)
    embeddings, tokens = a_batch(shape)
    lengths = torch.tensor([3, 7, 1, 7, 5])
    there = torch.arange(tokens.shape[1]) < lengths[:, None]
    with torch.no_grad():
        whole = decoder.hidden(embeddings, tokens)
        cut = decoder.hidden(embeddings, tokens.masked_fill(~there, VOCABULARY.pad), lengths)
    torch.testing.assert_close(cut[there], whole[there])


def test_the_exported_steps_give_the_logits_of_teacher_forcing(decoder_and_steps):
    assert_the_logits_of_teacher_forcing(*decoder_and_steps)


@pytest.mark.parametrize("case", CASES)
def test_steps_in_int8_have_nearly_the_logits_of_teacher_forcing_and_a_row_the_same_in_any_company(case, monkeypatch):
    monkeypatch.setattr("showtell.quantization.int8_weights._SMALLEST", 1)
    decoder, shape = built(case)
    graphs, packed = decoder_graphs(decoder, shape), pack({n: t.numpy() for n, t in decoder.state_dict().items()})
    graphs["step.onnx"] = multiply_in_int8(graphs["step.onnx"][0], int8_names(packed))
    assert scales_of("output.weight") in graphs["step.onnx"][1]
    steps = OnnxSteps(*(open_session(graph, 1, as_taken(packed, names)) for graph, names in graphs.values()))
    assert_the_logits_of_teacher_forcing(decoder, shape, steps, within=0.1)
    assert_a_row_has_the_same_logits_alone(shape, steps)


def assert_a_row_has_the_same_logits_alone(shape, steps):
    """Four steps of a batch and of one of its rows; the batch's tokens, and its constants and state after them."""
    embeddings, tokens = (tensor.numpy() for tensor in a_batch(shape))
    together, alone = steps.start(embeddings), steps.start(embeddings[3:4])
    for t in range(4):
        logits, state = steps.step(tokens[:, t], *together)
        one, state_alone = steps.step(tokens[3:4, t], *alone)
        assert one[0] == pytest.approx(logits[3], abs=1e-5)
        together, alone = (together[0], state), (alone[0], state_alone)
    return tokens, together


def assert_the_logits_of_teacher_forcing(decoder, shape, steps, within=1e-4):
    embeddings, tokens = a_batch(shape)
    with torch.no_grad():
        whole = decoder.logits(decoder.hidden(embeddings, tokens)).numpy()
    constants, state = steps.start(embeddings.numpy())
    for t in range(tokens.shape[1]):
        logits, state = steps.step(tokens[:, t].numpy(), constants, state)
        assert logits == pytest.approx(whole[:, t], abs=within)


@pytest.mark.parametrize("case", CASES)
def test_steps_in_training_give_the_logits_of_teacher_forcing(case):
    decoder, shape = built(case)
    embeddings, tokens = a_batch(shape)
    with torch.no_grad():
        whole = decoder.logits(decoder.hidden(embeddings, tokens))
        constants, state = decoder.start(embeddings)
        for t in range(tokens.shape[1]):
            logits, state = decoder.step(tokens[:, t], constants, state)
            assert logits.numpy() == pytest.approx(whole[:, t].numpy(), abs=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_several_captions_of_a_picture_share_its_embedding(case):
    decoder, shape = built(case)
    embeddings, tokens = a_batch(shape, rows=6)
    with torch.no_grad():
        shared = decoder.hidden(embeddings[:2], tokens)
        repeated = decoder.hidden(embeddings[[0, 0, 0, 1, 1, 1]], tokens)
    assert shared.numpy() == pytest.approx(repeated.numpy(), abs=1e-6)


@pytest.mark.parametrize("case", ["show_and_tell", "attention", "transformer"])
def test_decoders_of_other_weights_and_statistics_share_graphs_that_are_byte_for_byte_their_own(case):
    """Graphs are kept by architecture: those of this decoder were exported with the weights of another."""
    decoder, shape = built(case)
    with torch.no_grad():
        for tensor in decoder.state_dict().values():
            tensor.uniform_(0.1, 1)
    assert decoder_graphs(decoder, shape) == export_steps(decoder, shape)
    assert_the_logits_of_teacher_forcing(decoder, shape, exported(decoder, shape))


def test_a_row_has_the_same_logits_alone_and_in_any_company(decoder_and_steps):
    _, shape, steps = decoder_and_steps
    tokens, together = assert_a_row_has_the_same_logits_alone(shape, steps)
    rows = np.array([3, 0, 0, 4])  # as search takes rows: in another order, one twice, one left out
    constants, state = ({name: array[rows] for name, array in part.items()} for part in together)
    again, _ = steps.step(tokens[rows, 4], constants, state)
    logits, _ = steps.step(tokens[:, 4], *together)
    assert again == pytest.approx(logits[rows], abs=1e-5)


def test_search_finds_the_same_in_training_and_in_the_exported_model(decoder_and_steps):
    decoder, shape, steps = decoder_and_steps
    embeddings = a_batch(shape)[0].numpy()
    options = SearchOptions(beam=3, num_captions=3, max_length=9)
    mine, theirs = (search(s, embeddings, VOCABULARY, options) for s in (TorchSteps(decoder), steps))
    for a, b in zip(itertools.chain(*mine), itertools.chain(*theirs), strict=True):
        assert a.tokens == b.tokens
        assert a.score == pytest.approx(b.score, abs=1e-4)


@pytest.mark.parametrize("bfloat16", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_a_gradient_reaches_every_parameter(case, bfloat16):
    decoder, shape = built(case)
    embeddings, tokens = a_batch(shape)
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        loss = next_word(decoder.train(), embeddings, tokens, VOCABULARY.pad, smoothing=0.1).loss
    loss.backward()
    for name, parameter in decoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("case", CASES)
def test_bfloat16_changes_the_loss_by_little(case):
    decoder, shape = built(case)
    embeddings, tokens = a_batch(shape)
    exact = next_word(decoder, embeddings, tokens, VOCABULARY.pad).loss.item()
    with torch.autocast("cpu", torch.bfloat16):
        rough = next_word(decoder, embeddings, tokens, VOCABULARY.pad).loss.item()
    assert rough == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize("case", CASES)
def test_it_learns_a_handful_of_pictures_by_heart(case):
    options, shape = CASES[case]
    torch.manual_seed(0)
    wide = {f.name: 48 for f in dataclasses.fields(options) if f.name in ("hidden", "word", "cell", "attention")}
    options = dataclasses.replace(
        options, dropout=0.0, **wide | ({"projection": 48} if hasattr(options, "projection") else {})
    )
    decoder = build(case.partition(",")[0], options, shape, len(VOCABULARY)).train()
    captions = [
        "a big dog sits in the snow",
        "a man jumps",
        "the red ball on grass",
        "a blue ball",
        "a man in the grass",
    ]
    tokens = torch.tensor([ids + [VOCABULARY.pad] * (9 - len(ids)) for ids in map(VOCABULARY.encode, captions)])
    embeddings, _ = a_batch(shape)
    decoder.standardise_by([embeddings])
    optimizer = torch.optim.Adam(decoder.parameters(), 0.01)
    for _ in range(60):
        optimizer.zero_grad()
        next_word(decoder, embeddings, tokens, VOCABULARY.pad).loss.backward()
        optimizer.step()
    found = search(TorchSteps(decoder.eval()), embeddings.numpy(), VOCABULARY, SearchOptions(beam=1))
    assert [VOCABULARY.decode(best.tokens) for (best,) in found] == captions


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(gates, c):
    i, f, g, o = np.split(gates, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def normalised(x, weight, bias):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * weight + bias


def softmax(x):
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def float64(decoder):
    return {name: tensor.double().numpy() for name, tensor in decoder.state_dict().items()}


def cells_of(w, embedding):
    standard = (embedding.double().numpy() - w["mean"]) / w["deviation"]
    cells = np.maximum(standard @ w["cells.layer.weight"].T + w["cells.layer.bias"], 0) + w["cells.places"]
    return normalised(cells, w["cells.norm.weight"], w["cells.norm.bias"])


@pytest.mark.parametrize("case", ["attention", "attention, projected"])
def test_attention_is_the_computation_of_its_paper(case):
    """Word by word in NumPy and float64, for one picture."""
    decoder, shape = built(case)
    embeddings, tokens = a_batch(shape, rows=1)
    w = float64(decoder)
    with torch.no_grad():
        whole = decoder.logits(decoder.hidden(embeddings, tokens)).numpy()[0]
    cells = cells_of(w, embeddings[0])
    asked = asked_cell = told = told_cell = np.zeros(16)
    for token, expected in zip(tokens[0].numpy(), whole, strict=True):
        gates = w["word_gates.weight"] @ w["words.weight"][token] + w["word_gates.bias"]
        gates = gates + w["mean_gates.weight"] @ cells.mean(0)
        asked, asked_cell = lstm(gates + w["asking_gates.weight"] @ np.concatenate([told, asked]), asked_cell)
        keys = cells @ w["keys.weight"].T + w["keys.bias"]
        attention = softmax(np.tanh(keys + w["question.weight"] @ asked) @ w["energy.weight"][0])
        inputs = np.concatenate([attention @ cells, asked, told])
        told, told_cell = lstm(w["telling_gates.weight"] @ inputs + w["telling_gates.bias"], told_cell)
        features = np.tanh(w["projection.0.weight"] @ told + w["projection.0.bias"]) if "projected" in case else told
        assert w["output.weight"] @ features + w["output.bias"] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("case", ["transformer", "transformer, untied"])
def test_a_transformer_is_the_computation_of_its_paper(case):
    """All words at once and head by head in NumPy and float64, for one picture."""
    decoder, shape = built(case)
    options = CASES[case][0]
    embeddings, tokens = a_batch(shape, rows=1)
    w = float64(decoder)
    with torch.no_grad():
        whole = decoder.logits(decoder.hidden(embeddings, tokens)).numpy()[0]

    def linear(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(x, name):
        return normalised(x, w[f"{name}.weight"], w[f"{name}.bias"])

    def attend(questions, keys, values, mask):
        size = options.hidden // options.heads
        heads = [slice(h * size, (h + 1) * size) for h in range(options.heads)]
        found = [softmax(questions[:, h] @ keys[:, h].T / np.sqrt(size) + mask) @ values[:, h] for h in heads]
        return np.concatenate(found, axis=1)

    cells = cells_of(w, embeddings[0])
    places = np.arange(7)[:, None] / 10000 ** (np.arange(0, options.hidden, 2) / options.hidden)
    x = w["words.weight"][tokens[0].numpy()] * np.sqrt(options.hidden)
    x = x + np.concatenate([np.sin(places), np.cos(places)], axis=1)
    for layer in (f"layers.{i}" for i in range(options.layers)):
        asked = np.split(linear(norm(x, f"{layer}.norms.0"), f"{layer}.of_words"), 3, axis=1)
        x = x + linear(attend(*asked, np.triu(np.full((7, 7), -np.inf), 1)), f"{layer}.from_words")
        keys, values = np.split(linear(cells, f"{layer}.keys_of_cells"), 2, axis=1)
        asked = linear(norm(x, f"{layer}.norms.1"), f"{layer}.question")
        x = x + linear(attend(asked, keys, values, 0), f"{layer}.from_cells")
        inside = np.maximum(linear(norm(x, f"{layer}.norms.2"), f"{layer}.feed_forward.0"), 0)
        x = x + linear(inside, f"{layer}.feed_forward.3")
    assert linear(norm(x, "norm"), "output") == pytest.approx(whole, abs=1e-4)


def test_attention_is_a_distribution_over_the_cells_that_follows_the_picture(decoder_and_steps):
    decoder, shape, steps = decoder_and_steps
    assert steps.attends == decoder.attends == (shape == GRID)
    if not decoder.attends:
        return
    embeddings = a_batch(shape)[0].numpy()
    sentences = [(5, 6, 7), (8,), (), (9, 10), (5, 6, 7)]
    maps = attention_maps(steps, embeddings, sentences, VOCABULARY)
    assert [looked.shape for looked in maps] == [(len(sentence), 4, 4) for sentence in sentences]
    for looked in maps:
        assert looked.sum(axis=(1, 2)) == pytest.approx(np.ones(len(looked)), abs=1e-5)
        assert (looked >= 0).all()
    assert not np.allclose(maps[0], maps[4], atol=1e-4)  # the same words, another picture
    alone = attention_maps(steps, embeddings[4:], sentences[4:], VOCABULARY)
    assert alone[0] == pytest.approx(maps[4], abs=1e-5)
    constants, state = decoder.start(torch.from_numpy(embeddings))
    _, _, first = decoder.look(torch.full((5,), VOCABULARY.start), constants, state)
    assert maps[1][0] == pytest.approx(first[1].detach().numpy().reshape(4, 4), abs=1e-5)


def test_no_weights_stand_in_the_graphs_themselves(looking_bundle):
    """The exporter likes to transpose matrices ahead, and would leave them there in float32."""
    parts = read_bundle(looking_bundle).parts
    for name in ("start.onnx", "step.onnx"):
        for initializer in onnx.load_from_string(parts[name]).graph.initializer:
            inside = initializer.data_location != onnx.TensorProto.EXTERNAL
            assert not inside or sum(size > 1 for size in initializer.dims) < 2, initializer.name


def test_a_bundle_captions_verifies_and_holds_the_options(looking_bundle, photos):
    captioner = Captioner(looking_bundle)
    assert replay(captioner).text == read_bundle(looking_bundle).model["golden"]["caption"]
    described = captioner.bundle.model["decoder"]
    assert recipe_from({"decoder": {"kind": described["kind"], **described["options"]}}).decoder.hidden == 16
    paths = sorted(photos.iterdir())
    together = captioner.caption(paths, batch_size=4)
    assert [one.text for one in together] == [captioner.caption(path).text for path in paths]


@pytest.mark.parametrize(
    ("kind", "options", "shape", "said"),
    [
        ("attention", {}, (8,), "takes grids"),
        ("show_and_tell", {}, (16, 8), "takes pooled"),
        ("attention", {"hidden": 0}, GRID, "positive"),
        ("attention", {"dropout": 1.0}, GRID, "dropout"),
        ("attention", {"hidden": 12}, GRID, "tie_words"),
        ("transformer", {}, (8,), "takes grids"),
        ("transformer", {"hidden": 20, "heads": 3}, GRID, "3 heads must divide it"),
        ("transformer", {"layers": 0}, GRID, "positive"),
        ("transformer", {"dropout": -0.1}, GRID, "dropout"),
    ],
)
def test_options_that_cannot_be_are_refused(kind, options, shape, said):
    with pytest.raises(InputError, match=said):
        build(kind, recipe_from({"decoder": {"kind": kind, **options}}).decoder, shape, 20)


def test_the_page_on_training_has_every_option_of_every_kind_with_its_default():
    page = (ROOT / "docs/reference/recipes.md").read_text()
    table = page.partition("| option |")[2].partition("\n\n")[0].splitlines()
    kinds = [cell.strip(" `") for cell in table[0].strip("|").split("|")]
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in table[2:]]
    assert sorted(kinds) == list(decoder_kinds())
    for column, kind in enumerate(kinds, 1):
        options = decoder_kinds()[kind].options
        documented = {row[0].partition("`")[0]: row[column] for row in rows if row[column]}
        defaults = {f.name: str(f.default).lower() for f in dataclasses.fields(options)}
        assert documented == defaults, kind
