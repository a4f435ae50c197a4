"""A field recording made for tests: calls of one bird, and what else is to be heard, in rain."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from conftest import DEMO_SOUNDS
from sounds import RATE, make_noise, write_sound

RAIN_DB = -52.0
SECONDS = 90.0
CALLS = ((7.31, -8.0), (21.87, -20.0), (33.05, -28.0), (58.6, -14.0), (59.7, -16.0), (80.22, -24.0))
OTHERS = (  # when, how loud, and what
    (3.0, -10.0, "misc_crow"),
    (13.0, -16.0, "perc_bell"),
    (27.0, -12.0, "bd_tek"),
    (40.0, -22.0, "drum_cymbal_open"),
    (47.0, -18.0, "misc_crow"),
    (66.0, -14.0, "perc_bell"),
)
CALL_S = 0.32


@dataclass(frozen=True)
class FieldRecording:
    """The file of it, that of a clean call, and when calls begin in it."""

    path: Path
    call: Path
    starts_s: tuple[float, ...]


def make_call(pitch: float = 1.0) -> npt.NDArray[np.float32]:
    """Make a call: two tones that fall and warble, its peak at 1."""
    seconds = CALL_S / pitch
    t = np.arange(round(seconds * RATE)) / RATE
    hz = pitch * (3200 - 4500 * t * pitch + 160 * np.sin(2 * np.pi * 28 * t))
    phase = 2 * np.pi * np.cumsum(hz) / RATE
    shape = np.sin(np.pi * np.clip(t / seconds, 0, 1)) ** 0.5
    wave = (np.sin(phase) + 0.4 * np.sin(2 * phase)) * shape
    return np.asarray(wave / np.abs(wave).max(), np.float32)


def make_field_recording(folder: Path) -> FieldRecording:
    """Write it as `night.flac`, and a clean call as `call.wav` beside the folder."""
    rain = make_noise(SECONDS, seed=5)
    rain *= np.float32(10 ** (RAIN_DB / 20) / np.sqrt(np.mean(np.square(rain))))
    for number, (start_s, peak_db) in enumerate(CALLS):
        _add(rain, make_call(1 + 0.02 * (number % 3 - 1)), start_s, peak_db)
    for start_s, peak_db, name in OTHERS:
        sound, rate = soundfile.read(DEMO_SOUNDS / f"{name}.flac", dtype="float32", always_2d=True)
        mono = sound.mean(axis=1)[: 2 * rate]
        _add(rain, np.asarray(mono / np.abs(mono).max(), np.float32), start_s, peak_db)
    call = write_sound(folder.parent / "call.wav", 0.5 * make_call())
    path = write_sound(folder / "night.flac", rain)
    return FieldRecording(path, call, tuple(start_s for start_s, _ in CALLS))


def _add(
    rain: npt.NDArray[np.float32],
    sound: npt.NDArray[np.float32],
    start_s: float,
    peak_db: float,
) -> None:
    start = round(start_s * RATE)
    rain[start : start + len(sound)] += np.float32(10 ** (peak_db / 20)) * sound
