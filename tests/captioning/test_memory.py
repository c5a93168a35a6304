"""How many pictures are written about at once."""

from showtell.captioning.memory import free_memory, pictures_at_once


def test_the_limit_is_divided_among_pictures_and_threads():
    assert pictures_at_once(10, 100, threads=2) == 5
    assert pictures_at_once(10, 5, threads=2) == 1  # at least one
    assert pictures_at_once(10, 10**9, threads=1) == 32


def test_decoders_without_keys_have_no_limit():
    assert pictures_at_once(0, 1, threads=4) > 10**6


def test_free_memory_is_read_from_the_kernel(tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal: 900 kB\nMemAvailable:   400 kB\n")
    assert free_memory(tmp_path / "meminfo") == 400 * 1024
    assert free_memory(tmp_path / "missing") > 0
