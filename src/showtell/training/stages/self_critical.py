"""Self-critical training: the decoder samples captions, and those that score above the others become likelier.

REINFORCE on CIDEr-D (Rennie et al. 2017, arXiv:1612.00563). The baseline of a caption is the mean reward of the other
captions sampled for its picture (Luo 2020, arXiv:2003.09971). END counts as a word in captions and references, so that
a caption that stops within a phrase scores lower.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch

from showtell.data.examples import Group
from showtell.decoders.base import Decoder
from showtell.metrics import CiderD, ptb_tokenize
from showtell.text import END, Vocabulary, pad_batch
from showtell.training.batches import NameBatches
from showtell.training.distributed import BatchShard
from showtell.training.encoder.horizontal_flip import AugmentedEmbeddings, is_sided
from showtell.training.loss import next_word
from showtell.training.recipe import SelfCriticalOptions, TrainingOptions
from showtell.training.sampling import Sampling
from showtell.training.stages.base import StepLoss, _precision, learning_rate
from showtell.training.stages.encoder_input import EncoderInput


class Reward:
    """CIDEr-D of captions, given as ids, against their pictures' references; END counts as a word.

    If there are several data sets, each has its own document frequencies, as in its evaluation.
    """

    def __init__(
        self,
        references: Mapping[str, Sequence[str]],
        vocabulary: Vocabulary,
        groups: Sequence[Group] = (),
    ) -> None:
        """Tokenize the references, by picture name; pictures of no group are counted together."""
        self._end = vocabulary.end
        self._subwords = vocabulary if vocabulary.continues is not None else None
        self._tokens = [[END] if entry == END else list(ptb_tokenize(entry)) for entry in vocabulary.entries]
        spaced = vocabulary.spaced
        tokens = {name: [[*ptb_tokenize(spaced(text)), END] for text in texts] for name, texts in references.items()}
        owner = {name: number for number, group in enumerate(groups) for name in group.train}
        self._owner = {name: owner.get(name, -1) for name in tokens}
        self._metrics = {
            number: CiderD({name: own for name, own in tokens.items() if self._owner[name] == number})
            for number in sorted(set(self._owner.values()))
        }

    def __call__(self, names: Sequence[str], captions: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Rewards `float32 (N,)` of the captions `int64 (N, T)` of pictures `names` (N of them); START comes first.

        A caption without END within its T ids is scored without it.
        """
        rewards = np.zeros(len(names), np.float32)
        owners = np.array([self._owner[name] for name in names])
        words = [self._words(row) for row in captions.tolist()]
        for number in np.unique(owners):
            rows: list[int] = np.flatnonzero(owners == number).tolist()
            rewards[rows] = self._metrics[number].score_batch([names[i] for i in rows], [words[i] for i in rows])
        return rewards

    def _words(self, ids: list[int]) -> list[str]:
        last = ids.index(self._end) if self._end in ids else len(ids)
        if self._subwords:  # which are words only together
            return [*ptb_tokenize(self._subwords.decode(ids[1:])), *([END] if last < len(ids) else [])]
        return [token for i in ids[1 : last + 1] for token in self._tokens[i]]


def draw(
    decoder: Decoder,
    embeddings: torch.Tensor,
    vocabulary: Vocabulary,
    *,
    samples: int,
    max_length: int,
    generator: torch.Generator,
) -> torch.Tensor:
    """Sample `samples` captions of each picture from the decoder's own probabilities.

    Arguments:
        decoder: the decoder, in the mode for sampling.
        embeddings: `float32 (B, D)` or `(B, L, D)`.
        vocabulary: the decoder's; PAD, START and UNK are never sampled, nor is END as a first word.
        samples: number of captions of each picture, which are adjacent.
        max_length: the largest number of words; a caption that reaches it has no END.
        generator: the random number generator.

    Returns:
        `int64 (B * samples, T)`, T at most `max_length + 1`: START, words, END, then PAD, as for teacher forcing.
    """
    with torch.inference_mode():
        count = len(embeddings) * samples
        constants, state = decoder.start_all(embeddings, count)
        drawn = torch.full((count, max_length + 1), vocabulary.pad, device=embeddings.device)
        drawn[:, 0] = vocabulary.start
        alive = torch.arange(count, device=embeddings.device)
        for t in range(1, max_length + 1):
            logits, state = decoder.step(drawn[alive, t - 1], constants, state)
            _forbid(logits, torch.full_like(alive, t - 1), vocabulary)
            words = torch.multinomial(logits.float().softmax(1), 1, generator=generator)[:, 0]
            drawn[alive, t] = words
            unfinished = (words != vocabulary.end).nonzero()[:, 0]
            if len(unfinished) < len(alive):
                alive = alive[unfinished]
                constants = {name: tensor[unfinished] for name, tensor in constants.items()}
                state = {name: tensor[unfinished] for name, tensor in state.items()}
            if not len(alive):
                break
    return drawn[:, : t + 1].clone()


def log_probabilities(
    decoder: Decoder, embeddings: torch.Tensor, captions: torch.Tensor, vocabulary: Vocabulary
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities of captions under the distribution that `draw` samples from.

    Arguments:
        decoder: the decoder, in the mode for training.
        embeddings: `float32 (P, D)` or `(P, L, D)`; there are N / P captions of each, which are adjacent.
        captions: `int64 (N, T)`, from `draw`.

    Returns:
        the log-probability of each word, END included, `float32 (M,)`, and the caption of each, `int64 (M,)`.
    """
    inputs, targets = captions[:, :-1], captions[:, 1:]
    real = targets != vocabulary.pad
    rows, places = real.nonzero(as_tuple=True)
    logits = decoder.logits(decoder.hidden(embeddings, inputs, real.sum(1))[real]).float()
    _forbid(logits, places, vocabulary)
    return logits.log_softmax(1).gather(1, targets[real][:, None])[:, 0], rows


def advantages(rewards: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Each reward minus the mean of the other samples of its picture; `(B, samples)` in and out."""
    samples = rewards.shape[1]
    relative: npt.NDArray[np.float32] = (rewards - rewards.mean(axis=1, keepdims=True)) * samples / (samples - 1)
    return relative


def _forbid(logits: torch.Tensor, places: torch.Tensor, vocabulary: Vocabulary) -> None:
    """Set the logits of forbidden words to -inf, in place; `places` `(N,)` are the numbers of words before each row."""
    logits[:, [vocabulary.pad, vocabulary.start, vocabulary.unk]] = -torch.inf
    logits[places == 0, vocabulary.end] = -torch.inf


class SelfCritical:
    """The decoder's own captions, weighted by how much they score above each other."""

    name, progress_metric = "self_critical", "reward"

    def __init__(
        self,
        options: SelfCriticalOptions,
        training: TrainingOptions,
        captions: Mapping[str, Sequence[str]],
        words: Vocabulary,
        sampling: Sampling | None = None,
        encoder: EncoderInput | None = None,
        groups: Sequence[Group] = (),
    ) -> None:
        """Take the training captions by picture name; `encoder` is None where the encoder does not learn."""
        self.options, self.training, self.words, self.encoder = options, training, words, encoder
        self.trains_encoder = encoder is not None
        self.epochs = options.epochs
        self.captions = captions
        self.batches = NameBatches(list(captions), options.pictures, training.seed, sampling)
        self.reward = Reward(captions, words, groups)

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, number: int) -> Sequence[list[str]]:
        """The names of the pictures of every batch."""
        return self.batches.epoch(number)

    def learning_rates(self, step: int) -> dict[str, float]:
        """Linear warm-up, then half a cosine to zero."""
        options = self.options
        share = learning_rate(1.0, options.warmup_steps, step, self.epochs * len(self))
        return {"decoder": share * options.learning_rate, "encoder": share * options.encoder_learning_rate}

    def caption_lengths(self, given: list[str]) -> None:
        """None: captions are sampled within the step."""

    def step_loss(
        self, decoder: Decoder, given: list[str], views: AugmentedEmbeddings, seed: int, shard: BatchShard
    ) -> StepLoss:
        """Sample captions without dropout, compare their rewards, and weight their log-probabilities by the
        difference.
        """
        samples, share = self.options.samples, self.options.cross_entropy
        embeddings, pooled = self._embed(decoder, given, views, seed, shard)
        generator = torch.Generator(decoder.device).manual_seed(shard.own_seed(seed))
        decoder.eval()
        drawn = draw(
            decoder,
            embeddings.detach(),
            self.words,
            samples=samples,
            max_length=self.training.max_length - 2,
            generator=generator,
        )
        decoder.train()
        rewards = self.reward([name for name in given[shard.rows] for _ in range(samples)], drawn.cpu().numpy())
        weights = torch.from_numpy(advantages(rewards.reshape(-1, samples))).reshape(-1).to(decoder.device)
        with _precision(self.training, decoder.device):
            words, row_of = log_probabilities(decoder, embeddings, drawn, self.words)
            loss = -(1 - share) * shard.share_of_mean((weights[row_of] * words).mean(), len(words))
            if share:
                true_ids = self._true(given, seed)[shard.rows].to(decoder.device)
                true = next_word(decoder, embeddings, true_ids, self.words.pad)
                loss = loss + share * shard.share_of_mean(true.loss, true.count)
        step = StepLoss(loss, {"reward": float(rewards.sum())}, len(rewards))
        if self.encoder and pooled is not None:
            return self.encoder.keeping_classes(step, given, pooled, views)
        return step

    def _embed(
        self, decoder: Decoder, given: list[str], views: AugmentedEmbeddings, seed: int, shard: BatchShard
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The embeddings that captions are drawn from; where the encoder learns, with gradients and the pooled ones."""
        as_is = np.array([any(map(is_sided, self.captions[name])) for name in given])
        if self.encoder:
            with _precision(self.training, decoder.device):
                return self.encoder.embed(given, as_is, np.random.default_rng(seed))
        rows = [views.rows[name] for name in given]
        return views.take(rows, seed, as_is=as_is, shard=shard.rows).to(decoder.device), None

    def _true(self, names: Sequence[str], seed: int) -> torch.Tensor:
        """One random true caption of each picture, as padded ids."""
        rng = np.random.default_rng(seed)
        chosen = [self.captions[name][int(rng.integers(len(self.captions[name])))] for name in names]
        ids = [self.words.encode(caption) for caption in chosen]
        return torch.from_numpy(pad_batch(ids, self.words.pad, self.training.max_length))
