"""The client of the service: results as the captioner gives them, and errors that say what to do."""

import asyncio

import pytest

from serving import service_running
from showtell import Captioner
from showtell.client import AsyncClient, Client, ServiceError, to_result
from showtell.errors import InputError
from showtell.serve.auth import Access


@pytest.fixture(scope="module")
def captioner(tiny_bundle):
    return Captioner(tiny_bundle, threads=1)


@pytest.fixture(scope="module")
def running(captioner):
    with service_running(captioner, access=Access(token="sesame")) as running:
        yield running


def test_results_are_those_of_the_captioner(running, captioner, photos):
    client = Client(running.base, "sesame")
    found = client.caption(photos / "0.png", num_captions=2, beam=3)
    expected = captioner.caption(photos / "0.png", num_captions=2, beam=3)
    assert found.name == str(photos / "0.png")
    assert [one.text for one in found.caption.n_best] == [one.text for one in expected.n_best]
    assert found.caption.score == pytest.approx(expected.score, abs=1e-4)
    assert [word.probability for word in found.caption.words] == pytest.approx(
        [word.probability for word in expected.words], abs=1e-4
    )
    assert client.caption((photos / "0.png").read_bytes()).name == "picture"
    assert (client.ready(), client.model()["name"]) == (True, "tiny")


def test_many_pictures_come_in_their_order_with_their_errors(running, captioner, photos):
    (photos / "3.png").write_bytes(b"broken")
    paths = [*sorted(photos.glob("*.png")), photos / "none.png"]
    results = list(Client(running.base, "sesame", at_once=3).captions(paths))
    assert [one.name for one in results] == [str(path) for path in paths]
    assert [one.name for one in results if one.error] == [str(photos / "3.png"), str(photos / "none.png")]
    assert results[4].caption.text == captioner.caption(photos / "4.png").text

    async def by_async():
        client = AsyncClient(running.base, "sesame", at_once=3)
        assert await client.ready()
        return [one async for one in client.captions(paths)]

    assert [(one.name, one.error) for one in asyncio.run(by_async())] == [(one.name, one.error) for one in results]


def test_errors_say_what_to_do(running, photos):
    with pytest.raises(ServiceError, match="a token is needed") as refused:
        Client(running.base).caption(photos / "0.png")
    assert refused.value.status == 401
    with pytest.raises(ServiceError, match="did you mean beam"):
        Client(running.base, "sesame").caption(photos / "0.png", beems=1)
    with pytest.raises(ServiceError, match="is showtell serve running"):
        Client("http://127.0.0.1:1").model()
    assert not Client("http://127.0.0.1:1").ready()
    with pytest.raises(InputError, match="cannot be read"):
        Client(running.base).caption(photos / "none.png")
    with pytest.raises(InputError, match="begins with http"):
        Client("127.0.0.1:8000")


def test_rows_become_results():
    assert to_result({"name": "a", "error": "broken"}).error == "broken"
    row = {"name": "a", "caption": "not sure", "guess": "a dog", "score": -1.0, "words": [], "confidence": 0.2}
    found = to_result(row | {"tags": [{"name": "dog", "probability": 0.9}]})
    assert (found.caption.guess, found.caption.confidence, found.caption.tags[0].name) == ("a dog", 0.2, "dog")
