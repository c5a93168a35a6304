"""`showtell info`: what a model is, what it was trained on, how good it is and what it cannot do."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from showtell.models.names import DEFAULT_NAME

if TYPE_CHECKING:
    from showtell.models.bundle import Bundle


def info(
    model: Annotated[
        Path | None,
        typer.Argument(
            help="Model bundle: a file, or a name of `showtell models`.", metavar="MODEL", show_default=DEFAULT_NAME
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the model's whole description as JSON.")] = False,
) -> None:
    """Say what a model is: its data, license, scores, words, networks, settings and limits.

    Examples:

        showtell info
        showtell info runs/mine/model.showtell
        showtell info flickr8k --json
    """
    from showtell.models.bundle import read_bundle
    from showtell.models.names import default_model, find_model

    path = find_model(model) if model else default_model()
    bundle = read_bundle(path)
    if as_json:
        print(json.dumps(bundle.model, indent=1, ensure_ascii=False))
        return
    _print(facts_of(bundle, path))


def facts_of(bundle: "Bundle", path: Path) -> list[tuple[str, str]]:
    """The facts about a model, each with its heading."""
    from showtell.captioning.confidence.calibration import calibration_of
    from showtell.captioning.tags.tagger import tagger_of
    from showtell.progress import megabytes, plural

    model = bundle.model
    card, data, scores, encoder = model["card"], model["data"], model["scores"], model["encoder"]
    files = [one for one in path.rglob("*") if one.is_file()] if path.is_dir() else [path]
    tagger = tagger_of(bundle)
    facts = [
        ("model", bundle.name + (f": {card['title']}" if card["title"] else "")),
        ("file", f"{path}, {megabytes(sum(one.stat().st_size for one in files))}"),
        ("license", card["licence"] or "not stated by who trained it"),
        ("trained on", f"{card['data'] or 'data of the user'} ({_counted(data)})"),
        ("scores", _scores(scores, data)),
        ("words", plural(len(bundle.vocabulary), "entry").replace("entrys", "entries")),
        ("encoder", f"{encoder['name']}, {encoder.get('precision', 'float32')}, {model['output']}, {model['resize']}"),
        ("decoder", f"{model['decoder']['kind']}, {_sizes(model['decoder'].get('options', {}))}"),
        ("search", _settings(bundle)),
        ("confidence", "calibrated" if calibration_of(bundle) else "not calibrated: showtell calibrate"),
        ("tags", "none" if tagger is None else "calibrated" if tagger.calibration else "not calibrated"),
        (
            "made by",
            ", ".join(f"{name} {version}" for name, version in bundle.versions.items())
            or f"Showtell {model['showtell']}",
        ),
    ]
    return facts + ([("limits", " ".join(card["limits"].split()))] if card["limits"] else [])


def _settings(bundle: "Bundle") -> str:
    """The beam, and the search settings that differ from the defaults of all models."""
    from dataclasses import asdict

    from showtell.search import SearchOptions

    own, usual = asdict(bundle.search_options()), asdict(SearchOptions())
    return ", ".join(f"{key} {value}" for key, value in own.items() if key == "beam" or value != usual[key])


def _counted(data: dict[str, Any]) -> str:
    from showtell.progress import plural

    return f"{plural(data['train'], 'picture')}, {plural(data['captions'], 'caption')}"


def _scores(scores: dict[str, Any], data: dict[str, Any]) -> str:
    from showtell.progress import plural

    figures = [f"{name} {100 * scores[key]:.1f}" for name, key in _FIGURES if isinstance(scores.get(key), float)]
    return f"{', '.join(figures) or 'none'} on {plural(data['validation'], 'validation picture')}"


_FIGURES = (("CIDEr-D", "cider_d"), ("BLEU-4", "bleu_4"))


def _sizes(options: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in options.items() if type(value) is int and value)


def _print(facts: list[tuple[str, str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from showtell.errors import shown

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    for name, fact in facts:
        table.add_row(name, Text(shown(fact)))
    Console(highlight=False).print(table)
