"""What captions without pictures bring, and by which way: the table of docs/results/text-only.md.

    python benchmarks/text_only.py RECIPE --root DATA --store STORE [--seeds 1 2 3] [--out runs/text-only]

Trains the decoder of RECIPE from the start on its frozen encoder, three ways, with as many updates each:

    none    every update on captions with pictures
    mean    every second update on captions without pictures, all with the mean embedding of the training pictures: the
            decoder learns their language and nothing of what pictures look like
    moved   every second update on captions without pictures, each with the embedding of a random training picture moved
            to where its words point (`showtell.training.text_only`)

A finished run is not trained again. The scores are those of the last epoch on all validation pictures.
"""

import argparse
import json
import statistics
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from showtell.config import read_tables
from showtell.training import recipe_from, train
from showtell.training.text_only import TextOnly

WAYS = ("none", "mean", "moved")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--root", type=Path, required=True, help="folder of the recipe's paths")
    parser.add_argument("--store", type=Path, required=True, help="embedding store of the recipe's encoder")
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2, 3])
    parser.add_argument("--updates", type=int, default=600, help="updates of each run (default: 600)")
    parser.add_argument("--out", type=Path, default=Path("runs/text-only"))
    parser.add_argument("--page", type=Path, help="a Markdown page to put the table into")
    args = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for seed in args.seeds:
        for way in WAYS:
            found[way].append(scores(args, way, seed))
            print(way, seed, found[way][-1], flush=True)
    table = as_table(found, args.updates)
    print(table)
    if args.page:
        begin, end = "<!-- table: benchmarks/text_only.py -->", "<!-- end of table -->"
        before, after = args.page.read_text().split(begin)[0], args.page.read_text().split(end)[1]
        args.page.write_text(f"{before}{begin}\n\n{table}\n{end}{after}")


def scores(args: argparse.Namespace, way: str, seed: int) -> dict[str, float]:
    """Train one way with one seed, or read what it became: CIDEr-D x 100 of each set of pictures."""
    folder = args.out / f"{way}-{seed}"
    metrics = folder / "metrics.jsonl"
    if not metrics.exists() or sum(1 for _ in metrics.open()) < 2:
        values = read_tables(args.recipe)
        values.pop("self_critical", None)
        text = values.pop("text")
        if way != "none":
            values["text"] = {**text, "share": 1.0}
        half = args.updates // (2 if way == "none" else 4)
        values["name"] = "text-only"
        values["training"] |= {"from_model": "", "epochs": 2, "epoch_steps": half, "learning_rate": 1.4e-3}
        values["training"] |= {"warmup_steps": args.updates // 6, "best_by": "last", "seed": seed}
        with mock.patch.object(TextOnly, "embeddings", mean_embeddings if way == "mean" else TextOnly.embeddings):
            train(recipe_from(values), folder, root=args.root, store=args.store, say=print)
    last = json.loads(metrics.read_text().splitlines()[-1])
    each = {name: 100 * of["cider_d"] for name, of in last["sources"].items()}
    return {"all": 100 * last["cider_d"], **each}


def mean_embeddings(self: TextOnly, groups: np.ndarray, seed: int) -> torch.Tensor:
    """The mean embedding of the training pictures for every caption."""
    if not hasattr(self, "mean"):
        self.mean = sum(self.store.take(self.rows[i : i + 256]).sum(0) for i in range(0, len(self.rows), 256))
        self.mean = (self.mean / len(self.rows)).astype(np.float32)
    return torch.from_numpy(np.repeat(self.mean[None], len(groups), axis=0))


def as_table(found: dict[str, list[dict[str, float]]], updates: int) -> str:
    """Means over the seeds, and the least and the greatest, as Markdown."""
    sets = list(next(iter(found.values()))[0])
    rows = [f"| {updates} updates | {' | '.join(sets)} |", "|---" * (1 + len(sets)) + "|"]
    for way, runs in found.items():
        cells = [[run[name] for run in runs] for name in sets]
        texts = [f"{statistics.mean(values):.1f} ({min(values):.1f} to {max(values):.1f})" for values in cells]
        rows.append(f"| {way} | {' | '.join(texts)} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    main()
