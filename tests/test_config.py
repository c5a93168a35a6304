"""TOML tables become options; misspelt keys and values of another type are reported."""

from dataclasses import dataclass

import pytest

from showtell.config import assign, fill, read_tables, table_of
from showtell.errors import InputError


@dataclass(frozen=True)
class Options:
    count: int = 1
    rate: float = 0.5
    name: str = "x"
    parts: tuple[str, ...] = ()


def test_values_take_the_place_of_defaults():
    assert fill("t", Options, {"count": 2, "rate": 1, "parts": ["a"]}) == Options(2, 1.0, "x", ("a",))
    assert fill("t", Options, {"parts": "a"}).parts == ("a",)
    assert isinstance(fill("t", Options, {"rate": 1}).rate, float)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"cuont": 2}, r"\[t\] has no key 'cuont' \(did you mean 'count'\?\): it has count, rate"),
        ({"count": "2"}, "count must be of type int, not '2'"),
        ({"count": True}, "count must be of type int, not True"),
        ({"rate": True}, "rate must be of type float"),
        ({"parts": 3}, "parts must be a list"),
    ],
)
def test_what_does_not_fit_is_told(table, said):
    with pytest.raises(InputError, match=said):
        fill("t", Options, table)


def test_assignments_reach_tables_inside_tables():
    tables = {"data": {"format": "auto"}}
    assign(tables, ["data.split_lists.train=t.txt", "training.epochs = 3", "encoder.resize=pad", "name='x'"])
    assert tables == {
        "data": {"format": "auto", "split_lists": {"train": "t.txt"}},
        "training": {"epochs": 3},
        "encoder": {"resize": "pad"},
        "name": "x",
    }
    with pytest.raises(InputError, match=r"write it as table\.key=value"):
        assign(tables, ["data.format"])
    with pytest.raises(InputError, match="format must be a table"):
        assign(tables, ["data.format.x=1"])


def test_assignments_reach_every_one_of_several_tables():
    tables = {"data": [{"name": "a"}, {"name": "b", "split_lists": {"train": "t.txt"}}]}
    assign(tables, ["data.limit=5", "data.split_lists.val=v.txt"])
    assert tables == {
        "data": [
            {"name": "a", "limit": 5, "split_lists": {"val": "v.txt"}},
            {"name": "b", "limit": 5, "split_lists": {"train": "t.txt", "val": "v.txt"}},
        ]
    }


@pytest.mark.parametrize("key", ["name", "pictures", "captions", "validation_captions"])
def test_what_tells_several_tables_apart_is_not_set_in_all_of_them(key):
    with pytest.raises(InputError, match=rf"data\.{key}: each \[\[data\]\] of the recipe has its own: change it there"):
        assign({"data": [{"name": "a"}, {"name": "b"}]}, [f"data.{key}=x"])
    with pytest.raises(InputError, match="data must be a table"):
        assign({"data": [1, 2]}, [f"data.{key}=x"])


def test_a_file_that_is_no_toml_is_named(tmp_path):
    (tmp_path / "r.toml").write_text("a = [")
    with pytest.raises(InputError, match=r"r\.toml: not TOML"):
        read_tables(tmp_path / "r.toml")
    with pytest.raises(InputError, match=r"none\.toml: cannot be read"):
        read_tables(tmp_path / "none.toml")
    with pytest.raises(InputError, match="data must be a table"):
        table_of({"data": 3}, "data")
