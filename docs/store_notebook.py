"""Runs examples/show_and_tell.ipynb and stores it with its outputs, kept small.

    python docs/store_notebook.py

Pictures get a palette of 64 colors, and standard error is left out. A digest of the code goes with the outputs, by
which a test sees that they are of this code. Run it again after a change of the notebook; it takes a few minutes.
"""

import base64
import hashlib
import io
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from PIL import Image

NOTEBOOK = Path(__file__).parents[1] / "examples" / "show_and_tell.ipynb"


def main() -> None:
    notebook = nbformat.read(NOTEBOOK, 4)
    where = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(notebook, timeout=None, kernel_name="python3", resources=where).execute()
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = [small(output) for output in cell.outputs if output.get("name") != "stderr"]
    notebook.metadata["code_sha256"] = digest(notebook)
    nbformat.write(notebook, NOTEBOOK)
    print(f"{NOTEBOOK.name}: {NOTEBOOK.stat().st_size:,} bytes")


def digest(notebook: Any) -> str:
    """Of the code of all cells."""
    code = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.sha256(code.encode()).hexdigest()


def small(output: Any) -> Any:
    """An output with a palette for its picture."""
    if encoded := output.get("data", {}).get("image/png"):
        picture = Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB").quantize(64)
        stored = io.BytesIO()
        picture.save(stored, "PNG", optimize=True)
        output.data["image/png"] = base64.b64encode(stored.getvalue()).decode() + "\n"
    return output


if __name__ == "__main__":
    main()
