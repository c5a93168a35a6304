"""A finite automaton over the words of a sentence that tracks which of the required phrases have appeared.

The automaton is that of Anderson et al. 2017 (constrained beam search). A state is the set of requirements that are
met, plus the last words, if a phrase may have started with them (as in Aho and Corasick 1975). Any one of its phrases
meets a requirement; phrases may overlap.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from showtell.errors import InputError
from showtell.search.steps import Ints
from showtell.text.protocol import Phrase

MAX_REQUIREMENTS = 8
"""The number of states grows with the number of sets of requirements."""

Requirement = tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Automaton:
    """The automaton has S states; the empty sentence is in state 0.

    If fewer than M words lead to other states, the filler pads the row of `words`.
    """

    distance: Ints
    """`(S,)`: the smallest number of words still needed; 0 if all requirements are met."""
    otherwise: Ints
    """`(S,)`: the state after any word that is not among the following;"""
    words: Ints
    """`(S, M)`: the words that lead to other states,"""
    after: Ints
    """`(S, M)`: and these states."""


@lru_cache(maxsize=256)
def automaton(required: tuple[Requirement, ...], filler: int) -> Automaton:
    """The automaton of some requirements; `filler` is an entry that never appears.

    Raises:
        InputError: there are more than `MAX_REQUIREMENTS`.
    """
    if len(required) > MAX_REQUIREMENTS:
        raise InputError(f"{len(required)} words or phrases must appear: give at most {MAX_REQUIREMENTS}")
    phrases = {phrase for requirement in required for phrase in requirement}
    alphabet = [
        filler,
        *sorted({word for phrase in phrases for word in phrase}),
    ]  # the filler is any other word
    beginnings = {phrase[:n] for phrase in phrases for n in range(len(phrase))} | {()}
    states: list[tuple[frozenset[int], Phrase]] = [(frozenset(), ())]
    numbers = {states[0]: 0}
    rows: list[list[int]] = []
    for met, started in states:  # the list grows during the loop
        row = []
        for word in alphabet:
            extended = (*started, word)
            now = met.union(
                i for i, one in enumerate(required) if any(extended[-len(phrase) :] == phrase for phrase in one)
            )
            rest = next(extended[n:] for n in range(len(extended) + 1) if extended[n:] in beginnings)
            state = (now, () if len(now) == len(required) else rest)
            if state not in numbers:
                numbers[state] = len(states)
                states.append(state)
            row.append(numbers[state])
        rows.append(row)
    after = np.array(rows, np.int64)
    distance = _distances(after, np.array([len(met) == len(required) for met, _ in states]))
    return Automaton(distance, after[:, 0], *_listed(np.array(alphabet, np.int64), after))


def joined(automata: list[Automaton], filler: int) -> tuple[Automaton, Ints]:
    """One automaton with the states of all, one after another, and the number of each one's first state."""
    starts = np.cumsum([0, *(len(one.distance) for one in automata)])[:-1]
    width = max(one.words.shape[1] for one in automata)

    def rows(tables: list[Ints], filler: int) -> Ints:
        wide = [np.pad(t, ((0, 0), (0, width - t.shape[1])), constant_values=filler) for t in tables]
        return np.concatenate(wide)

    whole = Automaton(
        np.concatenate([one.distance for one in automata]),
        np.concatenate([one.otherwise + start for one, start in zip(automata, starts, strict=True)]),
        rows([one.words for one in automata], filler),
        rows([one.after + start for one, start in zip(automata, starts, strict=True)], 0),
    )
    return whole, starts


def _distances(after: Ints, done: npt.NDArray[np.bool_]) -> Ints:
    """The number of steps from each state to the nearest final one, along `after` `(S, words)`."""
    distance = np.where(done, 0, len(done))
    while True:
        nearer = np.minimum(distance, 1 + distance[after].min(axis=1))
        if np.array_equal(nearer, distance):
            return distance
        distance = nearer


def _listed(alphabet: Ints, after: Ints) -> tuple[Ints, Ints]:
    """For each state, the words that lead to another state than the filler does, and these states."""
    special = after != after[:, :1]
    order = np.argsort(~special, axis=1, kind="stable")[:, : special.sum(axis=1).max(initial=0)]
    chosen = np.take_along_axis(special, order, axis=1)
    return np.where(chosen, alphabet[order], alphabet[0]), np.take_along_axis(after, order, axis=1)
