"""What does each part of a recipe bring? Trains it again without, with several seeds, and writes a page of the scores.

    python benchmarks/ablations.py --root DATA [--seeds 3] [--only NAME] [--page docs/results/ablations.md]

The rows are defined in `benchmarks/ablations.toml`. Runs are stored: a finished run is not trained again, and a stopped
command resumes. Each run is a full training, so the whole table takes hours on two cores. `--only` (part of a row's
name, may be repeated) does some rows now and others later; the page has the rows that are done.
"""

import argparse
import dataclasses
import statistics
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from showtell import Captioner
from showtell.config import change, read_tables
from showtell.data.examples import load_examples
from showtell.embeddings.store import EmbeddingStore
from showtell.files import read_json, write_bytes, write_json
from showtell.post_training.search_tuning import try_searches
from showtell.training import Recipe, recipe_from, train

ROWS = Path(__file__).with_suffix(".toml")
BASE = "the recipe"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: the base recipe with changed keys, or its models with another search."""

    name: str
    set: dict[str, Any] = field(default_factory=dict)
    recipe: str = ""
    search: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """BLEU-4 and CIDEr-D x 100 of each seed's exported epoch."""

    bleu_4: list[float]
    cider_d: list[float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(), help="what the recipes' paths are relative to")
    parser.add_argument("--runs", type=Path, default=Path("runs/ablations"), help="where the runs are kept")
    parser.add_argument("--rows", type=Path, default=ROWS, help="the TOML file with the rows")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", action="append", help="rows whose name has this in it, and the recipe itself")
    parser.add_argument("--page", type=Path, help="write the table here, as Markdown")
    args = parser.parse_args()
    tables = tomllib.loads(args.rows.read_text())
    rows = [Row(BASE), *(Row(**row) for row in tables["rows"])]
    kept = args.runs / "results.json"
    results = {name: Result(**found) for name, found in (read_json(kept) if kept.exists() else {}).items()}
    for row in rows:
        if row.name == BASE or not args.only or any(part in row.name for part in args.only):
            results[row.name] = measure(row, tables["base"], args)
            write_json(kept, {name: dataclasses.asdict(found) for name, found in results.items()})
    table = as_table([row for row in rows if row.name in results], results)
    print(table)
    if args.page:
        missing = [row.name for row in rows if row.name not in results]
        write_bytes(args.page, as_page(table, tables["base"], args.seeds, missing).encode())


def measure(row: Row, base: str, args: argparse.Namespace) -> Result:
    """Train, or find trained, every seed of a row."""
    found = Result([], [])
    for seed in range(1, args.seeds + 1):
        recipe = recipe_of(Row(BASE) if row.search else row, base, seed)
        store = args.runs / f"store-{recipe.encoder.name}-{recipe.encoder.output}-{recipe.encoder.resize}"
        folder = args.runs / (BASE if row.search else row.name).replace("/", "-") / f"seed-{seed}"
        print(f"{row.name}, seed {seed}", flush=True)
        run = train(recipe, folder, root=args.root, store=store, say=lambda line: print(f"  {line}", flush=True))
        bleu_4, cider_d = run.best["bleu_4"], run.best["cider_d"]
        if row.search:
            bleu_4, cider_d = searched(run.bundle, recipe, store, args.root, row.search)
        found.bleu_4.append(100 * bleu_4)
        found.cider_d.append(100 * cider_d)
    return found


def recipe_of(row: Row, base: str, seed: int) -> Recipe:
    """The recipe of a row, for one seed."""
    tables = read_tables(row.recipe or base)
    for key, value in (row.set | {"training.seed": seed}).items():
        change(tables, key, value)
    return recipe_from(tables, row.name)


def searched(bundle: Path, recipe: Recipe, folder: Path, root: Path, search: dict[str, Any]) -> tuple[float, float]:
    """BLEU-4 and CIDEr-D of a model's captions of the validation pictures, found by another search."""
    captioner, store, examples = Captioner(bundle), EmbeddingStore(folder), load_examples(recipe.data, root)
    names = [name for name in examples.validation if name in store.rows]
    embeddings = store.take([store.rows[name] for name in names])
    options = [captioner.generator.search_options(**search)]
    (tried,) = try_searches(
        captioner.generator.decoder, [(names, embeddings)], captioner.bundle.vocabulary, examples.captions, options
    )
    return tried.bleu_4, tried.cider_d


def as_table(rows: list[Row], results: dict[str, Result]) -> str:
    """A Markdown table: mean and sample standard deviation, and how far the mean is from the recipe's own."""
    base = results[BASE]
    lines = [
        "| | BLEU-4 | CIDEr-D | difference in CIDEr-D |",
        "|---|---|---|---|",
    ]
    for row in rows:
        found = results[row.name]
        difference = statistics.mean(found.cider_d) - statistics.mean(base.cider_d)
        far = "" if row.name == BASE else f"{difference:+.1f}"
        lines.append(f"| {row.name} | {spread(found.bleu_4)} | {spread(found.cider_d)} | {far} |")
    return "\n".join(lines)


def spread(values: list[float]) -> str:
    """`52.1 ± 0.4`, or the value alone where there is one."""
    mean = f"{statistics.mean(values):.1f}"
    return f"{mean} ± {statistics.stdev(values):.1f}" if len(values) > 1 else mean


def as_page(table: str, base: str, seeds: int, missing: list[str]) -> str:
    """The page for docs/; `missing` are the rows that were not run."""
    not_run = f"\n\nNot run: {'; '.join(missing)}." if missing else ""
    return f"""# Results: what each part of a recipe brings

Every row is [{base}](../../{base}) with one thing changed (the recipe's own value is in brackets), trained with {seeds}
seeds. The figures are mean and standard deviation of BLEU-4 and CIDEr-D, times 100, on the validation pictures of
Flickr8k. These pictures also chose each run's epoch, so all figures are slightly optimistic, and equally so. A
difference smaller than the spreads is no difference. Rows about search use the recipe's own models.

{table}{not_run}

The recipe is small and short, so that the table can be made on a processor. A larger decoder that is trained for longer
overfits. Dropout, mirrored pictures and the average of the weights counter that, so the differences are others there.
[The package's models](models.md#what-each-stage-brings) has what each stage brings.

Made by `python benchmarks/ablations.py --root DATA --seeds {seeds} --page docs/results/ablations.md`. The rows are
defined in [benchmarks/ablations.toml](../../benchmarks/ablations.toml).
"""


if __name__ == "__main__":
    main()
