"""Finding in a noise that swells: how loud it is where a call lies, not in its quietest stretch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import soundkin
from sounds import RATE, make_noise, write_sound

STARTS_S = (3.21, 9.87, 14.4, 20.63, 23.1, 31.2)
SECONDS = 40
QUIET_DB = -60.0


def make_thump(pitch: float = 1.0) -> npt.NDArray[np.float32]:
    """Make a low stroke of 0.3 s that falls and decays, its peak at 1."""
    t = np.arange(round(0.3 * RATE)) / RATE
    wave = np.sin(2 * np.pi * pitch * (70 * t + 1.5 * (1 - np.exp(-t / 0.015)))) * np.exp(-t / 0.06)
    wave += 0.5 * np.exp(-t / 0.003) * np.random.default_rng(1).standard_normal(len(t))
    return np.asarray(wave / np.abs(wave).max(), np.float32)


@pytest.mark.parametrize(("swell_db", "peak_db"), [(16.0, -24.0), (20.0, -20.0)])
def test_calls_are_found_where_the_noise_is_louder_than_elsewhere(
    tmp_path: Path, swell_db: float, peak_db: float
) -> None:
    noise = make_noise(SECONDS, seed=3)
    noise *= np.float32(10 ** (QUIET_DB / 20) / np.sqrt(np.mean(np.square(noise))))
    noise[: 2 * len(noise) // 3] *= np.float32(10 ** (swell_db / 20))
    for number, start_s in enumerate(STARTS_S):
        thump, start = make_thump(1 + 0.02 * (number % 3 - 1)), round(start_s * RATE)
        noise[start : start + len(thump)] += np.float32(10 ** (peak_db / 20)) * thump
    call = write_sound(tmp_path / "call.wav", 0.5 * make_thump())
    found = soundkin.find_in_files(call, [write_sound(tmp_path / "night.flac", noise)])
    nearest = [min(abs(event.start_s - s) for s in STARTS_S) for event in found.events]
    assert len(nearest) >= len(STARTS_S) / 2
    assert max(nearest) < 0.1
