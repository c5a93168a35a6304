"""What models score on the validation pictures of each data set of a recipe: CIDEr-D, BLEU-4 and hallucination.

    python benchmarks/data_sets.py recipes/general.toml MODEL.showtell ... --root DATA --join coco=coco,coco-sample

prints a row for each model and data set, with the intervals that hold 95% of bootstrap resamples. `--join` scores
several data sets as one. The other options are those of `showtell caption`.
"""

import argparse
from pathlib import Path
from typing import Any

from showtell.captioning.captioner import Captioner
from showtell.data.captions.caption_set import CaptionSet
from showtell.data.examples import load_examples
from showtell.evaluation import evaluate
from showtell.training.recipe import read_recipe

FIGURES = ("CIDEr-D", "BLEU-4", "hallucinated", "mean_length", "rank_correlation", "confidence_error")


def main() -> None:
    parser = argparse.ArgumentParser(description="Score models on each data set of a recipe.")
    parser.add_argument("recipe")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--root", type=Path, default=Path())
    parser.add_argument("--join", action="append", default=[], help="NAME=FIRST,SECOND: score these as one")
    parser.add_argument("--guide", default="auto", choices=("auto", "off", "always"))
    parser.add_argument("--careful", action="store_true")
    parser.add_argument("--stores", type=Path, help="folder for embedding stores, which later calls use again")
    parser.add_argument("--beam", type=int)
    parser.add_argument("--length-penalty", type=float)
    parser.add_argument("--out", type=Path, help="folder for the evaluations as JSON")
    options = parser.parse_args()
    examples = load_examples(read_recipe(options.recipe).data, options.root)
    groups = {group.name: group.validation for group in examples.groups if group.validation}
    for join in options.join:
        name, _, parts = join.partition("=")
        groups[name] = tuple(picture for part in parts.split(",") for picture in groups.pop(part))
    search: dict[str, Any] = {"beam": options.beam, "length_penalty": options.length_penalty}
    search = {key: value for key, value in search.items() if value is not None}
    print("| model | data set | pictures | CIDEr-D | BLEU-4 | hallucinated | length | rank correlation |")
    print("|---|---|---|---|---|---|---|---|")
    for model in options.models:
        captioner = Captioner(model)
        for name, pictures in groups.items():
            captions = CaptionSet(examples.of(pictures), {}, options.recipe)
            store = options.stores / f"{Path(model).stem}-{name}" if options.stores else None
            found = evaluate(
                captioner,
                examples.source,
                captions,
                store=store,
                guide=options.guide,
                careful=options.careful,
                **search,
            )
            print(row(Path(model).stem, name, found), flush=True)
            if options.out:
                from showtell.evaluation.result import write_evaluation

                options.out.mkdir(parents=True, exist_ok=True)
                write_evaluation(found, options.out / f"{Path(model).stem}-{name}.json")


def row(model: str, name: str, found: Any) -> str:
    def shown(figure: str, times: float = 100) -> str:
        value = found.figures[figure]
        low_high = f" ({times * value.low:.1f} to {times * value.high:.1f})" if value.low is not None else ""
        return f"{times * value.value:.1f}{low_high}"

    cells = [model, name, f"{len(found.pictures):,}", shown("CIDEr-D"), shown("BLEU-4"), shown("hallucinated")]
    cells += [f"{found.figures['mean_length'].value:.1f}", f"{found.figures['rank_correlation'].value:.2f}"]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
