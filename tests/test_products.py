"""Products of rows: those of NumPy, the same in any company, and none of the threads of NumPy's OpenBLAS for them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from repository import ROOT
from showtell.products import row_products

# Prints how often threads of OpenBLAS have woken up: for what is under test, and for a large product.
PROGRAM = """
import os, sys, time
import numpy as np

POOL = [tid for tid in os.listdir("/proc/self/task") if int(tid) != os.getpid()]

def woken():
    found = []
    for tid in POOL:
        with open(f"/proc/self/task/{tid}/status") as file:
            found.append(next(int(line.split()[1]) for line in file if line.startswith("voluntary")))
    return found

def settled():
    before = None
    while before != (now := woken()):  # threads of OpenBLAS spin a little before they sleep
        before = now
        time.sleep(0.5)
    return now

from showtell.captioning.captioner import Captioner
from showtell.products import row_products

rng = np.random.default_rng(0)
captioner = Captioner("flickr8k-fast")
first = settled()
for _ in range(20):
    row_products(rng.normal(size=(16, 1280)), rng.normal(size=(1000, 1280)))
small = settled()
captions = captioner.caption(sys.argv[1:])
assert all(caption.tags is not None and caption.confidence is not None for caption in captions)
captioned = settled()
rng.normal(size=(500, 500)) @ rng.normal(size=(500, 500))
large = settled()
print(len(POOL), small != first, captioned != small, large != captioned)
"""


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 3, 1280, 40_000])
@pytest.mark.parametrize("columns", [0, 1, 2, 25, 26, 101])
def test_products_are_numpys(kind, size, columns):
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(columns, size)).astype(kind)
    for count in (0, 1, 7, 8, 9, 33):
        rows = rng.normal(size=(count, size)).astype(kind)
        found = row_products(rows, matrix)
        assert found.dtype == kind
        expected = rows.astype(np.float64) @ matrix.astype(np.float64).T
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-5 * size**0.5)


def test_a_rows_products_are_the_same_in_any_company():
    rng = np.random.default_rng(0)
    rows, matrix = rng.normal(size=(33, 1280)).astype(np.float32), rng.normal(size=(999, 1280)).astype(np.float32)
    together = row_products(rows, matrix)
    for begin, end in ((0, 1), (5, 7), (20, 33)):
        assert np.array_equal(row_products(rows[begin:end], matrix), together[begin:end])


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are looked at in Linux's /proc")
def test_captions_with_tags_and_confidence_wake_no_thread_of_numpys():
    photos = sorted((ROOT / "examples" / "photos").glob("*.jpg"))[:10]
    given = os.environ | {"OPENBLAS_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *photos], env=given, capture_output=True, text=True, check=True
    )
    threads, small, captioned, large = done.stdout.split()
    if threads == "0":
        pytest.skip("NumPy has no threads of its own here: one core, or another library than OpenBLAS")
    assert large == "True", "a large product is shared, so the threads are those that are looked at"
    assert (small, captioned) == ("False", "False")
