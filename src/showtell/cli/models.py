"""`showtell models`: the models that can be named instead of a file, with what each is for."""

import json
from typing import Annotated, Any

import typer


def models(
    as_json: Annotated[bool, typer.Option("--json", help="Print names, files and facts as JSON.")] = False,
) -> None:
    """List the models that have a name, with their size and what each is for.

    Every option --model takes these names. Models lie in the package, in the user's data folder, and in the folder that
    SHOWTELL_MODELS names.

    Examples:

        showtell models
        showtell models --json
    """
    found = [_facts(name, str(path)) for name, path in _listed().items()]
    if as_json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        _print(found)


def _listed() -> dict[str, Any]:
    from showtell.models.names import DEFAULT_NAME, list_models

    found = list_models()
    return dict(sorted(found.items(), key=lambda one: one[0] != DEFAULT_NAME))  # the default first


def _facts(name: str, path: str) -> dict[str, Any]:
    from pathlib import Path

    from showtell.errors import BundleError
    from showtell.models.bundle import read_bundle
    from showtell.models.names import DEFAULT_NAME

    file = Path(path)
    files = file.rglob("*") if file.is_dir() else [file]
    facts: dict[str, Any] = {
        "name": name,
        "default": name == DEFAULT_NAME,
        "path": path,
        "bytes": sum(one.stat().st_size for one in files if one.is_file()),
    }
    try:
        bundle = read_bundle(file)
    except BundleError as error:
        return facts | {"error": str(error)}
    card = bundle.model["card"]
    return facts | {
        "title": card["title"],
        "licence": card["licence"],
        "data": card["data"],
        "decoder": bundle.model["decoder"]["kind"],
        "encoder": bundle.model["encoder"]["name"],
        "words": len(bundle.vocabulary),
    }


def _print(found: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from showtell.errors import shown
    from showtell.progress import megabytes

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("model", no_wrap=True)
    table.add_column("size", no_wrap=True, justify="right")
    table.add_column("words", no_wrap=True, justify="right")
    table.add_column("what it is")
    for one in found:
        title = one.get("title") or one.get("error") or "no title"
        mark = " (default)" if one["default"] else ""
        words = f"{one['words']:,}" if "words" in one else ""
        table.add_row(shown(one["name"]) + mark, megabytes(one["bytes"]), words, Text(shown(title)))
    Console(highlight=False).print(table)
    print("showtell info MODEL says more about one of them.")
