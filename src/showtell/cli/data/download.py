"""`showtell data download`: a published data set by name -> its complete, checked files."""

from pathlib import Path
from typing import Annotated

import typer


def download(
    name: Annotated[str, typer.Argument(help="Data set: coco2014, coco2017 or flickr8k.")],
    folder: Annotated[Path, typer.Argument(help="Folder for the files; created if missing.")],
    only: Annotated[
        list[str] | None, typer.Option(help="Download only this file. May be repeated.", metavar="FILE")
    ] = None,
    mirror: Annotated[
        str | None, typer.Option(help="Address to use instead of the publisher's.", metavar="URL")
    ] = None,
    timeout: Annotated[
        float, typer.Option(help="Time without data before a connection counts as cut, in seconds.", metavar="SECONDS")
    ] = 30.0,
    retries: Annotated[int, typer.Option(min=0, help="Attempts in a row without progress before giving up.")] = 5,
) -> None:
    """Download a published data set.

    Run the same command again to resume a download. Sizes and checksums are compared, and a file gets its name only
    when they match.

    Examples:

        showtell data download flickr8k DATA/flickr8k
        showtell data download coco2014 DATA/coco2014 --only val2014.zip
    """
    from showtell.data.catalogue import chosen, data_set, size_of
    from showtell.data.catalogue import download as download_files
    from showtell.progress import megabytes, plural

    found = data_set(name)
    files = chosen(found, only or ())
    size = size_of(files)
    print(f"{name}: {plural(len(files), 'file')}{f', {size}' if size else ''}; {found.licence}")
    for path, received in download_files(found, files, folder, mirror=mirror, timeout=timeout, retries=retries):
        came = f"{megabytes(received)} downloaded" if received else "already here"
        print(f"{path}: {came}, MD5 as recorded", flush=True)
    if not only:
        print(f"next: showtell data check --root {folder} {found.use}")
