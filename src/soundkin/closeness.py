"""How close two sounds are in what is known of them in plain numbers, and what that weighs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from soundkin.errors import QueryError
from soundkin.records import FACTS, Facts

# Where closeness has fallen to a half: dB of loudness, else octaves (a factor of two each).
HALF_AT = {"loudness": 6.0, "brightness": 0.5, "pitch": 2 / 12, "tempo": 0.05, "onsets": 0.5}


@dataclass(frozen=True)
class Comparison:
    """One fact of a query beside that of a hit, and how close they are, 0-1."""

    fact: str
    query: float | None
    hit: float | None
    closeness: float


def compare_facts(query: Facts, hit: Facts) -> tuple[Comparison, ...]:
    """Compare every fact of two sounds."""
    return tuple(
        Comparison(
            name, getattr(query, field), getattr(hit, field), compute_closeness(name, query, hit)
        )
        for name, field in FACTS.items()
    )


def compute_closeness(name: str, first: Facts, second: Facts) -> float:
    """Compute how close two sounds are in one fact: 1 the same, halved with each `HALF_AT`.

    Two sounds without it, as two noises without pitch, are the same; one with and one without are
    0 close. Tempi are the same at half and double time.
    """
    a, b = getattr(first, FACTS[name]), getattr(second, FACTS[name])
    if a is None or b is None:
        return float(a is b)
    if name == "loudness":
        distance = abs(a - b)
    elif name == "onsets":
        distance = abs(math.log2((1 + a) / (1 + b)))
    else:
        distance = abs(math.log2(a / b))
    if name == "tempo":
        distance = abs(distance - round(distance))
    return float(0.5 ** (distance / HALF_AT[name]))


def blend(score: float, query: Facts, hit: Facts, weights: Mapping[str, float]) -> float:
    """Average a score, weighing 1, with the closeness of facts by their weights."""
    total = score + sum(w * compute_closeness(name, query, hit) for name, w in weights.items())
    return total / (1 + sum(weights.values()))


def check_weights(weights: Mapping[str, float]) -> None:
    """Refuse weights that mean nothing.

    Raises
    ------
    QueryError
        There is no such fact, or a weight is no number from 0 on.
    """
    for name, weight in weights.items():
        if name not in FACTS:
            raise QueryError(f"no fact {name!r} to weigh; there are {', '.join(FACTS)}")
        if not 0 <= weight < math.inf:
            raise QueryError(f"the weight of {name} must be 0 or more, not {weight:g}")
