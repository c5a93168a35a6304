"""The loss that takes its gradients on the way, against PyTorch's."""

import pytest
import torch
from torch.nn import functional

from showtell.training.loss import _WORDS_AT_ONCE, linear_cross_entropy

WORDS, FEATURES = 31, 8


def given(count, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    shapes = ((count, FEATURES), (WORDS, FEATURES), (WORDS,))
    tensors = [torch.randn(shape, generator=generator, dtype=dtype).requires_grad_() for shape in shapes]
    return tensors, torch.randint(0, WORDS, (count,), generator=generator)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("count", [1, _WORDS_AT_ONCE, 2 * _WORDS_AT_ONCE + 3])
def test_loss_hits_and_gradients_are_those_of_pytorch(count, smoothing):
    tensors, targets = given(count)
    logits = functional.linear(*tensors)
    expected = functional.cross_entropy(logits, targets, label_smoothing=smoothing)

    loss, correct = linear_cross_entropy(*tensors, targets, smoothing)

    torch.testing.assert_close(loss, expected)
    assert int(correct) == int((logits.argmax(1) == targets).sum())
    for one, other in zip(
        torch.autograd.grad(3 * loss, tensors), torch.autograd.grad(3 * expected, tensors), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_the_product_is_computed_in_autocasts_type_and_gradients_come_in_that_of_what_was_given():
    tensors, targets = given(50)
    expected, _ = linear_cross_entropy(*tensors, targets, 0.1)
    with torch.autocast("cpu", torch.bfloat16):
        loss, _ = linear_cross_entropy(*tensors, targets, 0.1)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, expected, atol=0.02, rtol=0.02)
    for rough, fine in zip(torch.autograd.grad(loss, tensors), torch.autograd.grad(expected, tensors), strict=True):
        assert rough.dtype == torch.float32
        assert torch.linalg.vector_norm(rough - fine) < 0.02 * torch.linalg.vector_norm(fine)


def test_logits_of_any_size_are_taken():
    tensors, targets = given(40)
    with torch.no_grad():
        tensors[0].mul_(1e4)
    loss, _ = linear_cross_entropy(*tensors, targets)
    assert torch.isfinite(loss)
    assert all(torch.isfinite(gradient).all() for gradient in torch.autograd.grad(loss, tensors))
