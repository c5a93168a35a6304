"""The thread that captions: batches of many requests, faults that stay with their own, an end that finishes."""

import threading
import time

import numpy as np
import pytest

from showtell.captioning.options import CaptionOptions
from showtell.errors import ShowtellError
from showtell.images.decode import decode
from showtell.images.preprocessing import square
from showtell.serve.engine import Batching, Engine


@pytest.fixture
def squares(tiny_captioner, drawn):
    return [square(decode(data), tiny_captioner.encoder.info.preprocessing) for data in drawn]


@pytest.fixture
def engine_of(tiny_captioner):
    """Makes engines that note the sizes of their batches."""
    engines = []

    def make(captioner=tiny_captioner, batching=None, sizes=None):
        engine = Engine(
            captioner, batching or Batching(), lambda count, _: None if sizes is None else sizes.append(count)
        )
        engines.append(engine)
        return engine

    yield make
    for engine in engines:
        if engine.alive:
            engine.close()


class Slow:
    """A captioner whose networks begin when `gate` is opened."""

    def __init__(self, captioner):
        self.captioner, self.gate = captioner, threading.Event()

    def embed(self, squares):
        self.gate.wait()
        return self.captioner.embed(squares)

    def caption_embeddings(self, *arguments, **options):
        return self.captioner.caption_embeddings(*arguments, **options)


def test_jobs_that_wait_go_together_whatever_they_ask_for(engine_of, tiny_captioner, squares, drawn):
    slow, sizes = Slow(tiny_captioner), []
    engine = engine_of(slow, Batching(size=4, wait=0.05), sizes)
    ways = [{"beam": 1}, {"beam": 3}, {"beam": 3, "num_captions": 2}]
    asked = [tiny_captioner.caption_options(**way) for way in ways]
    futures = [engine.submit(one, asked[i % 3]) for i, one in enumerate(squares)]
    slow.gate.set()
    found = [future.result() for future in futures]
    assert [caption.text for caption in found] == [
        tiny_captioner.caption(data, **ways[i % 3]).text for i, data in enumerate(drawn)
    ]
    engine.close()
    assert sizes == [4, 4, 2]


def test_a_lone_job_does_not_wait_for_others(engine_of, tiny_captioner, squares):
    engine = engine_of(batching=Batching(size=16, wait=0.0))
    assert engine.submit(squares[0], tiny_captioner.caption_options()).result().text


def test_what_is_drawn_depends_on_its_place_alone(engine_of, tiny_captioner, squares, drawn):
    options = {"sample": True, "temperature": 3.0, "seed": 5}
    asked = tiny_captioner.caption_options(**options)
    engine = engine_of(batching=Batching(size=16, wait=0.05))
    futures = [engine.submit(one, asked, place=2) for one in squares[:5]]
    expected = [tiny_captioner.caption([drawn[0], drawn[0], data], **options)[2].text for data in drawn[:5]]
    assert [future.result().text for future in futures] == expected


def test_a_job_that_cannot_be_done_fails_alone(engine_of, tiny_captioner, squares):
    engine = engine_of(batching=Batching(size=16, wait=0.05))
    good = tiny_captioner.caption_options()
    futures = [
        engine.submit(squares[0], asked)
        for asked in (good, CaptionOptions(tiny_captioner.generator.search_defaults, attention=True), good)
    ]
    assert futures[0].result() == futures[2].result()
    with pytest.raises(ShowtellError, match="has no attention"):
        futures[1].result()
    with pytest.raises(ValueError, match="shape"):  # squares of two sizes make no batch
        [engine.submit(one, good) for one in (squares[0], np.zeros((3, 3, 3), np.uint8))][1].result()
    assert engine.submit(squares[1], good).result().text


def test_a_job_that_nobody_waits_for_is_left_out(engine_of, tiny_captioner, squares):
    slow, sizes = Slow(tiny_captioner), []
    engine = engine_of(slow, Batching(size=1), sizes)
    first, second, third = (engine.submit(one, tiny_captioner.caption_options()) for one in squares[:3])
    while not first.running():
        time.sleep(0.001)
    assert second.cancel()
    slow.gate.set()
    assert third.result().text
    engine.close()
    assert sizes == [1, 1]


def test_the_end_comes_after_what_was_submitted_before(engine_of, tiny_captioner, squares):
    slow = Slow(tiny_captioner)
    engine = engine_of(slow, Batching(size=2))
    futures = [engine.submit(one, tiny_captioner.caption_options()) for one in squares]
    closing = threading.Thread(target=engine.close)
    closing.start()
    slow.gate.set()
    closing.join()
    assert all(future.done() and future.result().text for future in futures)
    assert not engine.alive
