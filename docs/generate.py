"""Writes the pages that are made from the code (command line, formats, recipes) and from the cards of models.

    python docs/generate.py            # writes them
    python docs/generate.py --check    # exits with 1 where a page is not up to date

Commands and options come from the program itself, with their help texts; keys and defaults of recipes from the
dataclasses that read them, and their meanings from docs/reference/recipe-options.toml.
"""

import dataclasses
import enum
import inspect
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import typer

from showtell.captioning.output.registry import output_formats
from showtell.cli import app
from showtell.data.captions.registry import caption_formats
from showtell.decoders.registry import decoder_kinds
from showtell.metrics.registry import figure_key, metrics
from showtell.models.bundle import read_bundle
from showtell.models.names import DEFAULT_NAME, SUFFIX, default_model
from showtell.progress import megabytes
from showtell.training import recipe

DOCS = Path(__file__).parent
REFERENCE = DOCS / "reference"
MADE = "<!-- Made by docs/generate.py: change the help texts{}, and run it again. -->"


def main() -> None:
    stale = []
    for name, text in pages().items():
        path = DOCS / name
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv[1:]:
            path.write_text(text)
    if stale and "--check" in sys.argv[1:]:
        sys.exit(f"not up to date: {', '.join(stale)}: run python docs/generate.py")


def pages() -> dict[str, str]:
    """Every page that is made, by its path in docs."""
    return {
        "reference/caption-formats.md": formats(),
        "reference/command-line.md": command_line(),
        "reference/metric-names.md": metric_names(),
        "reference/output-formats.md": output_format_names(),
        "reference/recipes.md": recipes(),
        **{f"models/{path.stem}.md": model_page(path) for path in packaged_models()},
        "models/README.md": models(),
    }


def packaged_models() -> list[Path]:
    """The bundles of the package, the default model first."""
    found = default_model().parent.glob(f"*{SUFFIX}")
    return sorted(found, key=lambda path: (path.stem != DEFAULT_NAME, path.stem))


def model_page(path: Path) -> str:
    """A model's card, as its bundle has it."""
    bundle = read_bundle(path)
    card = re.sub(r"^(#+ )", r"#\1", bundle.parts["README.md"].decode(), flags=re.MULTILINE)
    default = "; it is the default" if path.stem == DEFAULT_NAME else ""
    use = f"`showtell caption photo.jpg --model {path.stem}` uses this model{default}. Its card:"
    return f"# The model {path.stem}\n\n{CARD}\n\n{use}\n\n{card}"


def models() -> str:
    """A table of the models in the package."""
    rows = ["| model | size | words | CIDEr-D on its validation pictures |", "|---|---|---|---|"]
    for path in packaged_models():
        bundle = read_bundle(path)
        default = " (the default)" if path.stem == DEFAULT_NAME else ""
        size, words = megabytes(path.stat().st_size), len(bundle.vocabulary)
        score = f"{100 * bundle.model['scores']['cider_d']:.1f}, {bundle.model['data']['validation']:,} pictures"
        rows.append(f"| [{path.stem}]({path.stem}.md){default} | {size} | {words:,} | {score} |")
    return "\n".join(["# Models in the package", "", CARD, "", MODELS.strip(), "", *rows]) + "\n"


CARD = "<!-- Made by docs/generate.py from the models' own cards. -->"
MODELS = """
Each model carries a card: what it was trained on, its scores, its limits, and the commands that made it. The cards are
shown here as the models have them. The validation pictures of the models differ, so compare models by [the results on
the same pictures](../results/models.md). `showtell models` lists models, and `showtell info MODEL` prints a card.
"""


def formats() -> str:
    """Every caption format that is registered."""
    rows = [f"| `{name}` | {cell(one.help)} |" for name, one in caption_formats().items()]
    table = ["| format | content |", "|---|---|", *rows]
    return (
        "\n".join(["# Caption formats", "", MADE.format(" in data/captions"), "", FORMATS.strip(), "", *table]) + "\n"
    )


def metric_names() -> str:
    """Every metric that is registered."""
    rows = [
        f"| `{name}` | {cell(one.help)} | {'yes' if one.default else ''} | "
        + " ".join(f"`{figure_key(figure)}`" for figure in one.figures)
        + " |"
        for name, one in metrics().items()
    ]
    head = ["# Names of metrics", "", MADE.format(" in metrics"), "", METRICS.strip(), ""]
    return "\n".join([*head, "| metric | what it is | by default | `best_by` |", "|---|---|---|---|", *rows]) + "\n"


FORMATS = """
`--captions` takes a file of any of these formats, or a zip that holds one, and finds out which it is, in this order. A
recipe may name it as `data.format`. To add one, see [add a caption format](../contributing/caption-format.md).
"""
METRICS = """
`showtell score --metrics` takes these names; [metrics](../explanation/metrics.md) says how they are computed.
`training.best_by` of a recipe takes the names of the last column. To add one, see
[add a metric](../contributing/metric.md).
"""


def output_format_names() -> str:
    """Every output format of captions."""
    lines = [
        "# Output formats",
        "",
        MADE.format(" in the format's own file"),
        "",
        "What `showtell caption --format` writes. To add one, see",
        "[add an output format](../contributing/output-format.md).",
        "",
        "| `--format` | what is written | attention maps | in pieces | `showtell alt-text` |",
        "|---|---|---|---|---|",
    ]
    for name, one in output_formats().items():
        marks = ("yes" if mark else "no" for mark in (one.attention, not one.pictures, one.table))
        lines.append(f"| `{name}` | {cell(one.help)} | {' | '.join(marks)} |")
    return "\n".join(lines) + "\n"


def command_line() -> str:
    """Every command and option of `showtell`."""
    program = typer.main.get_command(app)
    commands = dict(leaves("showtell", program))
    for command in commands.values():
        command.complete_help()
    lines = [
        "# Command line",
        "",
        MADE.format(""),
        "",
        *options_of(program),
        "",
        "| command | what it does |",
        "|---|---|",
    ]
    for name, command in commands.items():
        lines.append(f"| [`{name}`](#{name.replace(' ', '-')}) | {cell(first_line(command.help))} |")
    for name, command in commands.items():
        arguments = [argument_of(one) for one in command.params if one.param_type_name == "argument"]
        lines += ["", f"## {name}", "", "```text", " ".join([name, "[OPTIONS]", *arguments]), "```", ""]
        for part in shown(command.help).split("\n\n"):
            example = part.startswith("    ")
            lines += ["```", inspect.cleandoc(part), "```", ""] if example else [" ".join(part.split()), ""]
        lines += options_of(command)
    return "\n".join(lines) + "\n"


def leaves(name: str, command: Any) -> list[tuple[str, Any]]:
    """The commands that do something, by what is typed for them."""
    below = getattr(command, "commands", {})
    if not below:
        return [(name, command)]
    return [leaf for key in sorted(below) for leaf in leaves(f"{name} {key}", below[key])]


def options_of(command: Any) -> list[str]:
    """A table of a command's arguments and options, in the order of its help."""
    panels: dict[str | None, list[str]] = {None: []}
    for one in command.params:
        if one.name in ("help", "install_completion", "show_completion"):
            continue
        names = argument_of(one) if one.param_type_name == "argument" else named(one)
        row = f"| {names} | {cell(one.help)} | {cell(default_of(one))} |"
        panels.setdefault(getattr(one, "rich_help_panel", None), []).append(row)
    lines: list[str] = []
    for panel, rows in panels.items():
        if rows:
            lines += ["", f"**{panel}**", ""] if panel else []
            lines += ["| option | what it does | default |", "|---|---|---|", *rows]
    return lines


def argument_of(argument: Any) -> str:
    return (argument.metavar or argument.name.upper()) + (
        "..." if argument.nargs == -1 and not argument.metavar else ""
    )


def named(option: Any) -> str:
    """`--beam N`: an option's names, and what is written after it."""
    value = f" {option.metavar}" if option.metavar and not option.is_flag else ""
    return ", ".join(f"`{name}{value}`" for name in sorted(option.opts, reverse=True)).replace("|", "\\|")


def default_of(option: Any) -> str:
    """The default as people read it; nothing where there is none to speak of."""
    if option.param_type_name == "argument" and option.required:
        return "required"
    if isinstance(option.show_default, str):
        return option.show_default
    value = option.default
    if value is None or value is False or not option.show_default or callable(value):
        return ""
    return str(value.value if isinstance(value, enum.Enum) else value)


def recipes() -> str:
    """Every table and key of a recipe."""
    meanings = tomllib.loads((REFERENCE / "recipe-options.toml").read_text())
    tables = {name: fields_of(cls) for name, cls in recipe._TABLES.items()}
    kinds = {name: fields_of(kind.options) for name, kind in decoder_kinds().items()}
    tables["decoder"] = {key: default for fields in kinds.values() for key, default in fields.items()}
    check({f"{table}.{key}" for table, fields in tables.items() for key in fields}, meanings)
    lines = ["# Recipes", "", MADE.format(" and recipe-options.toml"), "", HEAD.strip()]
    for table, fields in tables.items():
        if table == "decoder":
            continue
        lines += ["", f"## {table}", "", f"| key of `[{table}]` | what it does | default |", "|---|---|---|"]
        lines += [f"| `{key}` | {cell(meanings[table][key])} | {default} |" for key, default in fields.items()]
        if table == "vocabulary":
            lines += ["", "## decoder", "", DECODER.strip(), "", "| kind | what it is |", "|---|---|"]
            lines += [f"| `{name}` | {cell(kind.help)} |" for name, kind in decoder_kinds().items()]
            lines += ["", "The other keys, with the default of each kind that has them:", ""]
            lines += ["| option | " + " | ".join(f"`{kind}`" for kind in kinds) + " |", "|---" * (1 + len(kinds)) + "|"]
            for key in tables["decoder"]:
                row = [fields.get(key, "") for fields in kinds.values()]
                lines.append(f"| `{key}`: {cell(meanings['decoder'][key])} | " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


HEAD = """
A recipe is a TOML file with `name` and the tables below; every table and key has a default. [Write a
recipe](../guide/recipe.md) shows how. `showtell train --set TABLE.KEY=VALUE` changes a key.
"""
DECODER = """
`kind` in `[decoder]` chooses the [decoder](../guide/recipe.md#choose-a-decoder) (default: `show_and_tell`).
"""


def fields_of(cls: type) -> dict[str, str]:
    """A dataclass's fields with their defaults as TOML writes them."""
    found = {}
    for one in dataclasses.fields(cls):
        made = one.default_factory() if one.default is dataclasses.MISSING else one.default
        found[one.name] = toml(made)
    return found


def toml(value: Any) -> str:
    if value in ("", (), {}):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{one}"' for one in value) + "]`"
    return str(value)


def check(keys: set[str], meanings: dict[str, dict[str, str]]) -> None:
    """Every key has a meaning, and every meaning a key."""
    written = {f"{table}.{key}" for table, fields in meanings.items() for key in fields}
    if keys != written:
        lacking, extra = ", ".join(sorted(keys - written)), ", ".join(sorted(written - keys))
        sys.exit(f"recipe-options.toml: no meaning of {lacking or 'nothing'}; meanings of no key: {extra or 'none'}")


def first_line(text: str | None) -> str:
    return shown(text).partition("\n\n")[0]


def shown(text: str | None) -> str:
    return inspect.cleandoc(text or "").partition("\f")[0]


def cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    main()
