"""The package's public names, from its source -> the reference page and the list that a test compares:

    python docs/make_api.py

writes docs/reference/python-api.md and tests/recorded/public_api.txt. It reads sources and never imports them, so it
needs no package and takes a second. `make docs` runs it.
"""

import ast
import functools
import inspect
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "python-api.md"
LIST = ROOT / "tests" / "recorded" / "public_api.txt"

# The page's sections; each public name stands in one of them.
SECTIONS = {
    "Captioning": (
        "Captioner Caption Captioned Word Tag NOT_SURE CaptionOptions SearchOptions temper overlay caption_pieces"
    ),
    "Models": (
        "list_models find_model default_model show_progress import_model Imported Bundle read_bundle write_bundle "
        "replay Replay"
    ),
    "Pictures": (
        "Picture RawPicture decode DecodeOptions Preprocessing square normalize PictureSource PictureSelection Sample"
    ),
    "Captions and data sets": "CaptionSet read_captions DataOptions Examples load_examples",
    "Words": "Vocabulary tokenize pad_batch",
    "Encoders and embeddings": (
        "Encoder EncoderInfo encoder_names encoder_graph embed EmbedOptions EmbedResult EmbeddingStore"
    ),
    "Metrics": (
        "score Scores METRICS DEFAULT_METRICS bleu meteor JavaOptions rouge_l cider cider_d CiderD DocumentFrequency "
        "MetricScores ptb_tokenize bootstrap compare Difference signature_fields"
    ),
    "Evaluation": (
        "evaluate Evaluation EvaluatedPicture Figure TrainingCaption read_evaluation write_evaluation "
        "check_next_words NextWordCheck"
    ),
    "Training": (
        "train TrainResult train_seeds SeedsResult Recipe read_recipe recipe_from Watch TrainingProgress "
        "TrainingStopped PictureBatches learning_curves_svg CaptioningEstimator"
    ),
    "After training": "calibrate tune Tuned quantize Quantized",
    "Alt text": "write_alt_texts plan_alt_texts AltTextOptions AltTextStep AltTextSummary TextStyle",
    "Serving": "Client AsyncClient ServiceError create_app",
    "Many machines": "ray_cluster ray_embed ray_captions ray_pieces ray_train",
    "Errors": "ShowtellError InputError PictureError BundleError StoreError MissingExtra NotFittedError",
}

INTRODUCTION = """# Python API

Everything here is imported from `showtell` itself: `from showtell import Captioner`. Names load on first use. What is
not on this page may move or change between releases. [From Python](../guide/python.md) shows how the parts work
together.

`make docs` writes this page from the docstrings.
"""

Definition = ast.ClassDef | ast.FunctionDef | ast.Assign | ast.AnnAssign


@dataclass(frozen=True)
class Found:
    """A definition, the module that it stands in, and the docstring below it, if any."""

    node: Definition
    module: Path
    doc: str


def homes() -> dict[str, str]:
    """Where `showtell/__init__.py` says that each public name is defined."""
    for node in parsed(ROOT / "src" / "showtell" / "__init__.py").body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_HOMES":
            found: dict[str, str] = ast.literal_eval(node.value)
            return found
    raise ValueError("showtell/__init__.py has no _HOMES")


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def file_of(module: str) -> Path:
    path = ROOT / "src" / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def find(module: Path, name: str) -> Found | None:
    """The definition of a name of a module, where it is imported from included; None for what others define."""
    body = parsed(module).body
    for i, node in enumerate(body):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name and not _is_overload(node):
            return Found(node, module, ast.get_docstring(node) or "")
        if isinstance(node, ast.Assign | ast.AnnAssign) and _target(node) == name:
            return Found(node, module, _doc_after(body, i))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("showtell"):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return find(file_of(str(node.module)), alias.name)
    return None


def public() -> dict[str, Found]:
    """Every public name with its definition."""
    result = {}
    for name, home in homes().items():
        module, _, inner = home.partition(":")
        found = find(file_of(module), inner or name)
        if found is None:
            raise ValueError(f"{name} is not defined in {home}")
        result[name] = found
    return result


def _target(node: ast.Assign | ast.AnnAssign) -> str:
    return ast.unparse(node.target if isinstance(node, ast.AnnAssign) else node.targets[0])


def _doc_after(body: list[ast.stmt], i: int) -> str:
    after = body[i + 1] if i + 1 < len(body) else None
    if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
        return inspect.cleandoc(after.value.value)
    return ""


def _decorators(node: ast.ClassDef | ast.FunctionDef) -> list[str]:
    return [ast.unparse(one) for one in node.decorator_list]


def _is_overload(node: ast.ClassDef | ast.FunctionDef) -> bool:
    return any("overload" in one for one in _decorators(node))


def signature(name: str, node: ast.FunctionDef, *, method: bool = False) -> str:
    """A function's signature as its source has it; a method's without `self`."""
    given = node.args
    positional = [*given.posonlyargs, *given.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(given.defaults)) + list(given.defaults)
    parts = [_parameter(one, default) for one, default in zip(positional, defaults, strict=True)]
    if method and "staticmethod" not in _decorators(node):
        parts = parts[1:]
    if given.vararg:
        parts.append("*" + _parameter(given.vararg))
    elif given.kwonlyargs:
        parts.append("*")
    parts += [_parameter(one, default) for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    if given.kwarg:
        parts.append("**" + _parameter(given.kwarg))
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{name}({', '.join(parts)}){returns}".replace("'", '"')


def _parameter(parameter: ast.arg, default: ast.expr | None = None) -> str:
    text = ast.unparse(parameter)
    return text if default is None else f"{text} = {ast.unparse(default)}"


def members(found: Found) -> Iterator[tuple[str, ast.FunctionDef | ast.AnnAssign | ast.Assign, str]]:
    """The public methods, properties and fields of a class, inherited ones first; with docstrings."""
    node = found.node
    assert isinstance(node, ast.ClassDef)
    own = {}
    for i, one in enumerate(node.body):
        if isinstance(one, ast.FunctionDef) and not _is_overload(one):
            own[one.name] = (one.name, one, ast.get_docstring(one) or "")
        elif isinstance(one, ast.AnnAssign | ast.Assign) and "init=False" not in ast.unparse(one):
            own[_target(one)] = (_target(one), one, _doc_after(node.body, i))
    inherited = {}
    for base in node.bases:
        above = find(found.module, ast.unparse(base).partition("[")[0])
        if above and isinstance(above.node, ast.ClassDef):
            inherited |= {name: rest for name, *rest in members(above)}
    for name, rest in inherited.items():
        if name not in own:
            yield name, *rest  # type: ignore[misc]
    for name, one, doc in own.values():
        if not name.startswith("_") or name in ("__init__", "__call__", "__len__"):
            yield name, one, doc


def is_dataclass(node: ast.ClassDef) -> bool:
    return any(one.startswith("dataclass") for one in _decorators(node)) or "NamedTuple" in map(ast.unparse, node.bases)


def class_signature(name: str, found: Found) -> str:
    """How a class is called: its `__init__`, or its fields."""
    assert isinstance(found.node, ast.ClassDef)
    listed = list(members(found))
    for member, node, _ in listed:
        if member == "__init__" and isinstance(node, ast.FunctionDef):
            return signature(name, node, method=True).removesuffix(" -> None")
    if is_dataclass(found.node):
        fields = [ast.unparse(node) for _, node, _ in listed if isinstance(node, ast.AnnAssign)]
        return f"{name}({', '.join(one for one in fields if 'ClassVar' not in one)})".replace("'", '"')
    bases = ", ".join(ast.unparse(base) for base in found.node.bases)
    return f"{name}({bases})" if bases else name


def lines_of(name: str, found: Found) -> Iterator[str]:
    """The lines of the list of signatures for one public name."""
    node = found.node
    if isinstance(node, ast.FunctionDef):
        yield _marked(node) + signature(name, node)
    elif isinstance(node, ast.ClassDef):
        yield f"class {class_signature(name, found)}"
        for member, one, _ in members(found):
            if isinstance(one, ast.FunctionDef):
                if member != "__init__":
                    yield f"    {_marked(one)}{signature(member, one, method=True)}"
            elif not is_dataclass(node):
                yield f"    {ast.unparse(one)}"
    else:
        yield ast.unparse(node)


def _marked(node: ast.FunctionDef) -> str:
    kinds = [one for one in ("property", "classmethod", "staticmethod", "contextmanager") if one in _decorators(node)]
    return "".join(f"@{kind} " for kind in kinds)


def list_text() -> str:
    found = public()
    lines = [publicly(line, one, found) for name, one in sorted(found.items()) for line in lines_of(name, one)]
    return "".join(f"{line}\n" for line in lines)


def publicly(text: str, found: Found, names: dict[str, Found]) -> str:
    """A signature with the public names of what it mentions, where the module of its definition has others."""
    by_node = {id(one.node): name for name, one in names.items()}

    def renamed(match: re.Match[str]) -> str:
        meant = find(found.module, match[0])
        return by_node.get(id(meant.node), match[0]) if meant else match[0]

    return re.sub(r"\b[A-Z]\w+(?![\w(])", renamed, text)


def aliases(text: str, found: Found, names: dict[str, Found]) -> Iterator[str]:
    """What stands behind the names of types in a signature that are not public themselves."""
    for word in sorted(set(re.findall(r"\b[A-Z]\w+", text)) - set(names)):
        meant = find(found.module, word)
        if meant and isinstance(meant.node, ast.Assign | ast.AnnAssign) and word != word.upper():
            yield f"`{word}` is `{ast.unparse(meant.node.value)}`" if meant.node.value else ""


def page_text() -> str:
    found = public()
    listed = [name for names in SECTIONS.values() for name in names.split()]
    if sorted(listed) != sorted(found):
        different = set(listed) ^ set(found)
        raise ValueError(f"docs/make_api.py: each public name stands in one section: look at {sorted(different)}")
    parts = [INTRODUCTION]
    for title, names in SECTIONS.items():
        parts.append(f"## {title}\n")
        parts += [_entry(name, found[name], found) for name in names.split()]
    return "\n".join(parts).rstrip() + "\n"


def _entry(name: str, found: Found, names: dict[str, Found]) -> str:
    node = found.node
    heading = f"### {name}\n\n"
    if isinstance(node, ast.FunctionDef):
        return heading + _described(_marked(node) + signature(name, node), found.doc, found, names)
    if not isinstance(node, ast.ClassDef):
        return heading + _described(ast.unparse(node), found.doc, found, names)
    listed = list(members(found))
    made_with = next((doc for member, _, doc in listed if member == "__init__"), "")
    text = heading + _described(f"class {class_signature(name, found)}", f"{found.doc}\n\n{made_with}", found, names)
    for member, one, doc in listed:
        if isinstance(one, ast.FunctionDef):
            if doc and member != "__init__":
                shown = _marked(one) + signature(member, one, method=True)
                text += f"\n#### {name}.{member}\n\n" + _described(shown, doc, found, names)
        elif doc or not is_dataclass(node):
            text += f"\n`{ast.unparse(one)}`" + (f": {' '.join(markdown(doc, names).split())}" if doc else "") + "\n"
    return text


def _described(shown: str, doc: str, found: Found, names: dict[str, Found]) -> str:
    """A signature, what its names of types mean, and the docstring."""
    shown = publicly(shown, found, names)
    behind = "; ".join(aliases(shown, found, names))
    return _code(shown) + markdown(doc, names) + (f"\nWhere {behind}.\n" if behind else "")


def _code(text: str) -> str:
    """Code of one definition; a long signature with one parameter a line."""
    if len(text) > 100:
        head, _, rest = text.partition("(")
        inside, _, end = rest.rpartition(")")
        text = f"{head}(\n" + "".join(f"    {one},\n" for one in _split(inside)) + f"){end}"
    return f"```text\n{text}\n```\n"


def _split(parameters: str) -> Iterator[str]:
    """Parameters, split at commas that stand outside of brackets and quotes."""
    begin, depth, quoted = 0, 0, False
    for i, character in enumerate(parameters):
        quoted ^= character == '"'
        depth += (character in "([{") - (character in ")]}")
        if character == "," and not depth and not quoted:
            yield parameters[begin:i].strip()
            begin = i + 1
    yield parameters[begin:].strip()


def markdown(doc: str, names: Collection[str]) -> str:
    """A docstring in Markdown: `Arguments:` and the like become lists, public names links."""
    blocks = re.split(r"^(Arguments|Returns|Yields|Raises):$", doc, flags=re.MULTILINE)
    text = _linked(blocks[0].strip(), names) + "\n"
    for title, block in zip(blocks[1::2], blocks[2::2], strict=True):
        inside, after = _indented(block.strip("\n"))
        text += f"\n{title}:\n\n{_linked(_items(inside, title), names)}\n"
        text += f"\n{_linked(after, names)}\n" if after else ""
    return "\n" + text.lstrip("\n") if text.strip() else ""


def _indented(block: str) -> tuple[str, str]:
    lines = block.splitlines()
    count = next((i for i, line in enumerate(lines) if line and not line.startswith(" ")), len(lines))
    return "\n".join(lines[:count]), "\n".join(lines[count:])


def _items(block: str, title: str) -> str:
    text = inspect.cleandoc("\n" + block)
    if title in ("Returns", "Yields"):
        return text
    return re.sub(r"^(\*{0,2}\w+): ", r"- `\1`: ", re.sub(r"\n +", " ", text), flags=re.MULTILINE)


_NAME = re.compile(r"`(?:showtell\.(?:[a-z_0-9]+\.)*)?([A-Za-z]\w*(?:\.\w+)?(?:\(\))?)`")


def _linked(text: str, names: Collection[str]) -> str:
    """Public names in backticks become links; the path of their module goes, as nobody needs it."""

    def link(match: re.Match[str]) -> str:
        name = re.match(r"\w+", match[1])
        return f"[`{match[1]}`](#{name[0].lower()})" if name and name[0] in names else match[0]

    return _NAME.sub(link, text)


if __name__ == "__main__":
    PAGE.write_text(page_text())
    LIST.write_text(list_text())
