"""`showtell data`: everything about data sets that comes before training; one file per subcommand."""

from showtell.cli.data.check import check
from showtell.cli.data.download import download
from showtell.cli.data.formats import formats
from showtell.cli.data.sample import sample
from showtell.cli.data.show import show
from showtell.cli.guard import App

data = App(help="Data sets: download, sample, show and check them.", no_args_is_help=True, rich_markup_mode="markdown")
data.command()(check)
data.command()(download)
data.command()(formats)
data.command()(sample)
data.command()(show)
