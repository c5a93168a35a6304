"""The registries: every part has a name of its own."""

import pytest


def another(*given):
    """A second part, which takes the name of a part that exists."""


def caption_format():
    from showtell.data.captions.registry import caption_format, caption_formats

    return caption_formats, lambda: caption_format("csv", title="", help="", detect=another), "read_csv"


def decoder():
    pytest.importorskip("torch")
    from showtell.decoders.base import decoder_kind
    from showtell.decoders.registry import decoder_kinds

    return decoder_kinds, lambda: decoder_kind("attention", object, ""), "attention.Attention"


def encoder_source():
    from showtell.encoders.registry import encoder_sources
    from showtell.encoders.sources.base import encoder_source

    return encoder_sources, lambda: encoder_source("keras:ANOTHER", help=""), "keras.entry"


def metric():
    from showtell.metrics.registry import metric, metrics

    return metrics, lambda: metric("ROUGE-L", help="", figures={}), "rouge"


def output_format():
    from showtell.captioning.output.registry import output_format, output_formats

    return output_formats, lambda: output_format("csv", ""), "write_csv"


@pytest.mark.parametrize("kind", [caption_format, decoder, encoder_source, metric, output_format])
def test_a_second_part_of_one_name_is_an_error_that_names_both(kind):
    registered, register, first = kind()
    before = dict(registered())
    with pytest.raises(ValueError, match="rename one") as caught:
        register()(another)
    assert first in str(caught.value)
    assert f"{another.__module__}.another" in str(caught.value)
    registered.cache_clear()
    assert dict(registered()) == before
