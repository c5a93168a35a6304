"""A model on the Hugging Face hub -> a folder on this machine: what a bundle needs, and nothing that can be run.

Files go to the hub's own cache, which continues cut downloads and knows files by their hashes. `HF_ENDPOINT`, `HF_HOME`
and `HF_TOKEN` have their usual meaning.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from showtell.errors import InputError, ShowtellError, one_line, require
from showtell.pretrained.convert import Source
from showtell.pretrained.weights import INDEX, WHOLE, refusal

_WANTED = (
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
)


def fetch(name: str, revision: str | None, say: Callable[[str], None]) -> tuple[Path, Source]:
    """Download a model.

    Arguments:
        name: `OWNER/NAME` on the hub.
        revision: a branch, tag or commit; None for the main branch.
        say: called with lines for people.

    Returns:
        The folder of its files; and its name, commit and licence.

    Raises:
        MissingExtra: the package huggingface_hub is not installed.
        InputError: there is no such model or revision, it is gated, or it has no safetensors.
        ShowtellError: the hub cannot be reached, or the download failed.
    """
    require("huggingface_hub", extra="import", what="a model from the hub")
    from huggingface_hub import HfApi, snapshot_download

    try:
        info = HfApi().model_info(name, revision=revision)
        files = [one.rfilename for one in info.siblings or ()]
        source = Source(name, info.sha or "", _licence(info))
        say(f"{name}, revision {source.revision[:12]}, licence {source.licence or 'not stated'}")
        folder = snapshot_download(name, revision=info.sha, allow_patterns=_needed(name, files))
    except ShowtellError:
        raise
    except Exception as error:  # the library's errors have many bases, and those of its HTTP client
        raise _explained(name, revision, error) from error
    return Path(folder), source


def _needed(name: str, files: list[str]) -> list[str]:
    if WHOLE in files:
        weights = [WHOLE]
    elif INDEX in files:
        weights = [INDEX, *(file for file in files if file.endswith(".safetensors") and "/" not in file)]
    else:
        others = sorted(file for file in files if file.endswith((".bin", ".pt", ".pth", ".ckpt", ".msgpack", ".h5")))
        raise InputError(refusal(name, others))
    return [file for file in (*_WANTED, *weights) if file in files]


def _licence(info: Any) -> str:
    card = info.card_data
    stated = card.get("license") if card is not None and hasattr(card, "get") else None
    named = next((tag.partition(":")[2] for tag in info.tags or () if tag.startswith("license:")), "")
    return str(stated or named)


def _explained(name: str, revision: str | None, error: Exception) -> ShowtellError:
    """One line for what the hub's library raised."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return InputError(
            f"{name}: is gated: accept its terms at https://huggingface.co/{name}, then log in with hf auth login"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return InputError(f"{name}: has no revision {revision}: give a branch, tag or commit of it")
    if isinstance(error, errors.RepositoryNotFoundError):
        return InputError(f"{name}: there is no such model on the hub, or it is private: log in with hf auth login")
    if isinstance(error, errors.HFValidationError):
        return InputError(f"{name}: is no name of a model on the hub, and no folder here: write OWNER/NAME")
    return ShowtellError(f"{name}: the hub cannot be reached ({one_line(error, 200)}): try again; it continues")
