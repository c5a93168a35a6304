"""A file on the web -> a file here, whole and checked, however often the connection breaks; or a picture's bytes.

What has come lies in `NAME.part`; `NAME.part.json` says of which version of the server's file it is. A run that was
stopped, or a connection that was cut, goes on from there; a server that cannot send the rest alone, or whose file has
changed, sends the whole file and it begins anew. Nothing gets the final name before its size and checksum are right.
"""

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from showtell.data.download.http import Interrupted, asked, check_url, content_length, pieces
from showtell.data.download.transfer import Expected, Transfer
from showtell.errors import InputError, ShowtellError
from showtell.progress import megabytes, meter, watch


@dataclass(frozen=True, slots=True)
class WebOptions:
    """Of pictures on the web: the bytes of the largest, the seconds that one may take, and whether a bar is shown."""

    max_bytes: int = 50_000_000
    timeout: float = 30.0
    show: bool = True

    def __post_init__(self) -> None:
        if self.max_bytes < 1 or not self.timeout > 0:
            raise InputError("the size limit and the time-out of a download must be positive")


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
    """Download `url` to `path`, going on with what an earlier run left beside it.

    Arguments:
        url: http or https.
        path: the final name; its folder is made. A file that is there already is checked and kept.
        size, md5, sha256: what is known of the file, to be checked.
        max_bytes: refuse a larger file.
        timeout: seconds that may pass without a byte before the connection counts as cut.
        retries: attempts in a row that may bring nothing new; the pause before each is twice as long.
        show: whether there is a progress bar.
        pause: what waits between attempts.

    Returns:
        The bytes that came over the network; 0 where all were already here.

    Raises:
        InputError: the address is none, or another file lies at `path`.
        ShowtellError: the server fails or refuses, the disk is too small, or the file is not the one that was expected.
    """
    check_url(url)
    expected = Expected(size, md5, sha256)
    transfer = Transfer(url, path, expected, max_bytes, timeout)
    try:
        if path.exists():
            if fault := expected.fault(path, show):
                raise InputError(f"{path}: not the file that belongs here ({fault}): move or delete it, then try again")
            return 0
        path.parent.mkdir(parents=True, exist_ok=True)
        transfer.resume()
        with watch(f"downloading {path.name}", lambda: (transfer.goal, transfer.have), show) as look:
            transfer.run(retries, pause, look)
        transfer.finish(show)
    except OSError as error:
        raise ShowtellError(f"{path}: cannot be written ({error.strerror})") from error
    return transfer.received


def download_picture(url: str, *, max_bytes: int = 50_000_000, timeout: float = 30.0, show: bool = False) -> bytes:
    """The bytes of a picture on the web, held in memory; what they are is for `showtell.images.decode.decode` to say.

    Arguments:
        url: http or https.
        max_bytes: stop reading a larger one, whatever its server says its size is.
        timeout: seconds that may pass without a byte, and that the whole may take once the server has answered.
        show: whether there is a progress bar.

    Raises:
        InputError: the address is none.
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
