"""Pages of the site for files outside of docs/.

Pages link to recipes, examples and other files of the repository, by relative paths that also work on a forge. MkDocs
knows files below docs/ alone. This adds every file and folder that a page links to as a page under repository/, and
rewrites the links. A link that leads nowhere stays as it is, so that MkDocs reports it.
"""

import base64
import json
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
ADDED = "repository"
"""The folder of the site for what lies outside of docs/."""
ICON = "src/showtell/visualization/icon.svg"
LINK = re.compile(r"(\]\()([^)\s:]+)(\))")
LANGUAGES = {".py": "python", ".toml": "toml", ".sh": "bash", ".json": "json", ".yaml": "yaml"}
PICTURES = {".jpg", ".png", ".svg"}

_folders: dict[str, str] = {}
"""Of every page, by its name in the site: the folder of the repository at which its relative links begin."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what pages link to, and what those pages link to."""
    _folders.clear()
    files.append(File.generated(config, "assets/icon.svg", abs_src_path=str(ROOT / ICON)))
    pages = list(files.documentation_pages())
    for page in pages:
        _folders[page.src_uri] = posixpath.join("docs", posixpath.dirname(page.src_uri))
    for page in pages:  # grows
        for target in _targets(page.content_string, _folders[page.src_uri]):
            name = _name_in_site(target)
            if files.get_file_from_path(name) is None:
                for added in _files_for(target, name, config):
                    files.append(added)
                    if added.is_documentation_page():
                        pages.append(added)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to the pages that were added."""
    source = page.file.src_uri

    def led(match: re.Match[str]) -> str:
        path, hash_sign, anchor = match[2].partition("#")
        target = _in_repository(path, _folders[source])
        if target is None:
            return match[0]
        name = _name_in_site(target)
        if files.get_file_from_path(name) is None:
            return match[0]
        relative = posixpath.relpath(name, posixpath.dirname(source) or ".")
        return f"{match[1]}{relative}{hash_sign}{anchor}{match[3]}"

    return _outside_of_blocks(markdown, led)


def _targets(markdown: str, folder: str) -> list[str]:
    """Paths in the repository, outside of docs/, to which a page links."""
    found: list[str | None] = []

    def note(match: re.Match[str]) -> str:
        found.append(_in_repository(match[2].partition("#")[0], folder))
        return match[0]

    _outside_of_blocks(markdown, note)
    return [path for path in found if path is not None and not path.startswith("docs/")]


def _in_repository(path: str, folder: str) -> str | None:
    """The target of a relative link as a path from the repository's root; None where there is none."""
    target = posixpath.normpath(posixpath.join(folder, path))
    if not path or target.startswith("..") or posixpath.isabs(target) or not (ROOT / target).exists():
        return None
    return target


def _name_in_site(target: str) -> str:
    """The page or file of the site that shows a file or folder of the repository."""
    if target.startswith("docs/"):
        return target.removeprefix("docs/")
    if (ROOT / target).is_dir():
        return f"{ADDED}/{target}/index.md"
    shown = target.removeprefix(".").replace("/.", "/")  # MkDocs leaves hidden files out
    is_itself = Path(target).suffix in PICTURES | {".md"}
    return f"{ADDED}/{shown}" if is_itself else f"{ADDED}/{shown}.md"


def _files_for(target: str, name: str, config: MkDocsConfig) -> list[File]:
    path = ROOT / target
    folder = target if path.is_dir() else posixpath.dirname(target)
    _folders[name] = folder
    if path.is_dir():
        entries = sorted(one.name for one in path.iterdir() if one.is_file() and not one.name.startswith("."))
        links = "\n".join(f"- [{entry}]({entry})" for entry in entries)
        return [File.generated(config, name, content=_page(target, links))]
    if path.suffix in PICTURES:
        return [File.generated(config, name, abs_src_path=str(path))]
    if path.suffix == ".md":
        return [File.generated(config, name, content=path.read_text())]
    if path.suffix == ".ipynb":
        return _notebook(path, name, config)
    code = f"````````{LANGUAGES.get(path.suffix, 'text')}\n{path.read_text().rstrip()}\n````````"
    return [File.generated(config, name, content=_page(target, code))]


def _page(title: str, text: str) -> str:
    """A page that search leaves out."""
    return f"---\ntitle: {title}\nsearch:\n  exclude: true\n---\n\n# {title}\n\n{text}\n"


def _notebook(path: Path, name: str, config: MkDocsConfig) -> list[File]:
    """A notebook with its stored outputs as a page, and their pictures as files."""
    parts: list[str] = []
    files: list[File] = []
    for cell in json.loads(path.read_text())["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        lines = ""
        for output in cell["outputs"]:
            text, picture = _output(output)
            lines += text
            if lines and (picture or output is cell["outputs"][-1]):
                parts.append(f"```text\n{lines.rstrip()}\n```")
                lines = ""
            if picture:
                suffix, content = picture
                picture_name = f"{name.removesuffix('.md')}.{len(files)}{suffix}"
                files.append(File.generated(config, picture_name, content=content))
                parts.append(f"![Output of the cell above]({posixpath.basename(picture_name)})")
    return [File.generated(config, name, content="\n\n".join(parts) + "\n"), *files]


def _output(output: dict[str, Any]) -> tuple[str, tuple[str, bytes] | None]:
    """A cell's output as text, or as the suffix and bytes of a picture."""
    data = output.get("data", {})
    if "image/png" in data:
        return "", (".png", base64.b64decode("".join(data["image/png"])))
    if "image/jpeg" in data:
        return "", (".jpg", base64.b64decode("".join(data["image/jpeg"])))
    if "image/svg+xml" in data:
        return "", (".svg", "".join(data["image/svg+xml"]).encode())
    return "".join(output.get("text", data.get("text/plain", ""))), None


def _outside_of_blocks(markdown: str, change: Any) -> str:
    """Every link outside of fenced blocks, changed."""
    lines, fence = [], ""
    for line in markdown.splitlines():
        mark = re.match(r"\s*(`{3,})", line)
        if fence:
            fence = "" if mark and line.strip() == fence else fence
        elif mark:
            fence = mark[1]
        else:
            line = LINK.sub(change, line)
        lines.append(line)
    return "\n".join(lines) + "\n"
