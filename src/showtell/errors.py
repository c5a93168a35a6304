"""The errors that people can act on.

Every error that Showtell raises on purpose is a `ShowtellError`. Its message is one line: the file, what is wrong with
it and what to do. The command line catches it once, prints that line, and exits with `exit_code`: 2 for bad input, 1
for failed work.
"""

import difflib
import errno
import sys
import unicodedata
from collections.abc import Iterable
from importlib import import_module
from typing import Any


def one_line(error: BaseException | str, most: int | None = None) -> str:
    """An exception's message on one line, cut to `most` characters; its type's name if the message is empty."""
    return (" ".join(str(error).split()) or type(error).__name__)[:most]


def shown(text: str) -> str:
    """`text` made safe for one line on a terminal.

    Characters that would start a line, move the cursor, change colors or turn the direction of writing are escaped as
    in a Python string, because file names and captions may contain anything.
    """
    if text.isprintable():
        return text
    return "".join(one if _stays(one) else one.encode("unicode_escape").decode() for one in text)


def _stays(letter: str) -> bool:
    """Whether a character is safe to print. Joiners are: emoji and Indian and Arabic scripts need them."""
    return letter in "\u200c\u200d" or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def near(given: str, names: Iterable[str]) -> str:
    """What a misspelt name may have meant, as part of a message: ` (did you mean 'flickr8k'?)`, or nothing."""
    close = difflib.get_close_matches(given, list(names), n=1, cutoff=0.7)
    return f" (did you mean {close[0]!r}?)" if close else ""


class ShowtellError(Exception):
    """Anything that Showtell reports to its user; the message is one line."""

    exit_code = 1


class InputError(ShowtellError):
    """A file, option or value that the user gave is wrong: missing, malformed, or of another kind."""

    exit_code = 2


class OutputError(InputError):
    """A file cannot be written: no permission, no space left, or no such folder."""

    def __init__(self, path: object, error: OSError) -> None:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        remedy = "make room" if full else "check its folder and your rights"
        super().__init__(f"{path}: cannot be written ({error.strerror or one_line(error)}): {remedy}, or name another")
        self.reason = error.strerror or one_line(error)
        self.exit_code = 1 if full else 2


class NotFittedError(InputError, ValueError, AttributeError):
    """An estimator is used before `fit`. Its base classes are those of scikit-learn's error of that name."""


class PictureError(InputError):
    """Bytes that cannot be decoded to a picture. A run over many pictures lists it as a reject and continues."""


class BundleError(InputError):
    """A model bundle that is missing, damaged, or of a version that this release cannot read."""


class StoreError(InputError):
    """An embedding store that is damaged or was made with another encoder, preprocessing or kind of output."""


class MissingExtra(ShowtellError):
    """A command needs packages that come with one of the extras, such as `pip install 'showtell[train]'`."""

    exit_code = 2

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs packages that are not installed: {pip_install(extra)}")


_BRING_PYTORCH = frozenset({"train", "keras", "timm", "tensorboard", "wandb", "mlflow"})


def pip_install(extra: str) -> str:
    """The command that installs an extra. On Linux it names PyTorch's index of builds for processors: without it, pip
    would download gigabytes of CUDA.
    """
    command = f"pip install 'showtell[{extra}]'"
    if extra in _BRING_PYTORCH and sys.platform == "linux":
        return f"{command} --extra-index-url https://download.pytorch.org/whl/cpu"
    return command


def require(*modules: str, extra: str, what: str) -> None:
    """Raise a `MissingExtra` if a module cannot be imported.

    Arguments:
        modules: what to import, packages above them included, by their full names.
        extra: the extra of Showtell that installs them.
        what: what needs them, for the message.
    """
    for module in modules:
        parts = module.split(".")
        try:
            for count in range(1, len(parts) + 1):  # a package that is blocked may have loaded modules
                import_module(".".join(parts[:count]))
        except ImportError as error:
            raise MissingExtra(what, extra) from error


def refuse_duplicate(what: str, first: Any, second: Any) -> None:
    """Raise a `ValueError` that names both if two different functions or classes register as `what`."""
    names = [f"{one.__module__}.{one.__qualname__}" for one in (first, second)]
    if names[0] != names[1]:
        raise ValueError(f"both {names[0]} and {names[1]} register as {what}: rename one")
