"""Training on another device: nothing may be left behind on the processor. Without an accelerator, PyTorch's `meta`
device stands in for one: it computes no numbers, but refuses tensors that lie elsewhere.
"""

import pytest
import torch

from decoder_cases import CASES, a_batch, built
from drawn_network import SIZE, network
from showtell.errors import InputError
from showtell.training.device import device_of
from showtell.training.encoder.module import EncoderModule


def test_the_device_is_found_by_its_name():
    assert device_of("cpu") == torch.device("cpu")
    assert device_of("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("name", ["nonsense", "cuda:99"])
def test_a_device_that_is_not_there_is_refused_in_a_line(name):
    with pytest.raises(InputError, match=rf"device '{name}' cannot be used here \(.*\): choose auto or cpu") as refused:
        device_of(name)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("case", CASES)
def test_a_decoder_computes_where_it_lies(case):
    decoder, shape = built(case)
    embeddings, tokens = a_batch(shape)
    decoder = decoder.to("meta")
    logits = decoder.logits(decoder.hidden(embeddings.to("meta"), tokens.to("meta")))
    constants, state = decoder.start_all(embeddings.to("meta"), len(tokens))
    stepped, after = decoder.step(tokens[:, 0].to("meta"), constants, state)
    assert decoder.device.type == logits.device.type == stepped.device.type == "meta"
    assert {tensor.device.type for tensor in after.values()} == {"meta"}


def test_an_encoder_computes_where_it_lies_and_gradients_arrive():
    encoder = EncoderModule(network()).to("meta")
    pooled, grid = encoder(torch.zeros(2, 3, SIZE, SIZE, device="meta"))
    (pooled.sum() + grid.sum()).backward()
    assert encoder.device.type == pooled.device.type == grid.device.type == "meta"
    assert {weight.grad.device.type for weight in encoder.parameters() if weight.grad is not None} == {"meta"}
