"""Beam search: extends the K likeliest sentences of every picture together, in one group or several.

Finished sentences are ranked by log-probability over length to the power `length_penalty` (Wu et al. 2016, without the
constant 5).
"""

from dataclasses import dataclass, field
from itertools import zip_longest

import numpy as np

from showtell.search.beam_groups import BeamGroups
from showtell.search.options import Hypothesis, SearchOptions
from showtell.search.rules import rules_of
from showtell.search.steps import (
    Floats,
    Ints,
    StepDecoder,
    begin,
    calibrated_end,
    calibration_shift,
    log_probabilities,
    shares_constants,
    take_rows,
)
from showtell.text import TokenVocabulary


@dataclass(slots=True)
class _Finished:
    """The finished sentences of one picture, best first."""

    hypotheses: list[Hypothesis] = field(default_factory=list)

    def add(self, hypothesis: Hypothesis, keep: int) -> None:
        self.hypotheses.append(hypothesis)
        self.hypotheses.sort(key=lambda h: -h.score)
        del self.hypotheses[keep:]


class Beams:
    """Beam search over a batch: `K` live sentences for each of the `A` unfinished pictures."""

    def __init__(
        self,
        decoder: StepDecoder,
        embeddings: Floats,
        vocabulary: TokenVocabulary,
        options: SearchOptions,
        groups: BeamGroups,
        calibration_temperature: float | None = None,
    ) -> None:
        self.decoder, self.vocabulary, self.options, self.groups = decoder, vocabulary, options, groups
        self.rules, self.temperature = rules_of(options, vocabulary), calibration_temperature
        pictures = len(embeddings)
        begun = begin(decoder, embeddings, vocabulary, options.prompt, calibration_temperature)
        self.constants, self.state, self.tokens = begun.constants, begun.state, begun.tokens
        self.prompt = len(begun.prompt)
        self.longest = vocabulary.steps(options.max_length) - self.prompt
        self.finished = [[_Finished() for _ in range(groups.goals)] for _ in range(pictures)]
        self.alive = np.arange(pictures)  # (A,) the unfinished pictures
        self.states = groups.start(pictures)[:, None]  # (A, K)
        self.scores = np.zeros((pictures, 1), np.float32)  # (A, K) sums of log-probabilities
        self.ids = np.tile(np.array(begun.prompt, np.int64), (pictures, 1, 1))  # (A, K, t), with the prompt
        self.log_probs = begun.log_probs[:, None]  # (A, K, t)
        self.shifts = begun.shifts[:, None]  # (A, K, t), 0 where words are not calibrated
        self.ends: Floats | None = None  # (A, K), calibrated log-probability of END, for sentences that are cut

    def run(self) -> list[list[Hypothesis]]:
        """The sentences of every picture, best first."""
        tokens = self.tokens
        for t in range(self.prompt, self.prompt + self.longest):
            logits, self.state = self.decoder.step(tokens, self.constants, self.state)
            next_log_probs = log_probabilities(logits, self.vocabulary, first_word=t == 0)
            shifts = np.zeros((len(next_log_probs), 1), np.float32)
            if self.temperature:
                shifts = calibration_shift(self.temperature, next_log_probs)
            self.shifts = np.concatenate([self.shifts, shifts.reshape(*self.scores.shape, 1)], axis=2)
            if self.rules:
                needed = self.groups.needed(self.states)
                needed = None if needed is None else needed.reshape(len(next_log_probs), -1)
                self.rules.apply(next_log_probs, self.ids.reshape(len(next_log_probs), t), needed)
            self._advance(next_log_probs.reshape(*self.scores.shape, -1))
            if not len(self.alive):
                break
            tokens = self.ids[:, :, -1].reshape(-1)
        if self.temperature and len(self.alive):
            logits, _ = self.decoder.step(tokens, self.constants, self.state)
            self.ends = calibrated_end(logits, self.vocabulary, self.temperature).reshape(self.scores.shape)
        for a in range(len(self.alive)):
            self._cut(a)
        return [_best(lists, self.options.num_captions) for lists in self.finished]

    def _advance(self, next_log_probs: Floats) -> None:
        """Extend every live sentence by its likeliest words; `next_log_probs` are log-probabilities `(A, K, V)`."""
        pictures, beams, _ = next_log_probs.shape
        found = self.groups.candidates(self.scores, next_log_probs, self.states)
        ending = found.words == self.vocabulary.end
        for a, group, rank in np.argwhere((ending & np.isfinite(found.values))[:, :, : self.groups.width]).tolist():
            k = found.parents[a, group, rank]
            log_probs = np.append(self.log_probs[a, k], next_log_probs[a, k, self.vocabulary.end])
            self._finish(a, group, k, self.ids[a, k], log_probs, float(found.values[a, group, rank]))
        values = np.where(ending, np.float32(-np.inf), found.values)
        if self.rules:
            self._cut_stuck(values)
        live = np.argsort(ending, axis=2, kind="stable")[:, :, : self.groups.width]
        rows = np.arange(pictures)[:, None]
        at = (rows[:, None], np.arange(self.groups.count)[:, None], live)
        self.scores, self.states = values[at].reshape(pictures, -1), found.states[at].reshape(pictures, -1)
        parents, words = found.parents[at].reshape(pictures, -1), found.words[at].reshape(pictures, -1)
        self.ids = np.concatenate([self.ids[rows, parents], words[:, :, None]], axis=2)
        self.log_probs = np.concatenate(
            [self.log_probs[rows, parents], next_log_probs[rows, parents, words][:, :, None]], axis=2
        )
        self.shifts = self.shifts[rows, parents]
        self._drop_settled(rows * beams + parents, same_width=parents.shape[1] == beams)

    def _cut_stuck(self, values: Floats) -> None:
        """If the rules leave a picture no candidate, and nothing is finished, take its sentences as they are."""
        for a in np.flatnonzero(~np.isfinite(values).any(axis=(1, 2))).tolist():
            if not any(finished.hypotheses for finished in self.finished[self.alive[a]]):
                self._cut(a)

    def _drop_settled(self, rows: Ints, same_width: bool) -> None:
        """Keep only pictures whose live sentences could still beat their finished ones; `rows` `(A, K)` are the
        parents'.
        """
        likeliest = self.scores.reshape(len(self.scores), self.groups.goals, -1).max(axis=2)
        attainable = likeliest / self.longest**self.options.length_penalty
        keep = np.zeros(len(self.alive), np.bool_)
        for a, goal in np.argwhere(np.isfinite(likeliest)).tolist():
            found = self.finished[self.alive[a]][goal].hypotheses
            keep[a] |= len(found) < self.groups.width or found[-1].score < attainable[a, goal]
        if not keep.all():
            self.alive, self.scores, self.states = self.alive[keep], self.scores[keep], self.states[keep]
            self.ids, self.log_probs, self.shifts = self.ids[keep], self.log_probs[keep], self.shifts[keep]
            rows = rows[keep]
        flat = rows.reshape(-1)
        if shares_constants(self.decoder):
            if not keep.all():
                self.constants = take_rows(self.constants, keep)
        elif not (same_width and keep.all()):  # otherwise each row stays with its picture and its constants
            self.constants = take_rows(self.constants, flat)
        self.state = take_rows(self.state, flat)

    def _cut(self, a: int) -> None:
        """Take a picture's live sentences as they are; incomplete ones only if there is nothing better."""
        live = np.flatnonzero(np.isfinite(self.scores[a]))
        groups = live * self.groups.count // len(self.scores[a])
        for group in range(self.groups.count):
            if group >= self.groups.complete and any(found.hypotheses for found in self.finished[self.alive[a]]):
                break
            for k in live[groups == group]:
                self._finish(a, group, k, self.ids[a, k], self.log_probs[a, k], float(self.scores[a, k]))

    def _finish(self, a: int, group: int, k: int, ids: Ints, log_probs: Floats, total: float) -> None:
        """Keep live sentence `k` with the log-probabilities of its words and, if it ended, of END."""
        score = total / (len(log_probs) - self.prompt) ** self.options.length_penalty
        calibrated: list[float] = []
        if self.temperature and (len(log_probs) > len(ids) or self.ends is not None):
            calibrated = (log_probs * np.float32(1 / self.temperature) + self.shifts[a, k]).tolist()
            if self.ends is not None:
                calibrated.append(float(self.ends[a, k]))
        words = tuple(log_probs[: len(ids)].tolist())
        goal = group * self.groups.goals // self.groups.count
        found = Hypothesis(tuple(ids.tolist()), words, score, tuple(calibrated))
        self.finished[self.alive[a]][goal].add(found, self.groups.width)


def _best(lists: list[_Finished], count: int) -> list[Hypothesis]:
    """The first of every list, then the second of every list, and so on up to `count` different ones, best first."""
    distinct: dict[tuple[int, ...], Hypothesis] = {}
    for rank in zip_longest(*(finished.hypotheses for finished in lists)):
        for hypothesis in rank:
            if hypothesis:
                distinct.setdefault(hypothesis.tokens, hypothesis)
    return sorted(list(distinct.values())[:count], key=lambda h: -h.score)
