"""Who stands where: what decoders over a grid tell of shapes in relation, and what one over a pooled embedding does.

    python benchmarks/relations.py --out runs/relations

trains each decoder on the built-in data set `shapes-relations` and prints, of its unseen pictures, the share that each
describes exactly right, by relation, and the share whose shapes it names right whatever it says of their places. Runs
are kept and gone on with, so the table can be made again in seconds.
"""

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from showtell import Captioner
from showtell.data.shapes_relations import ABOVE, BETWEEN, LEFT, ShapesRelations, parse
from showtell.training import recipe_from, train
from showtell.training.drawn import drawn_tables

DECODERS: dict[str, dict[str, Any]] = {
    "pooled, show_and_tell": {
        "encoder": {"output": "pooled"},
        "decoder": {"kind": "show_and_tell", "hidden": 256, "word": 64, "picture": "every_step", "dropout": 0.2},
    },
    "grid, attention": {},
    "grid, transformer": {
        "decoder": {"kind": "transformer", "hidden": 128, "layers": 2, "heads": 4, "feed_forward": 256, "dropout": 0.1},
    },
}


def main() -> None:
    """Train what is not trained yet, and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", type=Path, default=Path("runs/relations"), help="Folder of the runs.")
    out = arguments.parse_args().out
    print(f"| | exactly right | {LEFT} | {ABOVE} | {BETWEEN} | shapes right |\n|---|---|---|---|---|---|", flush=True)
    for name, changes in DECODERS.items():
        tables = drawn_tables("shapes-relations")
        tables["encoder"] |= changes.get("encoder", {})
        tables["decoder"] = changes.get("decoder", tables["decoder"])
        recipe = recipe_from(tables)
        store = out / f"store-{recipe.encoder.output}"
        result = train(recipe, out / recipe.decoder_kind, store=store)
        print(f"| {name} | {' | '.join(f'{share:.1%}' for share in shares(result.bundle))} |", flush=True)


def shares(model: Path) -> list[float]:
    """Of the validation pictures: exactly right, of each relation exactly right, and with the right shapes."""
    data = ShapesRelations()
    unseen = {name for name in data.names() if name.startswith("val-")}
    pictures, right, shapes = Counter[str](), Counter[str](), 0
    for result in Captioner(model).caption_stream(data.read(skip=set(data.names()) - unseen)):
        scene = data.scene(result.name)
        said = parse(result.caption.text) if result.caption else None
        pictures[scene.relation] += 1
        right[scene.relation] += said == scene
        shapes += said is not None and sorted(said.things) == sorted(scene.things)
    of_each = [right[relation] / pictures[relation] for relation in (LEFT, ABOVE, BETWEEN)]
    return [right.total() / pictures.total(), *of_each, shapes / pictures.total()]


if __name__ == "__main__":
    main()
