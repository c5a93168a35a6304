"""Self-critical training: the reward, the draws, and the gradient that they give."""

import itertools

import numpy as np
import pytest
import torch

from drawn_curves import drawn_curves, expected_curves
from showtell.data.examples import Group
from showtell.decoders.registry import build
from showtell.decoders.show_and_tell import ShowAndTellOptions
from showtell.errors import InputError
from showtell.metrics import ptb_tokenize
from showtell.text import SPECIALS, Vocabulary
from showtell.training import recipe_from, train
from showtell.training.recipe import SelfCriticalOptions, TrainingOptions
from showtell.training.resume import current_epoch
from showtell.training.stages.self_critical import Reward, advantages, draw, log_probabilities

REFERENCES = {
    "dog.jpg": ["A dog runs .", "The dog's running on grass", "a brown dog cannot stop"],
    "man.jpg": ["A man in a red shirt sits .", "a man sits on a bench"],
    "snow.jpg": ["Two dogs in the snow !", "dogs play in snow"],
}


@pytest.fixture(scope="module")
def vocabulary():
    return Vocabulary.build((caption for captions in REFERENCES.values() for caption in captions), 1)


@pytest.fixture(scope="module")
def small():
    """A vocabulary of two words, and a decoder of it that has opinions."""
    vocabulary = Vocabulary(tuple(sorted(["a", "dog", *SPECIALS])))
    torch.manual_seed(1)
    decoder = build("show_and_tell", ShowAndTellOptions(hidden=5, word=4, dropout=0.0), (3,), len(vocabulary)).eval()
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.mul_(4 if parameter.ndim == 2 else 3)
    return vocabulary, decoder, torch.tensor([[3.0, 3.0, 0.0], [-3.0, -3.0, 0.0]])


def every_caption(vocabulary, max_length):
    """All that `draw` can draw with two words, in its form."""
    words = [vocabulary.ids["a"], vocabulary.ids["dog"]]
    rows = []
    for length in range(1, max_length + 1):
        for chosen in itertools.product(words, repeat=length):
            rest = [vocabulary.end] if length < max_length else []
            row = [vocabulary.start, *chosen, *rest]
            rows.append(row + [vocabulary.pad] * (max_length + 1 - len(row)))
    return torch.tensor(rows)


def test_the_reward_is_pycocoevalcaps_cider_d_with_the_end_as_a_word(vocabulary):
    from pycocoevalcap.cider.cider import Cider

    captions = {"dog.jpg": "a dog cannot stop", "man.jpg": "a man in a red", "snow.jpg": "dogs in snow"}
    ids = [vocabulary.encode(caption) for caption in captions.values()]
    ids[1] = ids[1][:-1]  # cut before its END
    width = max(map(len, ids))
    matrix = np.array([row + [vocabulary.pad] * (width - len(row)) for row in ids])
    references = {name: [" ".join([*ptb_tokenize(c), "END"]) for c in texts] for name, texts in REFERENCES.items()}
    ends = {"dog.jpg": " END", "man.jpg": "", "snow.jpg": " END"}
    hypotheses = {name: [" ".join(ptb_tokenize(caption)) + ends[name]] for name, caption in captions.items()}
    _, expected = Cider().compute_score(references, hypotheses)
    found = Reward(REFERENCES, vocabulary)(list(captions), matrix)
    assert found == pytest.approx(expected, rel=1e-6)
    assert found.min() > 0


def test_each_data_set_has_its_own_document_frequencies(vocabulary):
    """A reward is that of the data set alone, whatever the other data sets hold."""
    names = list(REFERENCES)
    groups = [Group("one", tuple(names[:2]), ()), Group("two", tuple(names[2:]), ())]
    captions = np.array([vocabulary.encode("A dog runs .")] * len(names))
    together = Reward(REFERENCES, vocabulary, groups)(names, captions)
    apart = [
        Reward({name: REFERENCES[name] for name in own}, vocabulary)(own, captions[: len(own)])
        for own in (names[:2], names[2:])
    ]
    assert together == pytest.approx(np.concatenate(apart))
    assert together != pytest.approx(Reward(REFERENCES, vocabulary)(names, captions))


def test_a_clipped_caption_earns_less_than_one_that_ends(vocabulary):
    ids = vocabulary.encode("a man sits on a bench")
    whole, clipped = np.array([ids]), np.array([[*ids[:-1], vocabulary.pad]])
    reward = Reward(REFERENCES, vocabulary)
    assert reward(["man.jpg"], clipped)[0] < reward(["man.jpg"], whole)[0]


def test_advantages_compare_with_the_mean_of_the_others():
    rewards = np.array([[1.0, 2.0, 6.0], [0.5, 0.5, 0.5]], np.float32)
    assert advantages(rewards) == pytest.approx(np.array([[-3.0, -1.5, 4.5], [0, 0, 0]]))


def test_draws_follow_the_decoders_probabilities(small):
    vocabulary, decoder, embeddings = small
    possible = every_caption(vocabulary, 3)
    for embedding in embeddings:
        rows = embedding.expand(len(possible), -1)
        with torch.no_grad():
            words, row_of = log_probabilities(decoder, rows, possible, vocabulary)
        expected = torch.zeros(len(possible)).index_add(0, row_of, words).exp()
        assert expected.sum().item() == pytest.approx(1, abs=1e-5)
        drawn = draw(
            decoder,
            embedding[None],
            vocabulary,
            samples=20_000,
            max_length=3,
            generator=torch.Generator().manual_seed(1),
        )
        found = (drawn[:, None] == possible[None]).all(2).float().mean(0)
        assert found.sum().item() == 1.0
        assert (found - expected).abs().max().item() < 4 * 0.5 / 20_000**0.5
        assert (expected > 0.01).sum() >= 3


def test_draws_of_a_batch_stand_by_their_pictures(small):
    vocabulary, decoder, embeddings = small
    certain = [
        draw(decoder, e[None], vocabulary, samples=500, max_length=4, generator=torch.Generator().manual_seed(0))
        for e in embeddings
    ]
    together = draw(
        decoder, embeddings, vocabulary, samples=500, max_length=4, generator=torch.Generator().manual_seed(0)
    )
    for alone, part in zip(certain, together.split(500), strict=True):
        shares = [(rows[:, 1] == vocabulary.ids["dog"]).float().mean().item() for rows in (alone, part)]
        assert shares[0] == pytest.approx(shares[1], abs=0.1)
    firsts = [(rows[:, 1] == vocabulary.ids["dog"]).float().mean().item() for rows in certain]
    assert abs(firsts[0] - firsts[1]) > 0.2  # the pictures differ, or the comparison says nothing


def test_the_gradient_is_that_of_the_expected_reward(small):
    """The score-function estimate with the others' mean as baseline, against the exact gradient by enumeration."""
    vocabulary, decoder, embeddings = small
    possible = every_caption(vocabulary, 2)
    worth = torch.arange(len(possible), dtype=torch.float32)
    embedding = embeddings[:1]
    parameter = decoder.output.weight

    words, row_of = log_probabilities(decoder, embedding.expand(len(possible), -1), possible, vocabulary)
    chances = torch.zeros(len(possible)).index_add(0, row_of, words).exp()
    (exact,) = torch.autograd.grad((chances * worth).sum(), parameter)

    samples, rounds = 5, 4000
    drawn = draw(
        decoder,
        embedding.expand(rounds, -1),
        vocabulary,
        samples=samples,
        max_length=2,
        generator=torch.Generator().manual_seed(2),
    )
    rewards = worth[(drawn[:, None] == possible[None]).all(2).int().argmax(1)].reshape(rounds, samples)
    relative = torch.from_numpy(advantages(rewards.numpy())).reshape(-1)
    words, row_of = log_probabilities(decoder, embedding.expand(len(drawn), -1), drawn, vocabulary)
    (estimate,) = torch.autograd.grad((relative[row_of] * words).sum() / len(drawn), parameter)
    assert (estimate - exact).norm() < 0.08 * exact.norm()


def test_wrong_options_say_what_is_wrong():
    with pytest.raises(InputError, match="at least 2 samples"):
        SelfCriticalOptions(samples=1)
    with pytest.raises(InputError, match="cross_entropy"):
        SelfCriticalOptions(cross_entropy=1.0)


def two_stages(store, folder, **self_critical):
    recipe = recipe_from(
        {
            "data": {"pictures": ["shapes"], "limit": 160},
            "encoder": {"name": "efficientnet_lite0"},
            "vocabulary": {"min_count": 1},
            "decoder": {"hidden": 64, "word": 32, "dropout": 0.0},
            "training": {"epochs": 5, "learning_rate": 5e-3, "validation_pictures": 40, "average": 0.9},
            "self_critical": {"pictures": 16} | self_critical,
            "search": {"beam": 1},
        }
    )
    lines = train(recipe, folder, store=store, show=False).metrics
    return lines[:5], lines[5:]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("shapes") / "store"


def test_the_second_stage_raises_the_reward(store, tmp_path):
    first, second = two_stages(store, tmp_path / "run", epochs=4, learning_rate=2e-3, warmup_steps=2)
    assert [line["stage"] for line in first + second] == ["cross_entropy"] * 5 + ["self_critical"] * 4
    assert [line["step"] - first[-1]["step"] for line in second] == [10, 20, 30, 40]
    assert second[-1]["reward"] > 1.15 * second[0]["reward"] > 0
    drawn = drawn_curves((tmp_path / "run" / "curves.svg").read_text())
    assert drawn == expected_curves([*first, *second])
    assert [len(drawn["Loss", name]) for name in ("training", "validation")] == [5, 9]  # the second stage has no loss


def test_the_second_stage_begins_from_the_best_epoch(store, tmp_path):
    first, second = two_stages(store, tmp_path / "run", epochs=1, learning_rate=1e-12)
    best = max(first, key=lambda line: line["cider_d"])
    assert best is not first[-1]  # or the last epoch's weights would pass for the best's
    for figure in ("cider_d", "val_loss", "bleu_4"):
        assert second[0][figure] == pytest.approx(best[figure], rel=1e-6)


def line(epoch, cider_d, stage="cross_entropy"):
    return {"epoch": epoch, "stage": stage, "step": 10 * epoch, "cider_d": cider_d}


class TenSteps:
    """A stage of ten steps an epoch."""

    def __init__(self, name, epochs):
        self.name, self.epochs = name, epochs

    def __len__(self):
        return 10


def test_a_stage_ends_after_its_epochs_or_when_patience_does():
    stages = [TenSteps("cross_entropy", 5), TenSteps("self_critical", 2)]
    rising = [line(n, n) for n in range(1, 6)]
    falling = [line(1, 1.0), line(2, 0.9), line(3, 0.8)]
    patient, impatient = TrainingOptions(), TrainingOptions(patience=2)
    place = current_epoch(rising[:4], stages, impatient)
    assert (place.stage.name, place.epoch, place.stage_step, place.epoch_step) == ("cross_entropy", 4, 0, 40)
    place = current_epoch(falling, stages, impatient)
    assert (place.stage.name, place.epoch, place.stage_step, place.epoch_step) == ("self_critical", 0, 30, 30)
    assert current_epoch(falling[:2], stages, impatient).stage.name == "cross_entropy"
    assert current_epoch(falling, stages, patient).epoch == 3
    second = [*falling, line(4, 0.7, "self_critical")]
    assert current_epoch(second, stages, impatient).epoch == 1
    assert current_epoch([*second, line(5, 0.7, "self_critical")], stages, impatient) is None


def test_the_validation_loss_cannot_choose_among_self_critical_epochs():
    with pytest.raises(InputError, match="best_by"):
        recipe_from({"training": {"best_by": "val_loss"}, "self_critical": {"epochs": 1}})
