"""`showtell data formats`: the caption formats that can be read, with a line on each."""


def formats() -> None:
    """List the caption formats, in the order in which they are tried on a file.

    Every option --captions takes all of them. The names are values for data.format in recipes.

    Examples:

        showtell data formats
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from showtell.data.captions.registry import caption_formats

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("format", no_wrap=True)
    table.add_column("content")
    for name, one in caption_formats().items():
        table.add_row(name, one.help.replace("`", ""))
    Console().print(table)
