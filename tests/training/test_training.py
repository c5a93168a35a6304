"""Training: batches, loss and averages against independent computations, and runs that are broken off."""

import itertools
import json
import signal
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from drawn_curves import drawn_curves, expected_curves
from forked import begin
from showtell.captioning.captioner import Captioner
from showtell.decoders.registry import build
from showtell.decoders.show_and_tell import ShowAndTellOptions
from showtell.errors import InputError
from showtell.text import Vocabulary
from showtell.training import curves, read_recipe, recipe_from
from showtell.training.batches import CaptionBatches
from showtell.training.loss import next_word
from showtell.training.recipe import TrainingOptions
from showtell.training.resume import best_of
from showtell.training.stages.base import learning_rate
from showtell.training.validate import are_degenerate


@pytest.fixture(scope="module")
def captions():
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(30)]
    return {f"{i}.jpg": [" ".join(rng.choice(words, rng.integers(2, 12))) for _ in range(5)] for i in range(50)}


@pytest.fixture(scope="module")
def batches(captions):
    vocabulary = Vocabulary.build((c for cs in captions.values() for c in cs), 1)
    rows = {name: i for i, name in enumerate(captions)}
    return CaptionBatches(captions, rows, vocabulary, batch_size=16, max_length=10, seed=3)


def flat(batches):
    pairs = ((batch.rows, batch.tokens.tolist()) for batch in batches)
    return sorted((int(row), tuple(ids)) for rows, tokens in pairs for row, ids in zip(rows, tokens, strict=True))


def test_an_epoch_has_every_caption_once_in_batches_of_like_length(batches, captions):
    epoch = batches.epoch(0)
    assert len(epoch) == len(batches) == -(-250 // 16)
    assert sum(len(batch.rows) for batch in epoch) == 250
    assert sorted(row for batch in epoch for row in batch.rows) == sorted([*range(50)] * 5)
    padding = sum((batch.tokens == 1).sum() for batch in epoch) / sum(batch.tokens.size for batch in epoch)
    assert padding < 0.05
    assert max(batch.tokens.shape[1] for batch in epoch) == 10


def test_epochs_differ_and_are_a_function_of_the_seed(batches):
    first, again, second = batches.epoch(0), batches.epoch(0), batches.epoch(1)
    for a, b in zip(first, again, strict=True):
        assert np.array_equal(a.tokens, b.tokens)
        assert np.array_equal(a.rows, b.rows)
    assert [a.rows.tolist() for a in first] != [b.rows.tolist() for b in second]


def test_captions_without_batches_are_refused():
    vocabulary = Vocabulary.build(["a b"], 1)
    with pytest.raises(InputError, match="no captions"):
        CaptionBatches({}, {}, vocabulary, batch_size=4, max_length=10, seed=0)


@pytest.mark.parametrize(
    "options", [{}, {"picture": "every_step", "tie_words": True, "projection": 8, "bottleneck": 5}]
)
def test_the_loss_is_the_cross_entropy_that_numpy_computes(options):
    torch.manual_seed(0)
    decoder = build("show_and_tell", ShowAndTellOptions(hidden=9, word=8, **options), (6,), 12).eval()
    embeddings, tokens = (
        torch.randn(4, 6),
        torch.tensor([[2, 5, 6, 0, 1], [2, 7, 0, 1, 1], [2, 8, 9, 10, 0], [2, 0, 1, 1, 1]]),
    )
    result = next_word(decoder, embeddings, tokens, pad=1)
    w = {name: tensor.detach().double().numpy() for name, tensor in decoder.state_dict().items()}
    total, count, correct = 0.0, 0, 0
    for embedding, row in zip(embeddings.double().numpy(), tokens.numpy(), strict=True):
        standard = (embedding - w["mean"]) / w["deviation"]
        first = (
            np.tanh(w["bottleneck.0.weight"] @ standard + w["bottleneck.0.bias"])
            if "bottleneck" in options
            else standard
        )
        h = c = np.tanh(w["initial.0.weight"] @ first + w["initial.0.bias"])
        for last, wanted in itertools.pairwise(row):
            if wanted == 1:
                break
            x = w["words.weight"][last]
            if "picture" in options:
                x = np.concatenate([x, np.tanh(w["glance.0.weight"] @ standard + w["glance.0.bias"])])
            gates = (
                w["lstm.weight_ih_l0"] @ x + w["lstm.bias_ih_l0"] + w["lstm.weight_hh_l0"] @ h + w["lstm.bias_hh_l0"]
            )
            i, f, g, o = np.split(gates, 4)
            c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
            h = np.tanh(c) / (1 + np.exp(-o))
            features = np.tanh(w["projection.0.weight"] @ h + w["projection.0.bias"]) if "projection" in options else h
            logits = w["output.weight"] @ features + w["output.bias"]
            total += np.log(np.exp(logits).sum()) - logits[wanted]
            correct += logits.argmax() == wanted
            count += 1
    assert (result.count, result.correct) == (count, correct)
    assert float(result.loss.detach()) == pytest.approx(total / count, rel=1e-5)


def test_standardising_takes_mean_and_deviation_of_the_training_embeddings():
    decoder = build("show_and_tell", ShowAndTellOptions(hidden=4, word=4), (3,), 8)
    embeddings = torch.randn(100, 3) * torch.tensor([1.0, 10.0, 0.0]) + 5
    decoder.standardise_by(embeddings.split(33))
    state = decoder.state_dict()
    assert state["mean"].numpy() == pytest.approx(embeddings.numpy().mean(0), rel=1e-5)
    assert state["deviation"].numpy() == pytest.approx([*embeddings.numpy()[:, :2].std(0, ddof=1), 1e-3], rel=1e-5)


def test_the_learning_rate_warms_up_and_follows_half_a_cosine():
    rates = [learning_rate(2.0, 3, step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.5)
    assert rates[50] == pytest.approx(1.0)
    assert rates[3:] == sorted(rates[3:], reverse=True)
    assert learning_rate(2.0, 0, 99, None) == 2.0


def test_lines_and_curves_are_those_of_all_epochs_after_every_epoch(tmp_path):
    metrics = [{"epoch": epoch, "val_loss": 6 / epoch, "bleu_4": epoch / 40} for epoch in range(1, 6)]
    for count in range(1, 6):
        curves.write_figures(tmp_path, metrics[:count])
        assert [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()] == metrics[:count]
        assert drawn_curves((tmp_path / "curves.svg").read_text()) == expected_curves(metrics[:count])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curves.svg", "metrics.jsonl"]


def test_the_best_epoch_is_the_earliest_of_equals():
    metrics = [{"epoch": e, "cider_d": c, "val_loss": v} for e, c, v in ((1, 0.3, 3.0), (2, 0.5, 2.5), (3, 0.5, 2.9))]
    assert best_of(metrics, TrainingOptions())["epoch"] == 2
    assert best_of(metrics, TrainingOptions(best_by="val_loss"))["epoch"] == 2


def test_an_epoch_of_degenerate_captions_gives_way_to_one_that_is_about_as_well_trained():
    metrics = [
        {"epoch": 1, "cider_d": 0.9, "val_loss": 3.0, "degenerate": True},
        {"epoch": 2, "cider_d": 0.1, "val_loss": 3.5},
    ]
    assert best_of(metrics, TrainingOptions())["epoch"] == 2
    assert best_of(metrics[:1], TrainingOptions())["epoch"] == 1
    metrics[1]["val_loss"] = 5.0  # words at random, from an epoch that had learned nothing yet
    assert best_of(metrics, TrainingOptions())["epoch"] == 1


@pytest.mark.parametrize(
    ("captions", "expected"),
    [
        (["a dog", "a cat", "a man"], False),
        (["a dog"] * 4, False),  # four pictures may show dogs
        (["a dog"] * 9 + ["a cat"], True),
        (["a dog"] * 6 + ["a cat"] * 4, False),
        (["a a a dog", "a cat", "in red in red in red"], True),
        (["", "", "a dog"], True),
        (["a man and a man", "a dog a dog a cat"], False),
        ([], False),
    ],
)
def test_captions_that_stutter_or_are_all_the_same_are_degenerate(captions, expected):
    assert are_degenerate(captions) is expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[trainnig]\nepochs = 1", "trainnig"),
        ("[training]\nepoch = 1", "epoch"),
        ("[training]\nepochs = 'two'", "epochs must be of type int"),
        ("[training]\nschedule = 'step'", "schedule"),
        ("[decoder]\nkind = 'gru'", "gru"),
        ("[decoder]\nhiden = 3", "hiden"),
        ("[decoder]\ndropout = 1.5", "dropout"),
        ("[encoder]\nname = ", "not TOML"),
        ("name = 'a/b'", "name"),
        ("data = 3", "table"),
    ],
)
def test_a_wrong_recipe_names_the_file_and_the_key(tmp_path, text, said):
    (tmp_path / "recipe.toml").write_text(text)
    with pytest.raises(InputError, match=rf"recipe\.toml.*{said}"):
        read_recipe(tmp_path / "recipe.toml")


def test_a_recipe_spells_out_every_default():
    recipe = recipe_from({"training": {"epochs": 3, "learning_rate": 1}, "decoder": {"hidden": 7}})
    assert (recipe.training.epochs, recipe.training.learning_rate, recipe.decoder.hidden) == (3, 1.0, 7)
    assert recipe_from(json.loads(json.dumps({"training": recipe.to_json()["training"]}))).training == recipe.training


def train_command(data, out, *more):
    sizes = ["decoder.hidden=24", "decoder.word=16", "training.checkpoint_steps=4", "training.average=0.9"]
    sets = [part for size in [*sizes, "data.split_column=split", "vocabulary.min_count=1"] for part in ("--set", size)]
    files = ["--pictures", "p.zip", "--captions", "captions.jsonl", "--root", data, "--store", data / "store"]
    options = ["--encoder", "onnx:encoder.onnx", "--epochs", "3", "--out", out, *sets, *files, *more]
    return ["train", *options]


SELF_CRITICAL = ("--set", "self_critical.epochs=2", "--set", "self_critical.pictures=8")


def test_a_killed_run_ends_with_bit_for_bit_the_same_weights(showtell, small_data, tmp_path):
    """Both stages: three epochs of cross-entropy of 4 steps, two of self-critical training of 6."""
    out, err = tmp_path / "out.txt", tmp_path / "err.txt"
    command = train_command(small_data, tmp_path / "unbroken", *SELF_CRITICAL)
    assert exit_code(begin(command, out, err)) == 0, err.read_text()
    broken = tmp_path / "broken"
    command = train_command(small_data, broken, *SELF_CRITICAL)
    last = broken / "checkpoints" / "last.safetensors"
    seen, kills = 0.0, 0
    for _ in range(6):
        process = begin(command, out, err)
        while process.exitcode is None and (not last.exists() or last.stat().st_mtime == seen):
            time.sleep(0.001)
        process.kill()
        kills += exit_code(process) == -signal.SIGKILL
        seen = last.stat().st_mtime
    assert kills >= 4
    assert exit_code(begin(command, out, err)) == 0, err.read_text()
    assert "resuming after step" in out.read_text()
    for name in ("last", "best"):
        expected = load_file(tmp_path / "unbroken" / "checkpoints" / f"{name}.safetensors")
        found = load_file(broken / "checkpoints" / f"{name}.safetensors")
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[key], expected[key]) for key in expected)
    assert (broken / "model.showtell").read_bytes() == (tmp_path / "unbroken" / "model.showtell").read_bytes()

    def figures(run):
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]

    assert figures(broken) == figures(tmp_path / "unbroken")
    drawn = drawn_curves((broken / "curves.svg").read_text())
    assert drawn == expected_curves(figures(broken))
    assert len(drawn) == 6
    other = showtell(*command, "--seed", "5")
    assert other.code == 2
    assert "another recipe (training differ)" in other.err
    Captioner(broken / "model.showtell")


def exit_code(process):
    process.join()
    return process.exitcode


def test_a_damaged_checkpoint_is_one_line(showtell, small_data, tmp_path):
    run = tmp_path / "run"
    command = train_command(small_data, run, "--epochs", "1")
    assert showtell(*command).code == 0
    last = run / "checkpoints" / "last.safetensors"
    last.write_bytes(last.read_bytes()[:1000])
    again = showtell(*command)
    assert again.code == 2
    assert "last.safetensors: not a complete checkpoint" in again.err.splitlines()[-1]
    assert "Traceback" not in again.err


def test_several_seeds_share_a_store_and_give_mean_and_spread(showtell, small_data, tmp_path):
    done = showtell(*train_command(small_data, tmp_path / "runs", "--seeds", "2", "--seed", "4"))
    assert done.code == 0, done.err
    found = json.loads((tmp_path / "runs" / "seeds.json").read_text())
    assert sorted(found["best"]) == ["4", "5"]
    for figure in ("val_loss", "cider_d"):
        first, second = (found["best"][seed][figure] for seed in ("4", "5"))
        assert found["mean"][figure] == pytest.approx((first + second) / 2)
        assert found["deviation"][figure] == pytest.approx(abs(first - second) / 2**0.5)
    assert found["deviation"]["val_loss"] > 0
    assert "2 seeds: BLEU-4" in done.out
    assert showtell(*train_command(small_data, tmp_path / "alone", "--seed", "5")).code == 0
    assert (tmp_path / "alone" / "model.showtell").read_bytes() == (
        tmp_path / "runs" / "seed-5" / "model.showtell"
    ).read_bytes()
