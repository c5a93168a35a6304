"""The course notebook's decoder and loss, written out in NumPy from its description, against the recipe's own model."""

import numpy as np
import pytest
import torch

from repository import ROOT
from showtell.decoders.registry import build
from showtell.text import pad_batch
from showtell.training import read_recipe
from showtell.training.loss import next_word

RECIPES = ROOT / "recipes"
PAD, START, END = 1, 2, 0
EMBEDDING, VOCABULARY, BATCH = 2048, 400, 64


@pytest.fixture(scope="module", params=["seed-coco2014", "seed-flickr8k"])
def decoder(request):
    """The decoder that the recipe makes, with weights that depend on nothing but their place in it."""
    recipe = read_recipe(RECIPES / f"{request.param}.toml")
    decoder = build(recipe.decoder_kind, recipe.decoder, (EMBEDDING,), VOCABULARY).eval()
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for _, parameter in sorted(decoder.named_parameters()):
            scale = 1.0 if parameter.ndim == 1 else 2.0 / parameter.shape[1] ** 0.5
            parameter.copy_(torch.from_numpy(scale * rng.standard_normal(tuple(parameter.shape))))
    return decoder


@pytest.fixture(scope="module")
def batch():
    """Embeddings like a network's (not negative), and captions of 1 to 24 words, cut to 20 ids and padded."""
    rng = np.random.default_rng(1)
    embeddings = rng.gamma(0.5, 1.0, (BATCH, EMBEDDING)).astype(np.float32)
    captions = [[START, *rng.integers(4, VOCABULARY, rng.integers(1, 25)).tolist(), END] for _ in range(BATCH)]
    return embeddings, pad_batch(captions, PAD, 20)


def elu(x):
    return np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def numpy_logits(decoder, embeddings, words):
    """The notebook's decoder in float64: `(B, D)` and ids `(B, T)` to logits `(B, T, V)`."""
    w = {name: tensor.double().numpy() for name, tensor in decoder.state_dict().items()}

    def dense(layer, x):
        return x @ w[f"{layer}.weight"].T + w[f"{layer}.bias"]

    h = c = elu(dense("initial.0", elu(dense("bottleneck.0", embeddings.astype(np.float64)))))
    logits = []
    for ids in words.T:
        x = w["words.weight"][ids]
        gates = x @ w["lstm.weight_ih_l0"].T + w["lstm.bias_ih_l0"] + h @ w["lstm.weight_hh_l0"].T
        i, f, g, o = np.split(gates + w["lstm.bias_hh_l0"], 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        logits.append(dense("output", elu(dense("projection.0", h))))
    return np.stack(logits, axis=1)


def test_the_layers_have_the_notebooks_sizes(decoder):
    """4.1 and 4.2: 2048 -> 120 -> 300 = first h and c of an LSTM(300); word embedding 100; 300 -> 120 -> |V|."""
    sizes = {name: tuple(parameter.shape) for name, parameter in decoder.named_parameters()}
    assert sizes == {
        "bottleneck.0.weight": (120, EMBEDDING),
        "bottleneck.0.bias": (120,),
        "initial.0.weight": (300, 120),
        "initial.0.bias": (300,),
        "words.weight": (VOCABULARY, 100),
        "lstm.weight_ih_l0": (4 * 300, 100),
        "lstm.weight_hh_l0": (4 * 300, 300),
        "lstm.bias_ih_l0": (4 * 300,),
        "lstm.bias_hh_l0": (4 * 300,),
        "projection.0.weight": (120, 300),
        "projection.0.bias": (120,),
        "output.weight": (VOCABULARY, 120),
        "output.bias": (VOCABULARY,),
    }


def test_the_whole_forward_pass_equals_numpys(decoder, batch):
    """4.1 and 4.2, every number of it, in training's form and in the one that writes word by word."""
    embeddings, captions = batch
    words = captions[:, :-1]
    expected = numpy_logits(decoder, embeddings, words)
    assert expected.std() > 1, "logits that differ enough to show a wrong layer"
    with torch.no_grad():
        whole = decoder.logits(decoder.hidden(torch.from_numpy(embeddings), torch.from_numpy(words))).numpy()
        constants, state = decoder.start(torch.from_numpy(embeddings))
        assert torch.equal(state["h"], state["c"]), "both the first hidden and the first cell state"
        steps = []
        for ids in words.T:
            logits, state = decoder.step(torch.from_numpy(ids.copy()), constants, state)
            steps.append(logits.numpy())
    scale = np.abs(expected).max()
    assert np.abs(whole - expected).max() / scale < 1e-5
    assert np.abs(np.stack(steps, axis=1) - expected).max() / scale < 1e-5


def test_the_loss_equals_numpys(decoder, batch):
    """4.3 and 4.4: captions without their last token predict those without their first; PAD does not count."""
    embeddings, captions = batch
    logits = numpy_logits(decoder, embeddings, captions[:, :-1])
    targets = captions[:, 1:]
    log_sum = np.log(np.exp(logits - logits.max(-1, keepdims=True)).sum(-1)) + logits.max(-1)
    losses = log_sum - np.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    there = targets != PAD
    assert 0 < there.sum() < there.size, "some of the batch is PAD"
    with torch.no_grad():
        found = next_word(decoder, torch.from_numpy(embeddings), torch.from_numpy(captions), PAD)
    assert found.count == there.sum()
    assert float(found.loss) == pytest.approx(losses[there].mean(), rel=1e-5)
    assert found.correct == (logits.argmax(-1) == targets)[there].sum()
    assert losses[there].mean() != pytest.approx(losses.mean(), rel=1e-3), "PAD would have changed it"


def test_dropout_and_smoothing_are_off():
    """The notebook had neither: a training step's loss is that of evaluation."""
    for name in ("seed-coco2014", "seed-flickr8k"):
        recipe = read_recipe(RECIPES / f"{name}.toml")
        assert (recipe.decoder.dropout, recipe.decoder.standardise, recipe.decoder.tie_words) == (0.0, False, False)
        training = recipe.training
        assert (training.label_smoothing, training.average, training.weight_decay, training.clip_norm) == (0, 0, 0, 0)
        assert training.precision == "float32"
