"""Downloads end whole and right, or not at all, whatever the server and the connection do: against a server here."""

import hashlib
import json
import shutil
from collections import namedtuple

import pytest

from showtell.data.download.fetch import download_picture, fetch
from showtell.errors import InputError, ShowtellError
from showtell.files import held

DATA = bytes(range(256)) * 4000  # a MB in which every place can be told from its neighbours
MD5 = hashlib.md5(DATA).hexdigest()
OTHER = DATA[::-1]
DAY = "Mon, 02 Jan 2023 03:04:05 GMT"


@pytest.fixture
def get(tmp_path):
    """Fetches to `file`, quietly and without pauses."""

    def run(url, **options):
        waited = []
        received = fetch(url, tmp_path / "file", show=False, pause=waited.append, **options)
        assert (tmp_path / "file").read_bytes() in (DATA, OTHER)
        assert [path.name for path in tmp_path.iterdir()] == ["file"], "something was left beside it"
        return received, waited

    return run


def leave_part(folder, data, **notes):
    (folder / "file.part").write_bytes(data)
    (folder / "file.part.json").write_text(json.dumps(notes))


def test_a_file_comes_whole_in_one_request(server, get):
    assert get(server.serve("/file", DATA), size=len(DATA), md5=MD5, sha256=hashlib.sha256(DATA).hexdigest()) == (
        len(DATA),
        [],
    )
    assert len(server.requests) == 1


def test_a_file_of_unknown_length_comes_whole(server, get):
    assert get(server.serve("/file", DATA, length=False), md5=MD5)[0] == len(DATA)


def test_a_file_that_is_here_is_checked_and_not_asked_for(server, get, tmp_path):
    (tmp_path / "file").write_bytes(DATA)
    assert get(server.serve("/file", DATA), md5=MD5)[0] == 0
    assert server.requests == []


@pytest.mark.parametrize("known", [{"md5": "0" * 32}, {"size": 5}])
def test_another_file_of_that_name_is_kept_and_told(server, tmp_path, known):
    (tmp_path / "file").write_bytes(OTHER)
    with pytest.raises(InputError, match=r"not the file that belongs here.*move or delete it"):
        fetch(server.base, tmp_path / "file", show=False, **known)
    assert (tmp_path / "file").read_bytes() == OTHER


def test_a_cut_connection_goes_on_where_it_broke_off(server, get):
    url = server.serve("/file", DATA, etag='"v1"', cuts=[300_000, 250_000])
    received, waited = get(url, md5=MD5)
    assert received == len(DATA)
    assert server.ranges() == ["", "bytes=300000-", "bytes=550000-"]
    assert server.requests[1][1]["if-range"] == '"v1"'
    assert waited == []  # each attempt brought something


def test_a_stopped_run_is_gone_on_with_by_the_next(server, tmp_path, get):
    url = server.serve("/file", DATA, modified=DAY, cuts=[300_000, 0])
    with pytest.raises(ShowtellError, match=r"300 kB stored: run the same command again to resume"):
        fetch(url, tmp_path / "file", retries=0, show=False)
    assert not (tmp_path / "file").exists()
    received, _ = get(url)
    assert received == len(DATA) - 300_000
    assert server.requests[-1][1]["if-range"] == DAY


def test_a_part_that_is_whole_only_gets_its_name(server, tmp_path, get):
    leave_part(tmp_path, DATA)
    assert get(server.base + "/none", size=len(DATA), md5=MD5)[0] == 0
    assert server.requests == []


def test_a_part_that_nobody_knows_is_not_gone_on_with(server, tmp_path, get):
    url = server.serve("/file", DATA, etag='"v1"')
    for notes in ({"url": "http://another", "validator": '"v1"', "total": len(DATA)}, {}, {"url": url, "total": "x"}):
        leave_part(tmp_path, OTHER[:1000], **notes)
        assert get(url)[0] == len(DATA)
        (tmp_path / "file").unlink()
    (tmp_path / "file.part").write_bytes(OTHER[:1000])
    (tmp_path / "file.part.json").write_text("not JSON")
    assert get(url)[0] == len(DATA)
    assert server.ranges() == [""] * 4


def test_a_file_that_has_changed_begins_anew(server, tmp_path, get):
    url = server.serve("/file", DATA, etag='"v1"', cuts=[300_000, 0])
    with pytest.raises(ShowtellError):
        fetch(url, tmp_path / "file", retries=0, show=False)
    server.serve("/file", OTHER, etag='"v2"')
    assert get(url)[0] == len(OTHER)
    assert (tmp_path / "file").read_bytes() == OTHER


def test_a_changed_file_is_noticed_where_the_server_does_not_know_if_range(server, tmp_path, get):
    url = server.serve("/file", DATA, etag='"v1"', cuts=[300_000, 0])
    with pytest.raises(ShowtellError):
        fetch(url, tmp_path / "file", retries=0, show=False)
    server.serve("/file", OTHER, etag='"v2"', conditions=False)
    assert get(url)[0] == len(OTHER)
    assert (tmp_path / "file").read_bytes() == OTHER


def test_notes_never_describe_bytes_of_an_older_file(server, tmp_path, monkeypatch):
    """Killed between the notes and the first byte, a run must leave no old bytes under new notes."""
    from showtell.data.download import transfer

    url = server.serve("/file", OTHER, etag='"v2"')
    leave_part(tmp_path, DATA[:300_000], url=url, validator='"v1"', total=len(DATA))

    def killed(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(transfer, "open", killed, raising=False)
    with pytest.raises(KeyboardInterrupt):
        fetch(url, tmp_path / "file", show=False)
    monkeypatch.undo()
    monkeypatch.setenv("no_proxy", "*")
    fetch(url, tmp_path / "file", show=False)
    assert (tmp_path / "file").read_bytes() == OTHER


def test_a_server_without_ranges_sends_all_again(server, get):
    url = server.serve("/file", DATA, ranges=False, etag='"v1"', cuts=[300_000])
    assert get(url, md5=MD5)[0] == len(DATA) + 300_000


def test_a_server_that_sends_less_than_was_asked_for_is_asked_again(server, get):
    url = server.serve("/file", DATA, etag='"v1"', cuts=[300_000], most=200_000)
    assert get(url, md5=MD5)[0] == len(DATA)
    assert server.ranges()[1:] == [f"bytes={begin}-" for begin in range(300_000, len(DATA), 200_000)]


def test_a_part_of_which_the_server_has_nothing_more_begins_anew(server, tmp_path, get):
    leave_part(tmp_path, DATA + DATA)
    assert get(server.serve("/file", DATA), md5=MD5)[0] == len(DATA)
    assert server.ranges() == [f"bytes={2 * len(DATA)}-", ""]


def test_a_part_that_is_too_long_is_not_asked_about(server, tmp_path, get):
    leave_part(tmp_path, DATA + DATA)
    get(server.serve("/file", DATA), md5=MD5, size=len(DATA))
    assert server.ranges() == [""]


def test_a_part_of_a_file_of_another_size_begins_anew(server, tmp_path, get):
    url = server.serve("/file", DATA)
    leave_part(tmp_path, DATA[:1000], url=url, validator="", total=500_000)
    get(url, md5=MD5)
    assert server.ranges() == ["bytes=1000-", ""]


def test_passing_failures_are_waited_for_ever_longer(server, get):
    _, waited = get(server.serve("/file", DATA, failures=[503, 429, 500]), md5=MD5)
    assert waited == [1.0, 2.0, 4.0]


def test_after_so_many_failures_in_a_row_it_gives_up(server, tmp_path):
    url = server.serve("/file", DATA, failures=[503] * 9)
    with pytest.raises(ShowtellError, match="503 Service Unavailable; attempts without a new byte: 4"):
        fetch(url, tmp_path / "file", retries=3, show=False, pause=lambda seconds: None)
    assert len(server.requests) == 4


def test_a_server_that_refuses_is_asked_once(server, tmp_path):
    with pytest.raises(ShowtellError, match="404 Not Found: check the address"):
        fetch(server.base + "/none", tmp_path / "file", show=False)
    assert len(server.requests) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_checksum_deletes_what_came(server, tmp_path):
    with pytest.raises(ShowtellError, match=f"its md5 is {MD5}, not {'0' * 32}"):
        fetch(server.serve("/file", DATA), tmp_path / "file", md5="0" * 32, show=False)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_size_is_told_before_the_first_byte(server, tmp_path):
    with pytest.raises(ShowtellError, match=r"the server's file has 1,024,000 bytes, not 5: use another mirror"):
        fetch(server.serve("/file", DATA), tmp_path / "file", size=5, show=False)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_says_no_size_cannot_send_without_end(server, tmp_path):
    url = server.serve("/file", DATA, length=False)
    with pytest.raises(ShowtellError, match="sends more than 700,000 bytes"):
        fetch(url, tmp_path / "file", size=700_000, show=False)
    with pytest.raises(ShowtellError, match="larger than the limit of 500 kB"):
        fetch(url, tmp_path / "other", max_bytes=500_000, show=False)
    with pytest.raises(ShowtellError, match="larger than the limit of 500 kB"):
        fetch(server.serve("/honest", DATA), tmp_path / "third", max_bytes=500_000, show=False)


def test_a_redirect_is_followed_with_the_range(server, tmp_path, get):
    server.serve("/real", DATA)
    leave_part(tmp_path, DATA[:5000])
    assert get(server.serve("/file", b"", location="/real"), md5=MD5)[0] == len(DATA) - 5000


def test_a_redirect_to_a_file_of_this_machine_is_refused(server, tmp_path):
    (tmp_path / "secret").write_bytes(DATA)
    url = server.serve("/file", b"", location=f"file://{tmp_path}/secret")
    with pytest.raises(ShowtellError):
        fetch(url, tmp_path / "file", show=False)
    assert not (tmp_path / "file").exists()


def test_a_silent_server_counts_as_a_cut_connection(server, tmp_path):
    url = server.serve("/file", DATA, delay=5.0)
    with pytest.raises(ShowtellError, match="does not answer in time"):
        fetch(url, tmp_path / "file", timeout=0.1, retries=1, show=False, pause=lambda seconds: None)


def test_nothing_is_begun_that_the_disk_cannot_hold(server, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 0, 68_000_000))
    url = server.serve("/file", DATA)
    with pytest.raises(
        ShowtellError, match=r"1\.0 MB and a reserve of 67\.1 MB are needed, 68\.0 MB are free: make room"
    ):
        fetch(url, tmp_path / "new" / "folder" / "file", show=False)
    small = server.serve("/small", DATA[:700_000])
    fetch(small, tmp_path / "small", show=False)


def test_a_disk_that_fills_up_keeps_what_came(server, tmp_path, monkeypatch):
    from showtell.data.download import transfer

    real = open

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def seek(self, place):
            self.file.seek(place)

        def write(self, data):
            if self.file.tell() >= 100_000:
                raise OSError(28, "No space left on device")
            return self.file.write(data[: 100_000 - self.file.tell()])

    monkeypatch.setattr(transfer, "open", lambda *a, **k: Full(real(*a, **k)), raising=False)
    url = server.serve("/file", DATA)
    with pytest.raises(ShowtellError, match=r"cannot be written .No space left on device.: make room"):
        fetch(url, tmp_path / "file", md5=MD5, show=False)
    monkeypatch.undo()
    monkeypatch.setenv("no_proxy", "*")
    assert (tmp_path / "file.part").stat().st_size == 100_000
    assert fetch(url, tmp_path / "file", md5=MD5, show=False) == len(DATA) - 100_000


@pytest.mark.parametrize("url", ["ftp://example.org/x", "http://", "https://host:port/x", "http://[::1/x", "x.jpg"])
def test_what_is_no_address_is_told(tmp_path, url):
    with pytest.raises(InputError, match="not an address"):
        fetch(url, tmp_path / "file")


def test_a_picture_is_downloaded_up_to_a_limit_of_size_and_time(server):
    assert download_picture(server.serve("/x.jpg", DATA)) == DATA
    assert download_picture(server.serve("/with blank é.jpg".replace(" ", "%20").replace("é", "%C3%A9"), DATA)) == DATA
    assert download_picture(server.base + "/with blank é.jpg") == DATA
    for length in (True, False):
        url = server.serve("/large.jpg", DATA, length=length)
        with pytest.raises(ShowtellError, match="larger than the limit of 100 kB"):
            download_picture(url, max_bytes=100_000)
    with pytest.raises(ShowtellError, match=r"not here within 0\.3 seconds"):
        download_picture(server.serve("/slow.jpg", DATA, delay=0.05), timeout=0.3)
    with pytest.raises(ShowtellError, match="the connection was cut"):
        download_picture(server.serve("/cut.jpg", DATA, cuts=[1000]))
    with pytest.raises(ShowtellError, match="a web page, not a picture"):
        download_picture(server.serve("/page", b"<html>", type="text/html; charset=utf-8"))


def test_the_server_that_is_not_there_is_named(tmp_path, server):
    url = server.base + "/x"
    server.close()
    with pytest.raises(ShowtellError, match="the server refuses the connection"):
        download_picture(url)


def test_a_second_run_on_a_file_says_so_and_leaves_its_part_alone(server, tmp_path):
    url = server.serve("/file", DATA)
    leave_part(tmp_path, DATA[:1000])
    with held(tmp_path, "file"):
        with pytest.raises(
            InputError, match=r"file: another run \(process \d+\) is writing it: wait until it has ended"
        ):
            fetch(url, tmp_path / "file", show=False)
        fetch(url, tmp_path / "other", show=False)
    assert (tmp_path / "file.part").read_bytes() == DATA[:1000]
    assert server.ranges() == [""]
    fetch(url, tmp_path / "file", show=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "other"]
