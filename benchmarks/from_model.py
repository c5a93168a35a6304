"""Training from scratch beside training from a model, on few pictures of one's own.

    python benchmarks/from_model.py --data DATA --out runs/from-model
    python benchmarks/from_model.py --data DATA --out runs/from-model --sizes 50 500 --model flickr8k --seeds 3

DATA/coco_more has images.zip and captions.jsonl (JSON lines of image, caption and split). Each size is a subset of its
training split that a hash of the names chooses, so smaller ones lie inside larger ones. Every run is that of
`showtell train --pictures --captions`, with and without `--from-model`, and holds out a tenth of its own to choose its
epoch. The figures are those of the 300 pictures of the split `val`, which no run sees. The model must not
have been trained on them either: the default model was, `flickr8k` was not. The first line is the model as it is.

Written to OUT: a folder for each run, `figures.json`, and `figures.md`.
"""

import argparse
import hashlib
import json
import statistics
from pathlib import Path
from typing import Any

from showtell import evaluate, read_captions
from showtell.data.examples import data_options, load_examples
from showtell.data_check.sizing import sized
from showtell.models.names import find_model
from showtell.training import recipe_from, train
from showtell.training.from_model import with_model

METRICS = ("CIDEr-D", "BLEU-4")


def main() -> None:
    """Train and score what the options name, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/from-model"))
    parser.add_argument("--model", default="flickr8k")
    parser.add_argument("--sizes", type=int, nargs="+", default=[50, 500, 5000])
    parser.add_argument("--seeds", type=int, default=1)
    asked = parser.parse_args()
    source = asked.data / "coco_more"
    records = [json.loads(line) for line in (source / "captions.jsonl").read_text().splitlines()]
    own = sorted((one for one in records if one["split"] == "train"), key=_digest)
    asked.out.mkdir(parents=True, exist_ok=True)
    figures = [{"start": asked.model, "pictures": 0, "seed": 0} | scored(find_model(asked.model), source)]
    for size in asked.sizes:
        chosen = own[:size]
        captions = asked.out / f"captions-{len(chosen)}.jsonl"
        lines = (json.dumps({"image": one["image"], "caption": one["caption"]}) + "\n" for one in chosen)
        captions.write_text("".join(lines))
        for start in ("", asked.model):
            for seed in range(asked.seeds):
                bundle, epochs = trained(source / "images.zip", captions, start, seed, asked.out)
                line = {"start": start, "pictures": len(chosen), "seed": seed, **epochs}
                figures.append(line | scored(bundle, source))
                (asked.out / "figures.json").write_text(json.dumps(figures, indent=1))
    (asked.out / "figures.md").write_text(table(figures))
    print(table(figures))


def trained(pictures: Path, captions: Path, start: str, seed: int, out: Path) -> tuple[Path, dict[str, Any]]:
    """Train as `showtell train` does; the bundle, and how many epochs of how many there were up to the best."""
    tables: dict[str, Any] = {"data": {"pictures": [str(pictures.resolve())], "captions": str(captions.resolve())}}
    tables["training"] = {"seed": seed}
    if start:
        tables = with_model(tables, start, Path())
    tables, notes = sized(tables, load_examples(data_options(tables), Path()))
    folder = out / f"{captions.stem}-{start or 'scratch'}-{seed}"
    print(folder.name, *notes, flush=True)
    store = out / f"embeddings-{start or 'scratch'}"
    result = train(recipe_from(tables), folder, store=store, say=lambda line: print(line, flush=True))
    return result.bundle, {"best": result.best["epoch"], "epochs": len(result.metrics)}


def scored(bundle: Path, source: Path) -> dict[str, float]:
    """The figures of a model on the pictures that no run sees."""
    captions = read_captions(source / "captions.jsonl", split_column="split")
    result = evaluate(bundle, source / "images.zip", captions.only("val"), show=False)
    return {name: result.figures[name].value for name in METRICS}


def table(figures: list[dict[str, Any]]) -> str:
    """The figures as Markdown: the mean over seeds, and the smallest and largest."""
    lines = ["| pictures | from scratch | from the model |", "|---|---|---|"]
    before = figures[0]
    for size in sorted({one["pictures"] for one in figures} - {0}):
        cells = [
            _cell([one["CIDEr-D"] for one in figures if one["pictures"] == size and one["start"] == start])
            for start in ("", before["start"])
        ]
        lines.append(f"| {size:,} | {' | '.join(cells)} |")
    lines += ["", f"CIDEr-D on {before['start']} as it is: {100 * before['CIDEr-D']:.1f}", ""]
    return "\n".join(lines)


def _cell(values: list[float]) -> str:
    if not values:
        return ""
    mean = f"{100 * statistics.mean(values):.1f}"
    return mean if len(values) == 1 else f"{mean} ({100 * min(values):.1f} to {100 * max(values):.1f})"


def _digest(record: dict[str, Any]) -> str:
    return hashlib.sha256(record["image"].encode()).hexdigest()


if __name__ == "__main__":
    main()
