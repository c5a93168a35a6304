"""Constrained beam search, for words that must appear: a bank of beams for every number of words still needed.

Grid beam search (Hokamp and Liu 2017; the banks of Post and Vilar 2018, each of full width) over the states of Anderson
et al. 2017. A sentence competes only with sentences that need the same number of words. So a sentence that took up a
needed word early is not dropped for likelier ones that did not. A sentence may end when it needs no more words.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from showtell.errors import InputError
from showtell.search.automaton import Automaton, Requirement, automaton, joined
from showtell.search.beam_groups import Candidates, top
from showtell.search.options import SearchOptions
from showtell.search.phrases import known_phrases, needed_phrases
from showtell.search.steps import Floats, Ints
from showtell.text import TokenVocabulary
from showtell.text.protocol import Phrase


class Banks:
    """A group for each number of needed words, from 0 to the number at the start. A sentence's state is that of the
    automaton.
    """

    complete = goals = 1

    def __init__(self, automaton: Automaton, starts: Ints, width: int, end: int, filler: int) -> None:
        """For pictures that start in the states `starts`, `(A,)`, which all need the same number of words."""
        self.automaton, self.starts, self.width, self.end = automaton, starts, width, end
        self.count = int(automaton.distance[starts].max()) + 1
        nearer = automaton.distance[automaton.after] < automaton.distance[:, None]
        self.wanted = np.where(nearer, automaton.words, filler)  # (S, M)

    def start(self, pictures: int) -> Ints:
        """See `showtell.search.beam_groups.BeamGroups`."""
        return self.starts

    def needed(self, states: Ints) -> Ints:
        """See `showtell.search.beam_groups.BeamGroups`."""
        return self.wanted[states]

    def candidates(self, scores: Floats, next_log_probs: Floats, states: Ints) -> Candidates:
        """See `showtell.search.beam_groups.BeamGroups`."""
        pictures, beams, entries = next_log_probs.shape
        totals = scores[:, :, None] + next_log_probs
        totals[self.automaton.distance[states] > 0, self.end] = -np.inf
        special = self.automaton.words[states]  # (A, K, M)
        apart = np.take_along_axis(totals, special, axis=2)
        np.put_along_axis(totals, special, np.float32(-np.inf), axis=2)
        # Of all words that lead to the same state, a bank needs at most `width` for each sentence, and END.
        common = top(totals.reshape(-1, entries), min(self.width + 1, entries)).reshape(pictures, beams, -1)
        values = np.concatenate([np.take_along_axis(totals, common, axis=2), apart], axis=2)
        words = np.concatenate([common, special], axis=2)
        otherwise = np.broadcast_to(self.automaton.otherwise[states][:, :, None], common.shape)
        after = np.concatenate([otherwise, self.automaton.after[states]], axis=2)
        parents = np.broadcast_to(np.arange(beams)[:, None], words.shape)
        parents, words, after = (of_all.reshape(pictures, 1, -1) for of_all in (parents, words, after))
        banks = np.arange(self.count)[:, None]
        own = self.automaton.distance[after] == banks  # (A, banks, candidates)
        values = np.where(own, values.reshape(pictures, 1, -1), np.float32(-np.inf))
        best = np.argsort(-values, axis=2, kind="stable")[:, :, : 2 * self.width]
        return Candidates(*(np.take_along_axis(of_all, best, axis=2) for of_all in (values, parents, words, after)))


def requirements(options: SearchOptions, vocabulary: TokenVocabulary) -> tuple[Requirement, ...]:
    """The phrases that must appear according to the options, as ids.

    Raises:
        InputError: a word is unknown or also banned, or the maximum length is too short.
    """
    banned = [phrase for entry in options.must_not for phrase in known_phrases(entry, vocabulary)]
    required = []
    for entry in dict.fromkeys(options.must):
        phrases = tuple(p for p in needed_phrases(entry, vocabulary) if not any(_within(ban, p) for ban in banned))
        if not phrases:
            raise InputError(f"{entry!r} both must and must not appear: leave out one")
        required.append(phrases)
    fewest = automaton(tuple(required), vocabulary.pad).distance[0]
    if fewest > vocabulary.steps(options.max_length):
        raise InputError(f"{fewest} words must appear in at most {options.max_length}: raise the maximum length")
    return tuple(required)


def banks_of(
    required: Sequence[tuple[Requirement, ...]], vocabulary: TokenVocabulary, width: int
) -> Iterator[tuple[Ints, Banks | None]]:
    """Pairs of (pictures, their banks), grouped by the number of needed words; None for pictures that need none."""
    distinct = list(dict.fromkeys(required))
    states, starts = joined([automaton(one, vocabulary.pad) for one in distinct], vocabulary.pad)
    begins = starts[[distinct.index(one) for one in required]]
    fewest = states.distance[begins]
    for words in np.unique(fewest):
        pictures = np.flatnonzero(fewest == words)
        banks = Banks(states, begins[pictures], width, vocabulary.end, vocabulary.pad) if words else None
        yield pictures, banks


def _within(part: Phrase, whole: Phrase) -> bool:
    return any(whole[i : i + len(part)] == part for i in range(len(whole) - len(part) + 1))
