"""Unlabelled texts for distillation, cut from labelled ones: the teacher says what they are.

A student that sees only the training texts learns their labels, which the teacher has by heart;
on pieces and mixtures of them the teacher is unsure, and says more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

_SENTENCE = re.compile(r"[^。!?;!?;\n]+[。!?;!?;\n]*")
_CLAUSE = re.compile(r"[^,。!?;,!?;\n]+[,。!?;,!?;\n]*")
# A piece shorter than this says nothing of a complaint.
_SHORTEST = 6
# One text in so many is a mixture of two; the others are pieces of one.
_MIXED = 4
_TRIES = 20


def generate(texts: Sequence[str], count: int, seed: int) -> list[str]:
    """`count` different pieces and mixtures, the same for the same texts and seed.

    Fewer where the texts are too few or too short to give so many.
    """
    draw = Random(f"{seed}:unlabelled")  # noqa: S311 - texts, not secrets
    seen = set(texts)
    made: list[str] = []
    tries = 0
    while texts and len(made) < count and tries < _TRIES * count:
        tries += 1
        first = draw.choice(texts)
        text = _mixture(first, draw.choice(texts), draw) if tries % _MIXED == 0 else ""
        text = (text or _piece(first, draw)).strip()
        if len(text) >= _SHORTEST and text not in seen:
            seen.add(text)
            made.append(text)
    return made


def _piece(text: str, draw: Random) -> str:
    """Some sentences in a row; of a text of one sentence, some clauses."""
    parts = _SENTENCE.findall(text)
    if len(parts) < 2:
        parts = _CLAUSE.findall(text)
    if len(parts) < 2:
        return text
    count = draw.randint(1, len(parts) - 1)
    start = draw.randint(0, len(parts) - count)
    return "".join(parts[start : start + count])


def _mixture(first: str, second: str, draw: Random) -> str:
    """A piece of each, in either order."""
    pieces = [_piece(first, draw), _piece(second, draw)]
    draw.shuffle(pieces)
    return "".join(pieces)
