"""A file on the web -> a complete, checked file here, however often the connection breaks; or a picture's bytes.

Received bytes are stored in `NAME.part`; `NAME.part.json` identifies the version of the server's file. After a stopped
run or a lost connection, the download resumes from there. If the server cannot send the rest alone, or its file has
changed, the download restarts. A file gets its final name only after its size and checksum have been checked.
"""

import io
import time
from collections.abc import Callable
from pathlib import Path

from showtell.data.download.address import check_url
from showtell.data.download.http import Interrupted, asked, content_length, pieces
from showtell.data.download.transfer import Expected, Transfer
from showtell.errors import InputError, OutputError, ShowtellError
from showtell.files import held
from showtell.progress import megabytes, meter, watch


def fetch(
    url: str,
    path: Path,
    *,
    size: int | None = None,
    md5: str | None = None,
    sha256: str | None = None,
    max_bytes: int | None = None,
    timeout: float = 30.0,
    retries: int = 5,
    show: bool = True,
    pause: Callable[[float], None] = time.sleep,
) -> int:
    """Download `url` to `path`, resuming from what an earlier run left beside it.

    Arguments:
        url: http or https.
        path: the final name; its folder is made. An existing file is checked and not downloaded again.
        size, md5, sha256: known properties of the file, to be checked; size in bytes, checksums in hexadecimal.
        max_bytes: refuse a larger file.
        timeout: seconds without a byte after which the connection counts as lost.
        retries: how many attempts in a row may bring no new byte; the pause doubles before each.
        show: show a progress bar.
        pause: waits between attempts, for so many seconds.

    Returns:
        The number of bytes transferred; 0 if the file was already here.

    Raises:
        InputError: the address is not a valid one, another file is at `path`, or another run is downloading it.
        ShowtellError: the server fails or refuses, the disk is too small, or the file is not the expected one.
    """
    check_url(url)
    expected = Expected(size, md5, sha256)
    transfer = Transfer(url, path, expected, max_bytes, timeout)
    try:
        if path.exists():
            if fault := expected.fault(path, show):
                raise InputError(f"{path}: not the file that belongs here ({fault}): move or delete it, then try again")
            return 0
        with held(path.parent, path.name):
            transfer.resume()
            with watch(f"downloading {path.name}", lambda: (transfer.goal, transfer.have), show) as look:
                transfer.run(retries, pause, look)
            transfer.finish(show)
    except OSError as error:
        raise OutputError(path, error) from error
    return transfer.received


def download_picture(url: str, *, max_bytes: int = 50_000_000, timeout: float = 30.0, show: bool = False) -> bytes:
    """The bytes of a picture on the web, in memory; `showtell.images.decode.decode` checks what they are.

    Arguments:
        url: http or https.
        max_bytes: refuse a larger one, whatever size its server reports.
        timeout: seconds without a byte, and for the whole picture once the server has answered.
        show: show a progress bar.

    Raises:
        InputError: the address is not a valid one.
        ShowtellError: the server fails or refuses, or what it sends is too large, too slow, cut off or a web page.
    """
    check_url(url)
    data = io.BytesIO()
    try:
        with asked(url, timeout, {"Accept": "image/*, */*;q=0.5"}) as response:
            deadline = time.monotonic() + timeout
            if response.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
                raise ShowtellError(f"{url}: a web page, not a picture: give the address of the picture itself")
            length = content_length(response)
            _limit(url, length or 0, max_bytes)
            with meter(f"downloading {url.rpartition('/')[2] or url}", length, 0, show) as tick:
                for piece in pieces(response, url):
                    data.write(piece)
                    tick(len(piece))
                    _limit(url, data.tell(), max_bytes)
                    if time.monotonic() > deadline:
                        raise Interrupted(f"not here within {timeout:g} seconds")
    except Interrupted as error:
        raise ShowtellError(f"{url}: cannot be downloaded ({error})") from error
    return data.getvalue()


def _limit(url: str, count: int, max_bytes: int) -> None:
    if count > max_bytes:
        raise ShowtellError(f"{url}: larger than the limit of {megabytes(max_bytes)}")
