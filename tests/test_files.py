"""A file is whole under its name or not there; what killed processes leave is removed; locks end with a process."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from showtell.errors import InputError, OutputError
from showtell.files import held, remove_unfinished, write_beside, write_bytes


def elsewhere(code, *arguments):
    """Another process that runs `code`, prints a line, and waits."""
    program = f"import sys, time\nfrom pathlib import Path\nfrom showtell.files import *\n{code}"
    process = subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


WRITING = """
with write_beside(Path(sys.argv[1]), growing=len(sys.argv) > 2) as file:
    file.write(b"half"); file.flush(); print("ready", flush=True); time.sleep(60)
"""
HOLDING = """
with held(Path(sys.argv[1])):
    print("ready", flush=True); time.sleep(60)
"""


def test_a_failing_write_leaves_the_old_file_and_nothing_else(tmp_path):
    write_bytes(tmp_path / "a", b"old")
    with pytest.raises(TypeError), write_beside(tmp_path / "a") as file:
        file.writelines([b"new", "no bytes"])
    assert (tmp_path / "a").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "new link").symlink_to("not yet")
    write_bytes(tmp_path / "link", b"new")
    write_bytes(tmp_path / "new link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == (tmp_path / "not yet").read_bytes() == b"new"


def test_devices_and_pipes_are_written_to_and_not_replaced(tmp_path):
    write_bytes(Path("/dev/null"), b"gone")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    os.mkfifo(tmp_path / "pipe")
    reader = subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE)
    write_bytes(tmp_path / "pipe", b"through")
    assert reader.communicate()[0] == b"through"
    assert stat.S_ISFIFO(os.stat(tmp_path / "pipe").st_mode)
    program = "from pathlib import Path; from showtell.files import *; write_bytes(Path('/dev/stdout'), b'through')"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout == b"through"


def test_a_private_file_stays_private(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(0o600)
    write_bytes(tmp_path / "a", b"new")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["x" * 255, "ü" * 127, "x" * 241])
def test_the_longest_names_can_be_written(tmp_path, name):
    write_bytes(tmp_path / name, b"data")
    assert (tmp_path / name).read_bytes() == b"data"
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", ["folder", "file/inside", "x" * 256])
def test_what_cannot_be_written_is_one_error_that_names_it(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match=r"cannot be written \(.*\): check") as caught:
        write_bytes(tmp_path / name, b"data")
    assert str(caught.value).startswith(str(tmp_path / name))
    assert caught.value.exit_code == 2


def test_a_full_disk_is_one_error_and_leaves_nothing(tmp_path):
    code = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with write_beside(Path(sys.argv[1])) as file:
        for _ in range(100): file.write(bytes(100)); file.flush()
except Exception as error:
    print(type(error).__name__, error.exit_code, error)
print("ready", flush=True)
"""
    program = f"import sys\nfrom pathlib import Path\nfrom showtell.files import *\n{code}"
    path = tmp_path / "a"
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == (
        f"OutputError 1 {path}: cannot be written (File too large): make room, or name another"
    )
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_stays(tmp_path):
    dead, living = (elsewhere(WRITING, tmp_path / "a") for _ in range(2))
    assert len(os.listdir(tmp_path)) == 2
    dead.send_signal(signal.SIGKILL)
    dead.wait()
    write_bytes(tmp_path / "a", b"whole")
    assert sorted(os.listdir(tmp_path)) == [f".a.{living.pid}.partial", "a"]
    (tmp_path / ".other.partial").write_bytes(b"of another program")
    remove_unfinished(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [f".a.{living.pid}.partial", ".other.partial", "a"]
    living.kill()
    living.wait()
    remove_unfinished(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [".other.partial", "a"]


def test_a_growing_file_can_be_watched_stays_when_cut_off_and_has_one_writer(tmp_path):
    writer = elsewhere(WRITING, tmp_path / "a", "growing")
    assert (tmp_path / "a.partial").read_bytes() == b"half"
    with (
        pytest.raises(InputError, match=r"a: another run is writing it \(a\.partial\)"),
        write_beside(tmp_path / "a", growing=True),
    ):
        pass
    assert (tmp_path / "a.partial").read_bytes() == b"half"
    writer.kill()
    writer.wait()
    with pytest.raises(TypeError), write_beside(tmp_path / "a", growing=True) as file:
        file.writelines([b"some", "no bytes"])
    assert (tmp_path / "a.partial").read_bytes() == b"some"
    with write_beside(tmp_path / "a", growing=True) as file:
        file.write(b"all")
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"all"


def test_a_lock_is_held_by_one_living_process(tmp_path):
    job, lock = tmp_path / "job", tmp_path / "job" / ".lock"
    first = elsewhere(HOLDING, job)
    message = rf"job: another run \(process {first.pid}\) is at work there"
    with pytest.raises(InputError, match=message), held(job):
        pass
    assert lock.exists()
    first.kill()
    first.wait()
    with held(job):
        assert lock.read_text() == f"{os.getpid()}\n"
    assert not os.listdir(job)


def test_a_folder_that_was_made_for_nothing_is_gone_again(tmp_path):
    with held(tmp_path / "empty"):
        pass
    with held(tmp_path / "used"):
        (tmp_path / "used" / "a").write_bytes(b"")
    assert os.listdir(tmp_path) == ["used"]
