"""The LSTM with a backward pass of its own against PyTorch's."""

import torch

from showtell.decoders.lstm import Packing, lstm, lstm_step

STEPS, ROWS, INPUTS, SIZE = 5, 3, 4, 6
ALL = [ROWS] * STEPS
ENDING = [3, 3, 2, 1, 1]


def given(words=STEPS * ROWS, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    shapes = ((words, 4 * SIZE), (4 * SIZE, SIZE), (ROWS, SIZE), (ROWS, SIZE))
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
    ahead = inputs @ input_weights.t() + input_bias + state_bias
    ours = lstm(ahead.flatten(0, 1), ALL, state_weights, h, c).view(STEPS, ROWS, SIZE)

    torch.testing.assert_close(ours, expected)
    for one, other in zip(
        torch.autograd.grad((ours * weighting).sum(), tensors),
        torch.autograd.grad((expected * weighting).sum(), tensors),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_gradients_are_finite_differences():
    assert torch.autograd.gradcheck(lambda ahead, *others: lstm(ahead, ALL, *others), given())
    assert torch.autograd.gradcheck(lambda ahead, *others: lstm(ahead, ENDING, *others), given(sum(ENDING)))


def test_captions_that_have_ended_are_left_out_and_the_others_are_the_same():
    lengths = torch.tensor([2, 5, 3])
    packing = Packing.of(lengths, STEPS)
    assert packing.order.tolist() == [1, 2, 0]
    assert packing.counts == ENDING
    padded, weights, h, c = given()
    padded = padded.detach().view(STEPS, ROWS, 4 * SIZE)
    whole = lstm(padded.flatten(0, 1), ALL, weights, h, c).view(STEPS, ROWS, SIZE)
    packed = lstm(padded[packing.steps, packing.rows], packing.counts, weights, h[packing.order], c[packing.order])
    torch.testing.assert_close(packed, whole[packing.steps, packing.rows])


def test_it_is_the_single_step_over_and_over():
    ahead, weights, h, c = given(dtype=torch.float32)
    states = lstm(ahead, ALL, weights, h, c).view(STEPS, ROWS, SIZE)
    for t in range(STEPS):
        h, c = lstm_step(ahead.view(STEPS, ROWS, -1)[t] + h @ weights.t(), c)
        torch.testing.assert_close(states[t], h)


def test_autocast_computes_it_in_its_own_type_and_gives_gradients_in_theirs():
    tensors = given(dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        states = lstm(tensors[0], ALL, *tensors[1:])
    assert states.dtype == torch.bfloat16
    exact = lstm(tensors[0], ALL, *tensors[1:])
    torch.testing.assert_close(states.float(), exact, atol=0.05, rtol=0.05)
    for rough, fine in zip(
        torch.autograd.grad(states.float().sum(), tensors), torch.autograd.grad(exact.sum(), tensors), strict=True
    ):
        assert rough.dtype == torch.float32
        assert torch.linalg.vector_norm(rough - fine) < 0.05 * torch.linalg.vector_norm(fine)
