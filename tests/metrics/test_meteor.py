"""METEOR's driver with programs that misbehave in Java's place; its scores are tested in test_metrics_recorded."""

import os
import sys
import time

import pytest

from showtell.errors import InputError, MissingExtra, ShowtellError
from showtell.metrics import JavaOptions, meteor

HYPOTHESES = {"x": ["a", "dog"], "y": ["un", "café", "|||"]}
REFERENCES = {"x": [["a", "dog", "runs"], ["the", "dog"]], "y": [["un", "café", "noir"]]}
ANSWER = "2 2 1 1 1 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 1 2 2"

pytestmark = [
    pytest.mark.slow,  # the jar comes with the extra java
    pytest.mark.skipif(os.name == "nt", reason="the stand-ins for Java are scripts with a first line #!"),
]


@pytest.fixture
def java(tmp_path):
    """Makes a program that runs Python code in Java's place."""

    def make(code: str, patience: float = 20.0) -> JavaOptions:
        path = tmp_path / "java"
        path.write_text(f"#!{sys.executable}\nimport os, sys, time\n{code}\n", "utf-8")
        path.chmod(0o755)
        return JavaOptions(program=str(path), patience=patience)

    return make


def test_requests_are_what_pycocoevalcap_would_send_in_utf_8(java, tmp_path):
    options = java(
        f"open({str(tmp_path / 'seen')!r}, 'wb').write(sys.stdin.buffer.read()); print({ANSWER!r}); print({ANSWER!r})"
    )
    assert meteor(HYPOTHESES, REFERENCES, java=options).corpus == {"METEOR": pytest.approx(1.0)}
    assert (tmp_path / "seen").read_text("utf-8").splitlines() == [
        "SCORE ||| a dog runs ||| the dog ||| a dog",
        "SCORE ||| un café noir ||| un café ",
    ]


def test_a_program_that_stops_answering_is_stopped(java, tmp_path):
    options = java(
        f"print({ANSWER!r}, flush=True); open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)",
        patience=1.5,
    )
    began = time.monotonic()
    with pytest.raises(ShowtellError, match=r"gave no answer for 1\.5 s, after 1 of 2 captions"):
        meteor(HYPOTHESES, REFERENCES, java=options)
    assert time.monotonic() - began < 60
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_program_that_complains_at_length_is_not_blocked(java):
    options = java(f"sys.stderr.write('warning\\n' * 200_000); print({ANSWER!r}); print({ANSWER!r})")
    assert meteor(HYPOTHESES, REFERENCES, java=options).per_picture.shape == (2, 1)


def test_a_program_that_never_reads_breaks_no_pipe(java):
    many = {str(i): ["a", "dog"] * 50 for i in range(2000)}
    options = java(f"print('\\n'.join([{ANSWER!r}] * 2000))")
    assert (
        meteor(many, {picture: [words] for picture, words in many.items()}, java=options).per_picture.shape[0] == 2000
    )


def test_a_program_that_fails_is_quoted(java):
    options = java("print('Could not reserve enough space for object heap', file=sys.stderr); sys.exit(1)")
    with pytest.raises(ShowtellError, match=r"exit code 1, after 0 of 2 captions; it says: Could not reserve enough"):
        meteor(HYPOTHESES, REFERENCES, java=options)


@pytest.mark.parametrize("answers", [ANSWER, "Error: specify hypothesis", f"{ANSWER} 1\\n{ANSWER} 1"])
def test_answers_that_are_no_counts_are_refused(java, answers):
    with pytest.raises(ShowtellError, match="answered something else than its counts"):
        meteor(HYPOTHESES, REFERENCES, java=java(f"print({answers!r})"))


def test_without_java_the_message_says_what_to_do():
    with pytest.raises(InputError, match="METEOR needs Java, and there is no 'no-such-java' here"):
        meteor(HYPOTHESES, REFERENCES, java=JavaOptions(program="no-such-java"))


def test_without_its_package_the_message_names_the_extra(monkeypatch):
    monkeypatch.setattr("showtell.metrics.meteor_java.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"METEOR needs .* pip install 'showtell\[java\]'"):
        meteor(HYPOTHESES, REFERENCES)
