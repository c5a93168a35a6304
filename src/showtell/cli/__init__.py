"""The `showtell` command: one file per subcommand, each a thin call into the rooms below."""

import sys
import warnings

import typer

from showtell.cli.alt_text import alt_text
from showtell.cli.calibrate import calibrate
from showtell.cli.caption import caption
from showtell.cli.check import check
from showtell.cli.compare import compare
from showtell.cli.data import data
from showtell.cli.doctor import doctor
from showtell.cli.embed import embed
from showtell.cli.evaluate import evaluate
from showtell.cli.guard import App
from showtell.cli.import_model import import_model
from showtell.cli.info import info
from showtell.cli.interrupts import EXIT_CODE, CtrlC
from showtell.cli.merge import merge
from showtell.cli.models import models
from showtell.cli.quantize import quantize
from showtell.cli.report import report
from showtell.cli.review import review
from showtell.cli.score import score
from showtell.cli.serve import serve
from showtell.cli.train import train
from showtell.cli.tune import tune
from showtell.cli.usage import UsageError, usage_line
from showtell.cli.verify import verify
from showtell.errors import ShowtellError, one_line
from showtell.progress import say, show_progress

app = App(
    name="showtell",
    help="Train image captioners and caption pictures, on an ordinary CPU.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",  # the default mode treats "[default: ...]" as markup and hides it
    context_settings={"help_option_names": ["-h", "--help"]},
)
_debug = False


def _version(asked: bool) -> None:
    if asked:
        from showtell._version import __version__

        print(f"showtell {__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Train image captioners and caption pictures, on an ordinary CPU."""
    global _debug
    _debug = debug


app.command()(alt_text)
app.command()(calibrate)
app.command()(caption)
app.command()(check)
app.command()(compare)
app.add_typer(data, name="data")
app.command()(doctor)
app.command()(embed)
app.command()(evaluate)
app.command(name="import")(import_model)
app.command()(info)
app.command()(merge)
app.command()(models)
app.command()(quantize)
app.command()(report)
app.command()(review)
app.command()(score)
app.command()(serve)
app.command()(train)
app.command()(tune)
app.command()(verify)


def main() -> None:
    """Run the command line; every expected error becomes one line and an exit code."""
    warnings.filterwarnings("ignore", module=r"PIL\.")  # odd metadata do not concern users
    interrupt = CtrlC()
    interrupt.install()
    show_progress()
    try:
        sys.exit(app(prog_name="showtell", standalone_mode=False) or 0)
    except (SystemExit, KeyboardInterrupt) as end:  # Typer turns an interrupt into an exit
        if not (interrupt.stopping or isinstance(end, KeyboardInterrupt)):
            raise
        interrupt.report()
        sys.exit(EXIT_CODE)
    except UsageError as error:
        _report(usage_line(error))
        sys.exit(2)
    except ShowtellError as error:
        if _debug:
            raise
        _report(str(error))
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe closed it; otherwise Python would complain again at exit
        sys.exit(1)
    except OSError as error:  # of the disk or the system, from anywhere
        if _debug:
            raise
        _report(f"{error.filename}: {error.strerror}" if error.filename else one_line(error))
        sys.exit(1)
    except MemoryError:
        if _debug:
            raise
        _report("there is not enough memory: give fewer or smaller pictures at a time")
        sys.exit(1)


def _report(message: str) -> None:
    say(f"showtell: {one_line(message)}", to_errors=True)
