"""The page of a matrix's results."""

import datetime
import platform
from collections.abc import Mapping
from typing import Any

from faults.strikes import NEED_A_MOUNT, STRIKES

_HEAD = """# Results: faults

`python benchmarks/fault_matrix.py{seed} --write docs/results/faults.md` made this page on {day} ({system}, Python
{python}).

Each trial begins a command on 24 drawn pictures (48 in training), strikes it at a random point of its run, and checks
three things:

- What was finished is whole. Files under their final names are those of an unbroken run, byte for byte; the files of an
  unfinished run have names that say so.
- The same command, given again, comes to the results of an unbroken run, byte for byte, and leaves nothing unfinished.
- What the command says is one line, without a traceback.

{table}

A cell has the number of trials, of those that met the command at work, and of those after which something was wrong.
{note}{missing}
| strike | what it is |
|---|---|
| kill -9, SIGTERM | the process ends at once |
| SIGINT twice | Ctrl-C, and again within 0.2 seconds; exit code 130 |
| files of bounded size | `RLIMIT_FSIZE` at random, below the size of the largest result |
| full disk | the output's file system fills up at random |
| folder not writable | the output's folder takes no new files |
| disk read-only | the output's file system is mounted read-only |
| input changes | a picture is replaced, cut, removed or added, captions are rewritten, or a server has another file |
| two runs | the same command begins while it runs: the second one says so, or has nothing to do |

After the inputs changed, `caption` and `alt-text` come to the results of an unbroken run over the new inputs. Texts of
pictures that are gone or damaged stay, so `alt-text` is given replaced and new ones. `embed`, `train` and
`evaluate --store` know pictures by their names: what they had embedded before stays, and a training run whose words are
others is refused in one line. `data download` finds by checksum that the file is another.

Figures of training have the seconds that it took, which are left out of the comparison.
"""


def page(found: Mapping[str, Mapping[str, dict[str, Any] | None]], seed: int, note: str = "") -> str:
    """The page as Markdown, from the trials by command and strike; `note` says how they were run, if not at once."""
    names = [name for name in STRIKES if all(name in row for row in found.values())]
    rows = [["command", *names], ["---"] * (len(names) + 1)]
    rows += [[f"`{command}`", *(_cell(row[name]) for name in names)] for command, row in found.items()]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    left_out = any(row[name] is None for row in found.values() for name in NEED_A_MOUNT & set(names))
    return _HEAD.format(
        seed=f" --seed {seed}" if seed else "",
        day=f"{datetime.date.today():%d %B %Y}",
        system=platform.system(),
        python=platform.python_version(),
        table=table,
        note=f"{note}\n" if note else "",
        missing="Strikes without figures need the right to mount file systems.\n" if left_out else "",
    )


def _cell(trials: Mapping[str, Any] | None) -> str:
    return f"{trials['count']}, {trials['at_work']}, {trials['wrong']}" if trials else ""
