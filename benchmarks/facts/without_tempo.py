"""Sounds that have no tempo: made ones, and real ones of a corpus by what their paths say."""

from __future__ import annotations

import csv
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.facts.one_shots import RATE, Sound
from soundkin import SoundkinError
from soundkin.audio.read import read_audio

KINDS = {
    "rain and wind": ("rain", "wind", "water", "sea", "river", "storm", "waves", "thunder"),
    "animals": ("animal", "bird", "dog", "cat_", "cow", "frog", "insect", "cricket", "wolf", "pig"),
    "voices": ("cry", "laugh", "crowd", "voice", "cheer", "scream", "cough"),
    "hits": ("/kick", "/snare", "/hat", "/perc", "/tom", "horsepulse", "body_percussion", "bd_"),
    "notes": ("piano", "/bass/", "/synth", "/pad/", "noteblock", "ambi_"),
    "effects": ("kenney", "explosion", "glass", "door", "metal", "impact", "weapon"),
}
# What beats by itself, as walking does, is no test of sounds that do not.
REGULAR = (
    'loop', 'beat', 'break', 'groove', 'clock', 'tick', 'engine', 'train', 'alarm', 'step',
    'walk', 'run', 'heart', 'gallop', 'horse', 'bell', 'machine', 'warden', 'vla_', 'alert',
    'siren', 'ring', 'drill', 'drum_roll', 'roll', 'motor', 'type', 'keyboard', 'tap', 'hoof',
    'tsf', 'tfs', 'sik', 'bng', 'ride', 'hh', 'arp', 'pattern', 'reich', 'tqt', 'phrase', 'scale',
    'drip', 'music', 'song', 'beep', 'drums', 'flap', 'heli', 'fire', 'gun', 'shot', 'saw',
    'pump', 'pant', 'breath', 'snor', 'crick', 'cicad', 'insect', 'frog', 'applau', 'clap',
)  # fmt: skip


@dataclass(frozen=True)
class Untimed:
    """A sound `(n_samples,)` at `RATE` without a tempo."""

    kind: str
    name: str
    samples: Sound = field(repr=False)


def collect_untimed(
    n_of_a_kind: int, seed: int, corpus: Path | None, *, held_out: bool
) -> list[Untimed]:
    """Make and read sounds without tempo, half of the real ones for development."""
    found = []
    for name, make in MADE.items():
        for i in range(n_of_a_kind):
            rng = np.random.default_rng([seed, i])
            found.append(Untimed(f"made: {name}", str(i), 0.3 * make(rng, rng.uniform(1.5, 12))))
    return found + (_read_corpus(n_of_a_kind, seed, corpus, held_out) if corpus else [])


def _read_corpus(n_of_a_kind: int, seed: int, corpus: Path, held_out: bool) -> list[Untimed]:
    with (corpus / "manifest.csv").open(encoding="utf-8") as file:
        rows = [
            (f"/{row['repository']}/{row['path']}".lower(), row["file"])
            for row in csv.DictReader(file)
        ]
    found = []
    for kind, words in KINDS.items():
        files = [
            (name, file)
            for name, file in rows
            if any(word in name for word in words)
            and not any(word in name.rsplit("/", 1)[-1] for word in REGULAR)
            and zlib.crc32(file.encode()) % 2 == held_out
        ]
        order = np.random.default_rng(seed).permutation(len(files))
        for i in order[: 2 * n_of_a_kind]:
            name, file = files[i]
            try:
                found.append(
                    Untimed(
                        kind, name, read_audio(corpus / file, RATE, 0.0, 30.0).astype(np.float64)
                    )
                )
            except SoundkinError:
                continue
    return found


def _make_noise(rng: np.random.Generator, seconds: float) -> Sound:
    noise = rng.standard_normal(round(seconds * RATE))
    spectrum = np.fft.rfft(noise)
    spectrum *= np.arange(1, len(spectrum) + 1) ** -rng.uniform(0, 1)
    noise = np.fft.irfft(spectrum, len(noise))
    return np.asarray(noise / np.abs(noise).max())


def _make_drone(rng: np.random.Generator, seconds: float) -> Sound:
    t = np.arange(round(seconds * RATE)) / RATE
    sound = np.zeros(len(t))
    for _ in range(6):
        hz, slow = rng.uniform(60, 1200), rng.uniform(0.02, 0.3)
        sound += np.sin(2 * np.pi * hz * t) * (
            1 + 0.5 * np.sin(2 * np.pi * (slow * t + rng.random()))
        )
    return np.asarray(sound / np.abs(sound).max())


def _make_hits_at_random(rng: np.random.Generator, seconds: float) -> Sound:
    """Make hits of one kind at times of a Poisson process, three a second."""
    sound = np.zeros(round((seconds + 1) * RATE))
    t = np.arange(round(0.2 * RATE)) / RATE
    hit = rng.standard_normal(len(t)) * np.exp(-30 * t)
    for start in rng.uniform(0, seconds, rng.poisson(3 * seconds) + 1):
        place = round(start * RATE)
        sound[place : place + len(hit)] += hit * rng.uniform(0.3, 1)
    return np.asarray(sound / np.abs(sound).max())


def _make_babble(rng: np.random.Generator, seconds: float) -> Sound:
    """Make syllables of speech's irregular lengths, a buzz of changing pitch through vowels."""
    n = round(seconds * RATE)
    sound, place = np.zeros(n + RATE), 0
    while place < n:
        t = np.arange(round(rng.uniform(0.08, 0.35) * RATE)) / RATE
        hz = rng.uniform(90, 220)
        partials = [
            np.sin(2 * np.pi * k * hz * (t - 0.1 * t**2))
            / (1 + abs(k * hz - rng.uniform(300, 2500)) / 200)
            for k in range(1, 25)
        ]
        sound[place : place + len(t)] += sum(partials) * np.sin(np.pi * t / t[-1])
        place += (
            len(t)
            + round(rng.exponential(0.06) * RATE)
            + (round(0.4 * RATE) if rng.random() < 0.1 else 0)
        )
    return np.asarray(sound[:n] / np.abs(sound).max())


def _make_decay(rng: np.random.Generator, seconds: float) -> Sound:
    t = np.arange(round(seconds * RATE)) / RATE
    partials = sum(
        np.sin(2 * np.pi * rng.uniform(100, 3000) * t) * np.exp(-rng.uniform(1, 6) * t)
        for _ in range(8)
    )
    return np.asarray(partials / np.abs(partials).max())


MADE = {
    "noise": _make_noise,
    "drone": _make_drone,
    "hits at random": _make_hits_at_random,
    "babble": _make_babble,
    "one long decay": _make_decay,
}
