"""The LSTM with a backward pass of its own against PyTorch's."""

import torch

from showtell.training.decoders.lstm import lstm, lstm_step

STEPS, ROWS, INPUTS, SIZE = 5, 3, 4, 6


def given(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    shapes = ((STEPS, ROWS, 4 * SIZE), (4 * SIZE, SIZE), (ROWS, SIZE), (ROWS, SIZE))
    return [torch.randn(shape, generator=generator, dtype=dtype).requires_grad_() for shape in shapes]


def test_states_and_gradients_are_those_of_pytorchs_lstm():
    torch.manual_seed(0)
    reference = torch.nn.LSTM(INPUTS, SIZE).double()
    input_weights, state_weights, input_bias, state_bias = reference.all_weights[0]
    inputs = torch.randn(STEPS, ROWS, INPUTS, dtype=torch.float64, requires_grad=True)
    h, c = (torch.randn(ROWS, SIZE, dtype=torch.float64, requires_grad=True) for _ in range(2))
    weighting = torch.randn(STEPS, ROWS, SIZE, dtype=torch.float64)
    tensors = (inputs, h, c, input_weights, state_weights, input_bias)

    expected, _ = reference(inputs, (h[None], c[None]))
    ours = lstm(inputs @ input_weights.t() + input_bias + state_bias, state_weights, h, c)

    torch.testing.assert_close(ours, expected)
    for one, other in zip(
        torch.autograd.grad((ours * weighting).sum(), tensors),
        torch.autograd.grad((expected * weighting).sum(), tensors),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_gradients_are_finite_differences():
    assert torch.autograd.gradcheck(lstm, given())


def test_it_is_the_single_step_over_and_over():
    ahead, weights, h, c = given(torch.float32)
    states = lstm(ahead, weights, h, c)
    for t in range(STEPS):
        h, c = lstm_step(ahead[t] + h @ weights.t(), c)
        torch.testing.assert_close(states[t], h)


def test_autocast_computes_it_in_its_own_type_and_gives_gradients_in_theirs():
    tensors = given(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        states = lstm(*tensors)
    assert states.dtype == torch.bfloat16
    exact = lstm(*tensors)
    torch.testing.assert_close(states.float(), exact, atol=0.05, rtol=0.05)
    for rough, fine in zip(
        torch.autograd.grad(states.float().sum(), tensors), torch.autograd.grad(exact.sum(), tensors), strict=True
    ):
        assert rough.dtype == torch.float32
        assert torch.linalg.vector_norm(rough - fine) < 0.05 * torch.linalg.vector_norm(fine)
