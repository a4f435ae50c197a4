"""Hits that loops are made of: real ones of the demo sounds and of a corpus, and made ones."""

from __future__ import annotations

import csv
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from soundkin import SoundkinError
from soundkin.audio.read import read_audio

RATE = 44_100
MAX_S = 1.5
DEMO = Path(__file__).parents[2] / "demo" / "sounds"

Sound = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator], Sound]

# What a path says of a drum, first match first. Only the benchmark listens to names.
VOICES = {
    "kick": ("/kick/", "/bd/", "bd_", "drum_bass", "drum_heavy_kick", "kicks/"),
    "snare": ("/snare", "/sd/", "sn_", "drum_snare", "elec_snare", "_hi_snare", "_lo_snare"),
    "clap": ("/clap", "/cp/", "perc_snap"),
    "hat": ("/hat", "/hh/", "hat_", "cymbal_closed", "cymbal_pedal"),
    "open": ("/oh/", "cymbal_open", "elec_cymbal"),
    "tom": ("/tom/", "drum_tom", "/lt/", "/ht/", "/mt/", "tabla_ghe", "tabla_tun", "conga_"),
    "rim": ("/rim/", "/cowbell/", "drum_cowbell", "tabla_na", "tabla_te", "elec_wood", "/cb/"),
    "perc": ("/perc", "horsepulse", "body_percussion", "tabla_", "perc_bell", "elec_blip"),
    "shaker": ("/shaker", "egg_shaker"),
}


class OneShots:
    """Hits by voice, half of the real ones for development and half held out.

    Parameters
    ----------
    corpus
        A folder with `manifest.csv` (`file, repository, path`); None for the demo sounds alone.
    held_out
        Which half of the real ones.
    """

    def __init__(self, corpus: Path | None, *, held_out: bool) -> None:
        self._paths: dict[str, list[Path]] = defaultdict(list)
        self._sounds: dict[Path, Sound] = {}
        for name, path in _list_files(corpus):
            half = zlib.crc32(path.stem.encode()) % 2
            voice = next((v for v, words in VOICES.items() if any(w in name for w in words)), None)
            if voice and half == held_out and "loop" not in name:
                self._paths[voice].append(path)

    def draw(self, voice: str, rng: np.random.Generator) -> Sound:
        """Draw a hit: a real one three times in four, where there is any."""
        paths = self._paths[voice]
        if not paths or rng.random() < 0.25:
            return MADE[voice](rng)
        path = paths[rng.integers(len(paths))]
        if path not in self._sounds:
            self._sounds[path] = _read(path)
        sound = self._sounds[path]
        return sound if len(sound) else MADE[voice](rng)


def _list_files(corpus: Path | None) -> Iterator[tuple[str, Path]]:
    for path in sorted(DEMO.glob("*.flac")):
        yield f"/{path.name}", path
    if corpus:
        with (corpus / "manifest.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                yield f"{row['repository']}/{row['path']}".lower(), corpus / row["file"]


def _read(path: Path) -> Sound:
    """Read a hit from where it begins, at most `MAX_S` of it, its peak 1."""
    try:
        sound = read_audio(path, RATE, 0.0, MAX_S + 0.5).astype(np.float64)
    except SoundkinError:
        return np.zeros(0)
    peak = np.abs(sound).max(initial=0)
    if peak == 0:
        return np.zeros(0)
    begin = int(np.argmax(np.abs(sound) > 0.05 * peak))
    sound = sound[begin : begin + round(MAX_S * RATE)] / peak
    sound[-441:] *= np.linspace(1, 0, len(sound[-441:]))
    return sound


def _times(seconds: float) -> Sound:
    return np.arange(round(seconds * RATE)) / RATE


def _make_drum(low_hz: float, high_hz: float, seconds: float) -> Draw:
    def draw(rng: np.random.Generator) -> Sound:
        t = _times(seconds * rng.uniform(0.7, 1.4))
        hz = rng.uniform(low_hz, high_hz) * (1 + rng.uniform(0.5, 4) * np.exp(-40 * t))
        return np.asarray(np.sin(2 * np.pi * np.cumsum(hz) / RATE) * np.exp(-5 * t / t[-1]))

    return draw


def _make_noise_hit(
    seconds: float, colour: float, tone: float = 0.0, attack_s: float = 0.0
) -> Draw:
    def draw(rng: np.random.Generator) -> Sound:
        t = _times(seconds * rng.uniform(0.7, 1.4))
        noise = rng.standard_normal(len(t))
        noise[1:] -= colour * noise[:-1]
        sound = noise * np.exp(-6 * t / t[-1]) * np.minimum(1, (t + 1e-4) / (attack_s + 1e-4))
        sound += tone * np.sin(2 * np.pi * rng.uniform(150, 260) * t) * np.exp(-9 * t / t[-1]) * 3
        return np.asarray(sound / np.abs(sound).max())

    return draw


MADE: dict[str, Draw] = {
    "kick": _make_drum(40, 65, 0.3),
    "snare": _make_noise_hit(0.2, 0.5, tone=1.0),
    "clap": _make_noise_hit(0.15, 0.8),
    "hat": _make_noise_hit(0.06, 0.95),
    "open": _make_noise_hit(0.35, 0.95),
    "tom": _make_drum(90, 220, 0.3),
    "rim": _make_drum(700, 1800, 0.05),
    "perc": _make_drum(250, 900, 0.12),
    "shaker": _make_noise_hit(0.12, 0.9, attack_s=0.03),
}
