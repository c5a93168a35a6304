"""Uploads that nobody should send: the benchmark that sends ten thousand of them, with fewer."""

import subprocess
import sys

from repository import ROOT

FUZZ = ROOT / "benchmarks" / "serve_fuzz.py"


def test_a_service_stays_well_whatever_is_sent_to_it(tiny_bundle):
    command = [sys.executable, str(FUZZ), "--count", "300", "--model", str(tiny_bundle)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    *kinds, verdict = done.stdout.splitlines()
    assert verdict == "the service is well"
    assert len(kinds) == 15
    assert any("200" in line for line in kinds)  # some of what is odd is a picture after all
