"""A team of processes against one worker: the same steps and masks, and checkpoints that move between them."""

import json
import os

import pytest
import torch
from torch import distributed, nn

from forked import run
from showtell.decoders.lstm import Packing
from showtell.errors import InputError
from showtell.training import train
from showtell.training.checkpoint import load_checkpoint
from showtell.training.distributed import WorkerGroup
from showtell.training.dropout import DropoutMasks
from small_runs import furthest, last, recipe, trained


def join(rank, size, meeting, work, *arguments):
    """Be one of a team that does `work`."""
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)
    work(WorkerGroup(rank, size), *arguments)
    distributed.destroy_process_group()


def together(size, meeting, work, *arguments):
    """Do `work(group, *arguments)` in as many processes."""
    processes = [run(join, rank, size, meeting, work, *arguments) for rank in range(size)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * size


def all_runs(group, data, folder, runs):
    """Several runs by one group, whose beginning takes longer than they do; the leader keeps their losses."""
    for name, chosen, stop in runs:
        losses = trained(data, folder / name, chosen, group, stop)
        if group.is_main:
            (folder / f"{name}.json").write_text(json.dumps(losses))


LITTLE = {"epoch_steps": 0, "batch_size": 191, "epochs": 2}
"""192 captions in a batch of 191 and one of a single row, which one of two workers has none of."""


@pytest.fixture(scope="module")
def of_two(small_data, tmp_path_factory):
    """What a team of two has made; all that is compared by its weights is broken off, to save what comes after."""
    folder = tmp_path_factory.mktemp("team")
    trained(small_data, folder / "taken-over", recipe(), stop=60)
    runs = [
        ("whole", recipe(), 100),
        ("left", recipe(), 60),
        ("taken-over", recipe(), 0),
        ("single-row", recipe(**LITTLE), 4),
        ("self-critical", recipe(dropout=0.0, self_critical=1, **LITTLE | {"epochs": 1}), 4),
    ]
    together(2, folder / "meeting", all_runs, small_data, folder, runs)
    return folder


@pytest.fixture(scope="module")
def one(small_data, tmp_path_factory):
    """The folder and the losses of one worker's whole run."""
    folder = tmp_path_factory.mktemp("one")
    return folder, trained(small_data, folder, recipe(), stop=100)


def test_two_workers_have_the_loss_curve_of_one_over_a_hundred_steps_dropout_included(of_two, one):
    losses = json.loads((of_two / "whole.json").read_text())
    assert len(losses) == 100
    assert losses == pytest.approx(one[1], abs=1e-4)
    assert losses[0] > losses[-1] + 0.3
    assert furthest(last(of_two / "whole"), last(one[0])) < 1e-3


def test_a_checkpoint_of_two_workers_is_gone_on_with_by_one(small_data, of_two, one):
    losses = trained(small_data, of_two / "left", recipe())
    assert losses == pytest.approx(one[1][60:], abs=1e-4)
    assert (of_two / "left" / "model.showtell").exists()


def test_a_checkpoint_of_one_worker_is_gone_on_with_by_two(of_two, one):
    assert json.loads((of_two / "taken-over.json").read_text()) == pytest.approx(one[1][60:], abs=1e-4)
    assert (of_two / "taken-over" / "model.showtell").exists()


def test_a_worker_without_a_row_of_a_batch_changes_nothing(small_data, of_two, tmp_path):
    expected = trained(small_data, tmp_path, recipe(**LITTLE), stop=4)
    assert json.loads((of_two / "single-row.json").read_text()) == pytest.approx(expected, abs=1e-4)
    assert furthest(last(of_two / "single-row"), last(tmp_path)) < 1e-4


def test_self_critical_training_takes_all_its_steps_and_all_workers_rows(of_two):
    state = load_checkpoint(of_two / "self-critical" / "checkpoints" / "last.safetensors").state
    assert (state["step"], state["metrics"][0]["stage"], state["weight"]) == (4, "cross_entropy", 48 * 2)
    assert state["sums"]["reward"] > 0


def gradients(group, folder):
    """The gradient of a mean over five rows of unlike many words, of which three workers have two, two and one."""
    torch.manual_seed(0)
    weights, rows, counts = torch.nn.Parameter(torch.randn(4)), torch.randn(5, 4), torch.tensor([1, 2, 3, 4, 5])

    def of(rows, counts):
        losses = (rows @ weights).tanh()
        return (losses * counts).sum() / counts.sum(), int(counts.sum())

    shard = group.shard(5)
    shard.share_of_mean(*of(rows[shard.rows], counts[shard.rows])).backward()
    group.all_reduce([weights.grad])
    found = weights.grad.clone()
    weights.grad = None
    of(rows, counts)[0].backward()
    assert torch.allclose(found, weights.grad, rtol=1e-6, atol=1e-7)
    assert shard.totals([len(shard), 0.5]) == [5, 1.5]
    lonely = group.shard(1)
    assert (len(lonely), lonely.counts) == (1, group.is_main)
    assert lonely.share_of_mean(torch.tensor(2.0), 7).item() == (2.0 if group.is_main else 0.0)
    assert lonely.totals([1.0]) == [1.0]
    assert group.broadcast_object({"ids": [group.rank], "loss": 0.1} if group.is_main else None) == {
        "ids": [0],
        "loss": 0.1,
    }
    own = [torch.full((2, 3), float(group.rank)), torch.tensor(group.rank)]
    group.broadcast(own)
    assert [tensor.sum().item() for tensor in own] == [0, 0]


def test_parts_add_up_to_the_whole(tmp_path):
    together(3, tmp_path / "meeting", gradients, tmp_path)


LENGTHS = torch.tensor([3, 1, 4, 4, 2, 3, 1])


def dropped_by_parts(given, rows_of):
    """Dropout of three workers' parts, put together; `rows_of` a part are its rows of `given`, as rows may lie."""
    model = nn.Sequential(nn.Identity(), nn.Sequential(nn.Dropout(0.4)))
    masks, found = DropoutMasks(model), torch.empty_like(given)
    for rank in range(3):
        shard = WorkerGroup(rank, 3).shard(len(LENGTHS))
        mine = rows_of(shard)
        masks.share(shard, LENGTHS)
        torch.manual_seed(3)
        found[mine] = model(torch.empty_like(given[mine]).copy_(given[mine]))
        assert torch.equal(model.eval()(given), given)
        model.train()
    return found


@pytest.mark.parametrize("shape", [(7, 3, 5), (7, 1, 5), (7, 4)])
@pytest.mark.parametrize("turned", [False, True])
def test_masks_of_parts_are_those_of_the_whole_batch(shape, turned):
    """Also where rows are not what lies together in memory."""
    given = torch.rand(shape) + 1
    given = given.transpose(0, 1).contiguous().transpose(0, 1) if turned else given
    torch.manual_seed(3)
    expected = nn.Dropout(0.4)(given)

    def rows_of(shard):
        return shard.rows

    assert torch.equal(dropped_by_parts(given, rows_of), expected)


def test_masks_of_words_are_those_of_the_whole_batch():
    packing = Packing.of(LENGTHS, 4)
    given = torch.rand(len(packing.rows), 5) + 1
    torch.manual_seed(3)
    expected = nn.Dropout(0.4)(given)

    def rows_of(shard):
        own = Packing.of(LENGTHS[shard.rows], 4)  # the words of a part in the order in which a decoder has them
        places = {
            (int(row), int(step)): i for i, (row, step) in enumerate(zip(packing.rows, packing.steps, strict=True))
        }
        captions = range(shard.of)[shard.rows]
        return [places[captions[int(row)], int(step)] for row, step in zip(own.rows, own.steps, strict=True)]

    assert torch.equal(dropped_by_parts(given, rows_of), expected)


def test_where_lengths_are_not_known_dropout_is_as_ever():
    model = nn.Sequential(nn.Dropout(0.4))
    masks, given = DropoutMasks(model), torch.rand(6, 5) + 1
    masks.share(WorkerGroup(0, 2).shard(6), LENGTHS[:6])
    masks.share(WorkerGroup(0, 2).shard(6), None)
    torch.manual_seed(3)
    expected = nn.Dropout(0.4)(given)
    torch.manual_seed(3)
    assert torch.equal(model(given), expected)


def test_a_team_is_refused_what_it_cannot_do(small_data, tmp_path):
    with pytest.raises(InputError, match="a recipe with fine_tune trains the encoder, which several workers cannot do"):
        train(recipe(fine_tune=1), tmp_path / "run", root=small_data, group=WorkerGroup(0, 2), show=False)
    assert not (tmp_path / "run").exists()
