"""Notes whose pitch is known: made ones, and real ones of a corpus whose paths name it."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.facts.one_shots import RATE, Sound
from soundkin.audio.read import read_audio

LOWEST, HIGHEST = 24, 96  # C1 to C7
STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
# `piano_Eb3`, `Vla_A3 Pizz 1`, `Fs1`; a note block's octave is not in its name.
NAMED = re.compile(r"(?:^|_)([a-g])(#|s|b|sharp)?(\d)?(?=$|[_ ])")
INSTRUMENTS = re.compile(
    r"piano_|voices?_|bamboo_|tone_[a-g]|vla_[a-g]\d|salamander/|noteblock_[a-g]"
)


@dataclass(frozen=True)
class Note:
    """A sound `(n_samples,)` at `RATE` with its pitch, a MIDI number, the octave known or not."""

    kind: str
    midi: float
    samples: Sound = field(repr=False)
    has_octave: bool = True


def make_notes(n_of_a_kind: int, seed: int) -> list[Note]:
    """Make notes of every kind, a little out of tune, of 0.15 to 3 s."""
    found = []
    for kind, make in MADE.items():
        for i in range(n_of_a_kind):
            rng = np.random.default_rng([seed, i])
            midi = float(rng.uniform(LOWEST, HIGHEST))
            t = np.arange(round(rng.uniform(0.15, 3.0) * RATE)) / RATE
            sound = make(440 * 2 ** ((midi - 69) / 12), t, rng)
            sound *= np.minimum(1, t / 0.004) * np.minimum(1, (t[-1] - t) / 0.01)
            sound = 0.3 * sound / np.abs(sound).max() + 1e-4 * rng.standard_normal(len(t))
            found.append(Note(f"made: {kind}", midi, sound))
    return found


def read_notes(corpus: Path) -> list[Note]:
    """Read the notes that a corpus names."""
    found = []
    with (corpus / "manifest.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            path = row["path"].lower()
            named = NAMED.search(
                path.rsplit("/", 1)[-1].rsplit(".", 1)[0].replace("noteblock_", "")
            )
            if INSTRUMENTS.search(path) and named and "prep_" not in path:
                step, sign, octave = named.groups()
                if not octave and "noteblock" not in path:
                    continue
                has_octave = bool(octave) and "noteblock" not in path
                midi = STEPS[step] + {None: 0, "b": -1}.get(sign, 1) + 12 * (int(octave or 4) + 1)
                samples = read_audio(corpus / row["file"], RATE).astype(np.float64)
                found.append(Note("real", midi, samples, has_octave))
    return found


def _add_partials(
    hz: float, t: Sound, weigh: Callable[[int], float], rng: np.random.Generator
) -> Sound:
    partials = range(1, 1 + min(40, int(0.45 * RATE / hz)))
    return np.asarray(
        sum(weigh(k) * np.sin(2 * np.pi * (k * hz * t + rng.random())) for k in partials)
    )


def _make_sine(hz: float, t: Sound, _: np.random.Generator) -> Sound:
    return np.asarray(np.sin(2 * np.pi * hz * t))


def _make_saw(hz: float, t: Sound, rng: np.random.Generator) -> Sound:
    return _add_partials(hz, t, lambda k: 1 / k, rng)


def _make_square(hz: float, t: Sound, rng: np.random.Generator) -> Sound:
    return _add_partials(hz, t, lambda k: (k % 2) / k, rng)


def _make_without_fundamental(hz: float, t: Sound, rng: np.random.Generator) -> Sound:
    return _add_partials(hz, t, lambda k: (k > 1) / k, rng)


def _make_strong_octave(hz: float, t: Sound, rng: np.random.Generator) -> Sound:
    return _add_partials(hz, t, lambda k: 1 if k in (2, 4) else 0.25 / k, rng)


def _make_pluck(hz: float, t: Sound, rng: np.random.Generator) -> Sound:
    partials = range(1, 1 + min(30, int(0.45 * RATE / hz)))
    at = rng.uniform(0.1, 0.4)  # where the string is plucked
    fall = rng.uniform(1, 6)
    return np.asarray(sum(
        np.sin(np.pi * k * at) / k * np.exp(-fall * (1 + 0.3 * k) * t)
        * np.sin(2 * np.pi * k * hz * np.sqrt(1 + 2e-4 * k * k) * t)
        for k in partials
    ))  # fmt: skip


def _make_vibrato(hz: float, t: Sound, rng: np.random.Generator) -> Sound:
    depth = 2 ** (rng.uniform(10, 40) / 1200) - 1
    turns = hz * (t + depth * np.sin(2 * np.pi * 5.5 * t) / (2 * np.pi * 5.5))
    partials = range(1, 1 + min(15, int(0.4 * RATE / hz)))
    return np.asarray(sum(np.sin(2 * np.pi * k * turns) / k**1.5 for k in partials))


def _make_breathy(hz: float, t: Sound, rng: np.random.Generator) -> Sound:
    sound = _add_partials(hz, t, lambda k: 1 / k**2, rng)
    return np.asarray(sound + 0.15 * np.abs(sound).max() * rng.standard_normal(len(t)))


def _make_bass_with_kick(hz: float, t: Sound, rng: np.random.Generator) -> Sound:
    note = _add_partials(hz, t, lambda k: 1 / k, rng) * np.exp(-2 * t)
    click = rng.standard_normal(len(t)) * np.exp(-80 * t)
    return np.asarray(note + 2 * click)


MADE = {
    "sine": _make_sine,
    "saw": _make_saw,
    "square": _make_square,
    "no fundamental": _make_without_fundamental,
    "strong octave": _make_strong_octave,
    "plucked string": _make_pluck,
    "vibrato": _make_vibrato,
    "breathy": _make_breathy,
    "with a click": _make_bass_with_kick,
}
