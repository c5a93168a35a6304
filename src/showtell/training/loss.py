"""Cross-entropy of the next word, over all words that are not padding."""

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from showtell.decoders.autocast import applied
from showtell.decoders.base import Decoder

_WORDS_AT_ONCE = 256  # so that the logits stay in the processor's cache between the two matrix products


@dataclass(frozen=True, slots=True)
class NextWord:
    """`loss` is the mean over `count` targets (a scalar tensor); `correct` of them were the likeliest word."""

    loss: torch.Tensor
    correct: int
    count: int


def next_word(
    decoder: Decoder, embeddings: torch.Tensor, tokens: torch.Tensor, pad: int, *, smoothing: float = 0.0
) -> NextWord:
    """Teacher-forced cross-entropy of a batch, in nats, averaged over targets that are not PAD.

    Arguments:
        decoder: its inputs are the captions without their last ids; its targets are the captions without their first.
        embeddings: `float32 (B, D)` or `(B, L, D)`.
        tokens: `int64 (B, T)`, padded with `pad`.
        smoothing: label smoothing (Szegedy et al. 2016): the share of the target spread over all words.
    """
    inputs, targets = tokens[:, :-1], tokens[:, 1:]
    real = targets != pad
    hidden = decoder.hidden(embeddings, inputs, real.sum(1))[real]  # PAD costs no work
    wanted, output = targets[real], decoder.output
    if torch.is_grad_enabled():
        loss, correct = linear_cross_entropy(hidden, output.weight, output.bias, wanted, smoothing)
    else:
        logits = decoder.logits(hidden)
        loss = functional.cross_entropy(logits, wanted, label_smoothing=smoothing)
        correct = (logits.gather(1, wanted[:, None])[:, 0] == logits.amax(1)).sum()  # many times as fast as argmax
    return NextWord(loss, int(correct), len(wanted))


def linear_cross_entropy(
    features: torch.Tensor, weights: torch.Tensor, biases: torch.Tensor, targets: torch.Tensor, smoothing: float = 0.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean cross-entropy of a linear layer's logits, and the number of targets with the largest logit: scalars.

    It is `torch.nn.functional.cross_entropy` of `torch.nn.functional.linear`. The gradients are computed together with
    the loss, some rows at a time. So the whole of the logits, by far the largest tensor of a training step, is never in
    memory.

    Arguments:
        features: `(N, F)`.
        weights: `(V, F)`; the product is computed in autocast's type, if any.
        biases: `(V,)`.
        targets: `int64 (N,)`.
        smoothing: see `next_word`.
    """
    loss, correct = applied(_LinearCrossEntropy, [features, weights, biases], targets, smoothing)
    return loss, correct


class _LinearCrossEntropy(torch.autograd.Function):
    """Its backward pass only scales the gradients that the forward pass kept."""

    @staticmethod
    def forward(
        ctx: Any,
        features: torch.Tensor,
        weights: torch.Tensor,
        biases: torch.Tensor,
        targets: torch.Tensor,
        smoothing: float,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        count, words = len(features), len(weights)
        of_features = torch.empty_like(features)
        of_weights = torch.zeros_like(weights, dtype=torch.float32)
        of_biases = torch.zeros_like(biases, dtype=torch.float32)
        loss, correct = of_biases.new_zeros(()), targets.new_zeros(())
        for begin in range(0, count, _WORDS_AT_ONCE):
            here = slice(begin, begin + _WORDS_AT_ONCE)
            logits = torch.addmm(biases, features[here], weights.t()).float()
            wanted = targets[here, None]
            true, greatest = logits.gather(1, wanted), logits.amax(1, keepdim=True)
            correct += (true == greatest).sum()
            loss -= (1 - smoothing) * true.sum()
            if smoothing:
                loss -= smoothing / words * logits.sum()
            gradient = logits.sub_(greatest).exp_()
            total = gradient.sum(1, keepdim=True)
            loss += (total.log() + greatest).sum()
            gradient.div_(total * count)
            if smoothing:
                gradient.sub_(smoothing / words / count)
            gradient.scatter_add_(1, wanted, torch.full_like(true, (smoothing - 1) / count))
            of_biases += gradient.sum(0)
            gradient = gradient.to(features.dtype)
            torch.mm(gradient, weights, out=of_features[here])
            of_weights += gradient.t() @ features[here]
        ctx.save_for_backward(of_features, of_weights.to(weights.dtype), of_biases.to(biases.dtype))
        ctx.mark_non_differentiable(correct)
        return loss / count, correct

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        of_features, of_weights, of_biases = (tensor * gradients[0] for tensor in ctx.saved_tensors)
        return of_features, of_weights, of_biases, None, None
