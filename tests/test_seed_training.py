"""The course notebook's training, by its own recipe, from the course's own zips in small."""

import csv

import numpy as np
import pytest
import torch

from course import CAPTIONS, TRAIN, VALIDATION
from repository import ROOT
from showtell.captioning.captioner import Captioner
from showtell.data.examples import load_examples
from showtell.decoders.registry import build
from showtell.embeddings.store import EmbeddingStore
from showtell.evaluation.next_word import check
from showtell.text import Vocabulary
from showtell.training import read_recipe, recipe_from, train
from showtell.training.batches import PictureBatches
from showtell.training.checkpoint import load_checkpoint
from showtell.training.loss import next_word
from showtell.training.recipe import read_tables

RECIPES = ROOT / "recipes"
NAMES = ("seed-coco2014", "seed-flickr8k")


def small(**training):
    """recipes/seed-coco2014.toml with the course's file names, an available encoder, and shorter epochs."""
    tables = read_tables(RECIPES / "seed-coco2014.toml")
    tables["data"] |= {
        "pictures": ["train2014.zip", "val2014.zip"],
        "captions": "captions_train-val2014.zip/captions_train2014.json",
        "validation_captions": "captions_train-val2014.zip/captions_val2014.json",
    }
    tables["encoder"]["name"] = "efficientnet_lite0"
    tables["vocabulary"]["min_count"] = 1
    tables["training"] |= {"batch_size": 8, "validation_batches": 4} | training
    return recipe_from(tables)


@pytest.fixture(scope="module")
def run(course, tmp_path_factory):
    """All twelve epochs, of 15 steps, and their output."""
    said = []
    folder = tmp_path_factory.mktemp("run")
    where = {"root": course, "store": course / "store"}
    return train(small(epoch_steps=15), folder, say=said.append, show=False, **where), said


@pytest.mark.parametrize("name", NAMES)
def test_the_recipe_has_the_notebooks_numbers(name):
    """5.1 to 5.5 and 3.2: Adam 1e-3, batches of 64, 20 tokens, 12 x 1,000 steps, 100 validation batches."""
    recipe = read_recipe(RECIPES / f"{name}.toml")
    training = recipe.training
    assert (training.learning_rate, training.schedule, training.warmup_steps) == (1e-3, "constant", 0)
    assert (training.batch_size, training.max_length, recipe.vocabulary.min_count) == (64, 20, 5)
    assert (training.epochs, training.epoch_steps, training.validation_batches) == (12, 1000, 100)
    assert (training.keep_epochs, training.best_by) == (True, "last")
    assert (recipe.search.beam, recipe.search.sample, recipe.search.max_length) == (1, False, 20)
    assert recipe.encoder.output == "pooled"


def test_the_coco_recipe_crops_for_inceptionv3():
    """2.2 and 2.4: the notebook's encoder and its centre crop."""
    encoder = read_recipe(RECIPES / "seed-coco2014.toml").encoder
    assert (encoder.name, encoder.resize) == ("keras:InceptionV3", "crop")


def test_the_courses_three_zips_are_enough_to_train(course):
    """1.1 and 1.2: train2014.zip and val2014.zip, and captions_train-val2014.zip with annotations/ in it."""
    examples = load_examples(small().data, course)
    assert (len(examples.train), len(examples.validation)) == (TRAIN, VALIDATION)
    assert all(name.startswith("train2014/COCO_train2014_") for name in examples.train)
    assert all(name.startswith("val2014/COCO_val2014_") for name in examples.validation)


def test_every_picture_has_its_five_captions_by_file_name(course):
    """1.3: aligned by file name, each picture about five."""
    from showtell.data.captions.caption_set import read_captions

    examples = load_examples(small().data, course)
    assert examples.counts() == {"train": TRAIN, "validation": VALIDATION, "captions": CAPTIONS * TRAIN}
    written = read_captions(course / "captions_train-val2014.zip", member="captions_val2014.json").captions
    for name in examples.validation:
        assert examples.captions[name] == written[name.removeprefix("val2014/")]


def test_a_batch_is_64_different_pictures_with_one_random_caption_of_each():
    """5.2 and 5.3, and that every caption of a picture has its turn."""
    captions = {f"{i}.jpg": [f"p{i} c{k} " + "and so on " * 10 for k in range(5)] for i in range(100)}
    vocabulary = Vocabulary.build((text for texts in captions.values() for text in texts), 1)
    rows = {name: 1000 + i for i, name in enumerate(captions)}
    batches = PictureBatches(captions, rows, vocabulary, batch_size=64, max_length=20, seed=42, steps=300)
    epoch = batches.epoch(0)
    assert len(epoch) == len(batches) == 300
    met = set()
    for batch in epoch:
        assert len(set(batch.rows.tolist())) == 64
        assert batch.tokens.shape == (64, 20)
        for row, ids in zip(batch.rows, batch.tokens, strict=True):
            assert vocabulary.entries[ids[1]] == f"p{row - 1000}", "the caption is the picture's own"
            met.add((int(row), int(ids[2])))
    assert len(met) == 500
    assert any(not np.array_equal(a.rows, b.rows) for a, b in zip(epoch, batches.epoch(1), strict=True))


def test_twelve_epochs_of_so_many_batches_are_trained(run):
    """5.4: the number of steps, and a line of figures for each epoch."""
    result, _ = run
    assert [line["step"] for line in result.metrics] == [15 * epoch for epoch in range(1, 13)]


def test_the_validation_loss_is_that_of_so_many_batches(run, course):
    """5.5, computed again from the last weights: the mean over the words of batches of different pictures."""
    result, _ = run
    recipe, store = small(epoch_steps=15), EmbeddingStore(course / "store")
    examples = load_examples(recipe.data, course)
    captions = examples.of(examples.validation)
    vocabulary = Vocabulary.build((text for name in examples.train for text in examples.captions[name]), 1)
    decoder = build(recipe.decoder_kind, recipe.decoder, store.spec.shape, len(vocabulary)).eval()
    decoder.load_state_dict(load_checkpoint(result.folder / "checkpoints" / "weights.safetensors").part("model"))
    batches = PictureBatches(captions, store.rows, vocabulary, batch_size=8, max_length=20, seed=0, steps=4).epoch(0)
    assert len(batches) == 4
    loss, count = 0.0, 0
    for batch in batches:
        with torch.no_grad():
            found = next_word(
                decoder, torch.from_numpy(store.take(batch.rows)), torch.from_numpy(batch.tokens), vocabulary.pad
            )
        loss, count = loss + float(found.loss) * found.count, count + found.count
    assert result.metrics[-1]["val_loss"] == pytest.approx(loss / count, rel=1e-6)


def test_every_step_is_adams(course, tmp_path):
    """5.1: from one step to the next the weights move by Adam's rule at 1e-3, without decay or clipping."""
    recipe = small(epochs=2, epoch_steps=1)
    result = train(recipe, tmp_path, root=course, store=course / "store", show=False)
    kept = result.folder / "checkpoints"
    first, second = (load_checkpoint(kept / f"weights_{epoch}.safetensors") for epoch in (0, 1))
    examples, store = load_examples(recipe.data, course), EmbeddingStore(course / "store")
    vocabulary = Vocabulary(tuple(first.state["vocabulary"]))
    sizes = {"batch_size": 8, "max_length": 20, "seed": recipe.training.seed, "steps": 1}
    (batch,) = PictureBatches(examples.of(examples.train), store.rows, vocabulary, **sizes).epoch(1)
    decoder = build(recipe.decoder_kind, recipe.decoder, store.spec.shape, len(vocabulary))
    decoder.load_state_dict(first.part("model"))
    embeddings, tokens = torch.from_numpy(store.take(batch.rows)), torch.from_numpy(batch.tokens)
    next_word(decoder, embeddings, tokens, vocabulary.pad).loss.backward()
    for i, (name, weights) in enumerate(decoder.named_parameters()):
        m, v = (first.part("optimizer")[f"{i}.exp_avg{kind}"].double() for kind in ("", "_sq"))
        gradient = weights.grad.double()
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        moved = 1e-3 * (m / (1 - 0.9**2)) / ((v / (1 - 0.999**2)).sqrt() + 1e-8)
        expected = weights.detach().double() - moved
        assert second.part("model")[name].double() == pytest.approx(expected, abs=1e-6), name


def test_the_running_loss_stands_on_the_progress_bar(course, tmp_path, capsys):
    """5.6."""
    result = train(small(epochs=1, epoch_steps=2), tmp_path, root=course, store=course / "store")
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("epoch 1/1: 2/2 steps")]
    assert line.endswith(f"loss {result.metrics[0]['train_loss']:.3f}")


def test_weights_of_all_twelve_epochs_and_of_the_end_are_kept(run):
    """5.7: weights_0 to weights_11, and weights."""
    kept = {path.name for path in (run[0].folder / "checkpoints").glob("weights*")}
    assert kept == {"weights.safetensors", *(f"weights_{epoch}.safetensors" for epoch in range(12))}


def test_the_losses_fall_as_the_notebook_logged_them(run):
    """5.9: from epoch to epoch the training loss falls, and in the first epochs the validation loss does."""
    result, said = run
    losses = [line["train_loss"] for line in result.metrics]
    assert losses == sorted(losses, reverse=True)
    assert result.metrics[2]["val_loss"] < result.metrics[1]["val_loss"] < result.metrics[0]["val_loss"]
    logged = f"loss {losses[0]:.3f}, validation loss {result.metrics[0]['val_loss']:.3f}"
    assert [logged in line for line in said].count(True) == 1
    assert not any("(best)" in line for line in said), "the last epoch is exported, whatever it scores"


def test_the_finished_model_foretells_half_of_the_next_words_of_a_training_batch(run, course):
    """5.10: "should be around 0.5"; predicted and true sentences side by side, word for word."""
    captioner = Captioner(run[0].bundle)
    examples = load_examples(small().data, course)
    words = check(captioner, examples.source, examples.of(examples.train), batch_size=20).words
    assert words.accuracy >= 0.45
    assert words.loss < run[0].metrics[1]["train_loss"]
    assert [len(sentence.split()) for sentence in words.predicted] == [len(sentence.split()) for sentence in words.true]


def test_docs_have_the_notebooks_own_figures():
    """5.9: the table of docs/results/course-notebook.md has them beside ours."""
    page = (RECIPES.parent / "docs/results/course-notebook.md").read_text()
    rows = [[cell.strip() for cell in row] for row in csv.reader(page.splitlines(), delimiter="|")]
    table = {row[1]: row[2:4] for row in rows if len(row) > 4}
    assert [table["0"], table["1"], table["2"]] == [["4.310", "3.654"], ["3.345", "3.148"], ["3.045", "2.993"]]
