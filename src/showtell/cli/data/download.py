"""`showtell data download`: a published data set by name -> its files, whole and checked."""

from pathlib import Path
from typing import Annotated

import typer


def download(
    name: Annotated[str, typer.Argument(help="coco2014, coco2017 or flickr8k.")],
    folder: Annotated[Path, typer.Argument(help="Where the files go; it is made where it does not exist.")],
    only: Annotated[list[str] | None, typer.Option(help="Only this file; may be given again.")] = None,
    mirror: Annotated[str | None, typer.Option(help="An address to use in place of the publisher's.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds without a byte before a connection counts as cut.")] = 30.0,
    retries: Annotated[int, typer.Option(min=0, help="Attempts in a row that may bring nothing new.")] = 5,
) -> None:
    """Download a published data set.

    The same command goes on with what an earlier run left, and only checks what is whole. Sizes and checksums are
    compared, and no file has its name before they are right.
    """
    from showtell.data.catalogue import chosen, data_set, size_of
    from showtell.data.catalogue import download as download_files
    from showtell.progress import megabytes

    found = data_set(name)
    files = chosen(found, only or ())
    size = size_of(files)
    print(f"{name}: {len(files)} files{f', {size}' if size else ''}; {found.licence}")
    for path, received in download_files(found, files, folder, mirror=mirror, timeout=timeout, retries=retries):
        came = f"{megabytes(received)} downloaded" if received else "was here already"
        print(f"{path}: {came}, MD5 as recorded", flush=True)
    if not only:
        print(f"next: showtell data check --root {folder} {found.use}")
