"""Spatial relations: what decoders over a grid say of shapes in relation, and what one over a pooled embedding says.

    python benchmarks/relations.py --out runs/relations [--seeds 3] [--only NAME]

trains each row's decoder on the built-in data set `shapes-relations`. Of its unseen pictures it prints the share
described exactly right, by relation, and the share whose shapes are named right whatever is said of their places: means
over the seeds, and the standard deviation of the first. Rows share the embeddings of their encoder. Runs are stored and
resumed, so the table can be made again in seconds, and `--only` does some rows now and others later.
"""

import argparse
import re
import statistics
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from showtell import Captioner
from showtell.config import change
from showtell.data.synthetic.relations import ABOVE, BETWEEN, LEFT, ShapesRelations, parse
from showtell.training import Recipe, recipe_from, train
from showtell.training.synthetic_recipes import drawn_tables

POOLED = {
    "encoder.output": "pooled",
    "decoder": {"hidden": 256, "word": 64, "picture": "every_step", "dropout": 0.2},
}
ROWS: dict[str, dict[str, Any]] = {
    "pooled, last layer, show_and_tell": POOLED | {"encoder.name": "efficientnet_lite0"},
    "pooled, block_11, show_and_tell": POOLED,
    "grid, last layer, attention": {"encoder.name": "efficientnet_lite0"},
    "grid, block_11, attention": {},
    "grid, block_11, transformer": {
        "decoder": {"kind": "transformer", "hidden": 128, "layers": 2, "heads": 4, "feed_forward": 256, "dropout": 0.1},
        "training.epochs": 20,
    },
}
"""What each row changes in the recipe of `showtell train --data shapes-relations`."""


def main() -> None:
    """Train what is not trained yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/relations"), help="folder of the runs")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each row")
    parser.add_argument("--only", action="append", help="rows whose name has this in it; may be given again")
    arguments = parser.parse_args()
    data = ShapesRelations()
    print(f"| | exactly right | {LEFT} | {ABOVE} | {BETWEEN} | shapes right |\n|---|---|---|---|---|---|", flush=True)
    for name in ROWS:
        if not arguments.only or any(part in name for part in arguments.only):
            models = [model(name, seed, arguments.out) for seed in range(arguments.seeds)]
            found = [shares(captions_of(bundle, data), data) for bundle in models]
            print(f"| {name} | {' | '.join(cells(found))} |", flush=True)


def model(row: str, seed: int, out: Path) -> Path:
    """The bundle of a row's training with a seed."""
    recipe = recipe_of(row, seed)
    store, run = (re.sub(r"\W+", "-", name) for name in (f"store {recipe.encoder.name} {recipe.encoder.output}", row))
    return train(recipe, out / f"{run}-{seed}", store=out / store).bundle


def recipe_of(row: str, seed: int) -> Recipe:
    """The built-in recipe with a row's changes."""
    tables = drawn_tables("shapes-relations")
    for key, value in {**ROWS[row], "training.seed": seed}.items():
        change(tables, key, value)
    return recipe_from(tables)


def captions_of(bundle: Path, data: ShapesRelations) -> dict[str, str]:
    """What a model says of the validation pictures."""
    unseen = {name for name in data.names() if name.startswith("val-")}
    results = Captioner(bundle).caption_stream(data.read(skip=set(data.names()) - unseen))
    return {result.name: result.caption.text if result.caption else "" for result in results}


def shares(captions: Mapping[str, str], data: ShapesRelations) -> list[float]:
    """Of pictures: exactly right, of each relation exactly right, and with the right shapes."""
    pictures, right, shapes = Counter[str](), Counter[str](), 0
    for name, caption in captions.items():
        scene, said = data.scene(name), parse(caption)
        pictures[scene.relation] += 1
        right[scene.relation] += said == scene
        shapes += said is not None and sorted(said.things) == sorted(scene.things)
    of_each = [right[relation] / pictures[relation] for relation in (LEFT, ABOVE, BETWEEN)]
    return [right.total() / pictures.total(), *of_each, shapes / pictures.total()]


def cells(found: list[list[float]]) -> list[str]:
    """The seeds' shares as a row of the table."""
    first, *others = (f"{statistics.mean(of_seeds):.1%}" for of_seeds in zip(*found, strict=True))
    spread = f" ± {100 * statistics.stdev(share for share, *_ in found):.1f}" if len(found) > 1 else ""
    return [first + spread, *others]


if __name__ == "__main__":
    main()
