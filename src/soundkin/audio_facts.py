"""A sound in plain numbers: names, units, ranges, and how close two sounds are in them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass

from soundkin.errors import QueryError


@dataclass(frozen=True)
class Facts:
    """A sound in plain numbers; None where there is nothing to measure, as in silence.

    `loudness_lufs` is the integrated loudness by ITU-R BS.1770 of all channels mixed to one;
    `brightness_hz` the spectral centroid, louder moments counting more; `pitch_hz` the pitch that
    a share `pitch_confidence` (0-1) of the sound has; `tempo_bpm` the tempo of a beat that is as
    regular as `tempo_confidence` (0-1); `onsets_per_s` how many sounds begin in a second, one
    shorter than a second counting as a second.
    """

    loudness_lufs: float | None = None
    brightness_hz: float | None = None
    pitch_hz: float | None = None
    pitch_confidence: float | None = None
    tempo_bpm: float | None = None
    tempo_confidence: float | None = None
    onsets_per_s: float | None = None


FACT_COLUMNS = tuple(field.name for field in dataclasses.fields(Facts))

# What a person calls the facts that can be filtered by and compared.
FACTS = {
    "loudness": "loudness_lufs",
    "brightness": "brightness_hz",
    "pitch": "pitch_hz",
    "tempo": "tempo_bpm",
    "onsets": "onsets_per_s",
}

# Beyond what any sound has; what lies beyond is damage.
FACT_RANGES = {
    "loudness_lufs": (-400.0, 400.0),
    "brightness_hz": (0.0, 1e6),
    "pitch_hz": (0.0, 1e6),
    "pitch_confidence": (-1e-6, 1 + 1e-6),
    "tempo_bpm": (0.0, 1e5),
    "tempo_confidence": (-1e-6, 1 + 1e-6),
    "onsets_per_s": (0.0, 1e5),
}
FACT_WORDS = {  # title and unit
    "loudness": ("Loudness", "LUFS"),
    "brightness": ("Brightness", "Hz"),
    "pitch": ("Pitch", "Hz"),
    "tempo": ("Tempo", "BPM"),
    "onsets": ("Onsets", "per second"),
}
FACT_FORMATS = {
    "loudness": "{:.0f} LUFS",
    "brightness": "{:.0f} Hz",
    "pitch": "{:.0f} Hz",
    "tempo": "{:.0f} bpm",
    "onsets": "{:.1f} a second",
}
EVEN_FACTS = {"loudness", "tempo"}  # loudness is a logarithm already
UNITS = {"loudness": "LUFS", "brightness": "Hz", "pitch": "Hz", "tempo": "BPM", "onsets": "/s"}

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
