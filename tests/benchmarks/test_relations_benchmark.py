"""The table of who tells where shapes stand: rows that are recipes, and shares that count what is right."""

import runpy

import pytest

from repository import ROOT
from showtell.data.synthetic.relations import BETWEEN, RelationOptions, ShapesRelations
from showtell.training import recipe_from
from showtell.training.synthetic_recipes import drawn_tables

SCRIPT = runpy.run_path(str(ROOT / "benchmarks" / "relations.py"))


def test_rows_are_recipes_that_differ_and_one_is_the_built_in_recipe():
    recipes = [SCRIPT["recipe_of"](row, 0) for row in SCRIPT["ROWS"]]
    assert len({str(recipe) for recipe in recipes}) == len(recipes)
    assert recipe_from(drawn_tables("shapes-relations")) in recipes


def test_shares_count_what_is_right_and_what_is_at_least_named_right():
    data = ShapesRelations(RelationOptions(train_pictures=1, val_pictures=9))
    captions = {name: data.captions().captions[name][0] for name in data.names() if name.startswith("val-")}
    assert SCRIPT["shares"](captions, data) == [1, 1, 1, 1, 1]
    opposite = {"left": "right", "right": "left", "above": "below", "below": "above", "over": "under", "under": "over"}
    wrong = {name: " ".join(opposite.get(word, word) for word in caption.split()) for name, caption in captions.items()}
    assert SCRIPT["shares"](wrong, data) == [3 / 9, 0, 0, 1, 1]
    nothing = {name: "" if data.scene(name).relation == BETWEEN else caption for name, caption in captions.items()}
    assert SCRIPT["shares"](nothing, data) == [6 / 9, 1, 1, 0, 6 / 9]


def test_a_row_has_the_means_of_its_seeds_and_the_spread_of_the_first():
    one, other = [0.9, 0.8, 1.0, 0.9, 1.0], [1.0, 1.0, 1.0, 1.0, 1.0]
    assert SCRIPT["cells"]([one]) == ["90.0%", "80.0%", "100.0%", "90.0%", "100.0%"]
    assert SCRIPT["cells"]([one, other]) == ["95.0% ± 7.1", "90.0%", "100.0%", "95.0%", "100.0%"]


@pytest.mark.parametrize("row", SCRIPT["ROWS"])
def test_rows_over_a_grid_look_at_it(row):
    recipe = SCRIPT["recipe_of"](row, 3)
    assert recipe.training.seed == 3
    assert row.startswith(recipe.encoder.output)
    assert row.endswith(recipe.decoder_kind)
    assert ("block_11" in row) == recipe.encoder.name.endswith("block_11")
