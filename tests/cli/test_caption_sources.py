"""`showtell caption` on pictures from the web, at random and by index."""

import zipfile

import pytest

from command_line import caption
from showtell.captioning.captioner import Captioner


def test_a_picture_from_the_web_is_captioned_as_the_file_is(photos, tiny_bundle, server):
    url = server.serve("/some%20dir/x.png?y=1", (photos / "3.png").read_bytes())
    result = caption(url, model=tiny_bundle)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{url}: {Captioner(tiny_bundle).caption(photos / '3.png').text}\n"
    assert "downloading" in result.stderr


def test_the_size_limit_and_the_time_out_of_downloads_are_options(photos, tiny_bundle, server):
    data = (photos / "3.png").read_bytes()
    large = server.serve("/large.png", data)
    slow = server.serve("/slow.png", data, delay=0.5)
    result = caption(large, "--max-size", "0.001", model=tiny_bundle)
    assert result.returncode == 1
    assert "larger than the limit of 1 kB" in result.stdout
    result = caption(slow, "--timeout", "0.2", model=tiny_bundle)
    assert result.returncode == 1
    assert "in time" in result.stdout or "within 0.2 seconds" in result.stdout


def test_random_pictures_of_a_zip_can_be_drawn_again(photos, tiny_bundle, tmp_path):
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for i in range(10):
            archive.write(photos / f"{i}.png", f"{i}.png")
    first = caption("--random", "4", "p.zip", "--html", "page.html", model=tiny_bundle, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert len(first.stdout.splitlines()) == 4
    assert (tmp_path / "page.html").read_text().count("<figure") == 4
    assert "4 of 10 pictures" in first.stderr
    seed = first.stderr.partition("--seed ")[2].split()[0]
    again = caption("--random", "4", "--seed", seed, "p.zip", model=tiny_bundle, cwd=tmp_path)
    assert again.stdout == first.stdout


def test_one_picture_by_index(photos, tiny_bundle):
    assert caption(photos, "--index", "7", model=tiny_bundle).stdout.startswith("7.png: ")
    two = caption(photos, "--index", "7", "--index", "0", model=tiny_bundle).stdout
    assert [line.split(":")[0] for line in two.splitlines()] == ["0.png", "7.png"]


def test_a_picture_named_twice_is_on_the_page_twice(photos, tiny_bundle, tmp_path):
    page = tmp_path / "page.html"
    caption(photos / "1.png", photos / "1.png", "--html", page, model=tiny_bundle)
    assert page.read_text().count("<img") == 2


def test_pictures_are_shown_with_their_captions_under_them(photos, tiny_bundle, showtell, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = Captioner(tiny_bundle).caption(photos / "3.png").text
    ran = showtell("caption", photos / "3.png", "--show", "--model", tiny_bundle)
    assert ran.code == 0, ran.err
    assert ran.out.count("▀") > 200
    assert ran.out.splitlines()[-1] == f"  {text}"
    monkeypatch.setenv("NO_COLOR", "1")
    plain = showtell("caption", photos / "3.png", "--show", "--model", tiny_bundle).out
    assert "▀" not in plain
    assert f"  {text}\n" in plain


def test_what_is_shown_may_be_written_to_a_file_too(photos, tiny_bundle, tmp_path, showtell):
    out = tmp_path / "o.jsonl"
    ran = showtell("caption", photos, "--show", "--format", "jsonl", "-o", out, "--model", tiny_bundle)
    assert len(out.read_text().splitlines()) == 10
    assert ran.out.splitlines()[::2] == [f"{i}.png" for i in range(10)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--index", "10"], "no picture 10"),
        (["--random", "0"], "must be positive"),
        (["--random", "2", "--index", "1"], "not both"),
        (["--seed", "3"], "--random"),
        (["--max-size", "0"], "positive"),
        (["--show", "--format", "csv"], "--show draws where csv would be written"),
        (["https://"], "https://"),
    ],
)
def test_a_wrong_choice_is_one_line_and_exit_code_2(photos, tiny_bundle, showtell, arguments, said):
    ran = showtell("caption", photos, *arguments, "--model", tiny_bundle)
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert said in ran.err
