"""A service and a captioner under load hold no more at the end than at the beginning."""

import sys

import pytest

from repository import ROOT

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads what processes hold from /proc")


@pytest.fixture
def soak(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import soak

    return soak


@pytest.mark.slow  # it serves and captions for seconds
def test_some_seconds_of_requests_and_captions_leave_nothing_behind(soak, tiny_bundle, tmp_path):
    found = soak.soak(6.0, 30.0, str(tiny_bundle), tmp_path)
    assert all(found["service"].done[kind] >= 2 for kind in soak.KINDS)
    assert found["captioning"].done["pictures"] > 17
    for one in found.values():
        assert one.wrong == []
        assert soak.flat(one.samples), one.samples


@pytest.mark.parametrize(
    ("what", "amounts"),
    [("memory", (0, 100, 120)), ("descriptors", (0, 6, 9)), ("threads", (0, 6, 9))],
)
def test_what_grows_is_seen(soak, what, amounts):
    start, second, last = amounts
    level = {"memory": 100.0, "descriptors": 6.0, "threads": 6.0}

    def samples(end):
        values = [start] * 15 + [second] * 30 + [end] * 15
        return [soak.Sample(float(i), **level | {what: float(value)}) for i, value in enumerate(values)]

    assert soak.flat(samples(second))
    assert not soak.flat(samples(last))


def test_the_page_gets_tables_and_charts(soak, tmp_path):
    page = tmp_path / "soak.md"
    page.write_text(f"before\n{soak.BEGIN}\nold\n{soak.END}\nafter\n")
    one = soak.Soak([soak.Sample(60.0 * i, 100.0 + i, 7.0, 4.0) for i in range(8)], soak.Counter({"passes": 3}))
    soak.write(page, {"service": one, "captioning": one}, 7)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "| service | memory, MiB | 102 | 106 | 107 |" in text
    assert "- captioning: 3 passes; 0 answers differed" in text
    assert page.with_suffix(".svg").read_text().count("<polyline") == 12  # three charts of two lines, with their keys
