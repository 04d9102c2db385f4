"""Texts that say the same in nearly the same words, by a measure that needs no model."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain

NEAR = 0.8
"""Two texts are near-duplicates from this Jaccard similarity of their character trigrams on."""

_SHARED = 8
"""How many of their rarest trigrams two texts must share to be compared; more takes longer to find, fewer to compare.

With 8, as many texts as the paper's recipe writes (21,750) take about a quarter of a minute.
"""

_NO_LETTER = re.compile(r"[\W_]+")


def trigrams(text: str) -> frozenset[str]:
    """The sequences of three characters in a text, without its case and punctuation, one space around each word."""
    words = f" {_NO_LETTER.sub(' ', text.casefold()).strip()} "
    return frozenset(words[start : start + 3] for start in range(len(words) - 2))


def duplicates(texts: Sequence[str]) -> dict[int, int]:
    """Index of each text that repeats an earlier one → index of that one, itself none that repeats another.

    Only texts that share some of their rarest trigrams are compared, and none is missed: two sets whose Jaccard
    similarity is t or more share at least o = t·n of the n elements of either; so, in one order of all elements, the
    first n - o + k of both share k (prefix filtering: Chaudhuri, Ganti and Kaushik, ICDE 2006).
    """
    sets = [trigrams(text) for text in texts]
    frequency = Counter(piece for pieces in sets for piece in pieces)
    holders: dict[str, list[int]] = defaultdict(list)
    found: dict[int, int] = {}
    for index, pieces in enumerate(sets):
        overlap = math.ceil(NEAR * len(pieces) - 1e-9)  # 0.8 · 35 is a little more than 28 in floating point
        rarest = sorted(pieces, key=lambda piece: (frequency[piece], piece))[: len(pieces) - overlap + _SHARED]
        shared = Counter(chain.from_iterable(holders[piece] for piece in rarest))
        candidates = sorted(earlier for earlier, count in shared.items() if count >= min(_SHARED, overlap))
        match = next((each for each in candidates if _similarity(pieces, sets[each]) >= NEAR), None)
        if match is not None:
            found[index] = match
            continue
        for piece in rarest:
            holders[piece].append(index)
    return found


def _similarity(first: frozenset[str], second: frozenset[str]) -> float:
    common = len(first & second)
    return common / (len(first) + len(second) - common)
