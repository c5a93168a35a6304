"""What a user names becomes pictures: all, some at random or by index, from files and from the web."""

import tarfile

import pytest

from showtell.data.sources.gather import PictureSelection, Sample, WebOptions
from showtell.errors import InputError

QUIET = WebOptions(show=False)
ALL = Sample()


def names(sources, sample=ALL):
    return [picture.name for picture in PictureSelection([str(source) for source in sources], sample, QUIET).read()]


def test_pictures_are_named_as_the_user_named_them(photos, server):
    url = server.serve("/x.png", (photos / "3.png").read_bytes())
    gathered = PictureSelection([str(photos), str(photos / "1.png"), url], ALL, QUIET)
    pictures = list(gathered.read())
    assert [p.name for p in pictures] == [f"{photos}/{i}.png" for i in range(10)] + [f"{photos}/1.png", url]
    assert gathered.count == gathered.total == 12
    assert gathered.on_the_web
    assert pictures[-1].data == (photos / "3.png").read_bytes()
    assert names([photos]) == [f"{i}.png" for i in range(10)]


def test_random_pictures_are_as_many_as_asked_for_and_the_same_for_a_seed(photos):
    first = names([photos, photos / "3.png"], Sample(count=4, seed=1))
    assert len(set(first)) == 4
    assert first == names([photos, photos / "3.png"], Sample(count=4, seed=1))
    assert len({tuple(names([photos], Sample(count=4, seed=seed))) for seed in range(20)}) > 10
    assert names([photos], Sample(count=99)) == names([photos])


def test_every_picture_has_the_same_chance():
    hits = [0] * 20
    for seed in range(2000):
        for index in Sample(count=5, seed=seed).of(20):
            hits[index] += 1
    assert min(hits) > 420  # 500 expected, standard deviation 19
    assert max(hits) < 580


def test_pictures_by_index_count_from_0_over_all_sources(photos):
    assert names([photos, photos / "7.png"], Sample(indices=(10, 2, 2))) == [f"{photos}/2.png", f"{photos}/7.png"]


@pytest.mark.parametrize("index", [10, -1])
def test_an_index_that_no_picture_has_is_an_error(photos, index):
    with pytest.raises(InputError, match=f"no picture {index}.* 10, counted from 0"):
        PictureSelection([str(photos)], Sample(indices=(index,)))


def test_impossible_choices_and_limits_are_errors():
    for wrong in ({"count": 0}, {"count": 2, "indices": (1,)}):
        with pytest.raises(InputError):
            Sample(**wrong)
    for wrong in ({"max_bytes": 0}, {"timeout": 0.0}):
        with pytest.raises(InputError):
            WebOptions(**wrong)


def test_an_archive_is_read_no_further_than_the_last_chosen_picture(photos, tmp_path):
    with tarfile.open(tmp_path / "p.tar", "w") as archive:
        archive.add(photos, "photos")
    whole = (tmp_path / "p.tar").read_bytes()
    first = names([tmp_path / "p.tar"])[0]
    (tmp_path / "p.tar").write_bytes(whole[: len(whole) // 2])
    assert names([tmp_path / "p.tar"], Sample(indices=(0,))) == [first]
    with pytest.raises(InputError, match="ends after"):
        names([tmp_path / "p.tar"])


def test_a_picture_that_the_web_does_not_give_is_a_listed_reject(photos, server):
    good = server.serve("/good.png", (photos / "1.png").read_bytes())
    page = server.serve("/page", b"<html>", type="text/html")
    pictures = list(PictureSelection([server.base + "/none.png", page, good], ALL, QUIET).read())
    assert [bool(picture.error) for picture in pictures] == [True, True, False]
    assert "404" in pictures[0].error
    assert "a web page" in pictures[1].error


def test_a_picture_that_was_not_chosen_is_not_downloaded(photos, server):
    url = server.serve("/x.png", b"x")
    names([url, photos / "1.png"], Sample(indices=(1,)))
    assert server.requests == []


def test_an_address_that_is_none_is_told_at_once():
    with pytest.raises(InputError, match="not an address"):
        PictureSelection(["http://"])
