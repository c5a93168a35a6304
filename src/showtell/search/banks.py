"""Words that must appear: a bank of beams for every number of words that are still needed.

Grid beam search (Hokamp and Liu 2017; the banks of Post and Vilar 2018, each with room of its own) over the states of
Anderson et al. 2017: sentences compete with those that need as many further words as they do, so that one which took
up a needed word early is not dropped for others that did not. A sentence may end when it needs none.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from showtell.errors import InputError
from showtell.search.automaton import Automaton, Requirement, automaton, joined
from showtell.search.beam_groups import Candidates, top
from showtell.search.options import SearchOptions
from showtell.search.phrases import Phrase, known_phrases, needed_phrases
from showtell.search.steps import Floats, Ints
from showtell.text import Vocabulary


class Banks:
    """A group for each number of needed words, from none to what a sentence needs at the start; a
    sentence's state is that of the automaton."""

    complete = goals = 1

    def __init__(self, automaton: Automaton, starts: Ints, width: int, end: int, filler: int) -> None:
        """For pictures that begin in the states `starts`, `(A,)`, which are all as far from their end."""
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
        # Of the words that all lead to one state, a bank has room for `width` of a sentence, and END.
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


def requirements(options: SearchOptions, vocabulary: Vocabulary) -> tuple[Requirement, ...]:
    """What must appear by the options, as ids.

    Raises:
        InputError: a word is unknown, banned as well, or there is no room for all of them.
    """
    banned = [phrase for entry in options.must_not for phrase in known_phrases(entry, vocabulary)]
    required = []
    for entry in dict.fromkeys(options.must):
        phrases = tuple(p for p in needed_phrases(entry, vocabulary) if not any(_within(ban, p) for ban in banned))
        if not phrases:
            raise InputError(f"{entry!r} must appear and must not: leave one out")
        required.append(phrases)
    fewest = automaton(tuple(required), vocabulary.pad).distance[0]
    if fewest > options.max_length:
        raise InputError(f"{fewest} words must appear in at most {options.max_length}: raise the maximal length")
    return tuple(required)


def banks_of(
    required: Sequence[tuple[Requirement, ...]], vocabulary: Vocabulary, width: int
) -> Iterator[tuple[Ints, Banks | None]]:
    """(pictures, their banks), pictures that need as many words together; None for those that need none."""
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
