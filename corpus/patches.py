"""Sounds of instruments that never were: patches drawn at random, each played over many pitches.

Pairs from one patch differ in pitch, length and force but not in timbre, and there is no end of
patches (contrastive learning from synthesis: Cherep & Singh 2024, arXiv 2406.05923). A patch is a
bank of partials, harmonic or not, under a spectral tilt and formants, with frequency modulation,
vibrato and a band of noise, each with its own decay; or a drum: a falling sine and noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

RATE = 32_000
RECORDING_S = 12.0
DRUM_SHARE = 0.25
JITTER = 0.04  # how much a parameter wanders from note to note
Waveform = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Patch:
    """What stays from note to note."""

    ratios: Waveform  # of the partials to the pitch
    loudness: Waveform  # of the partials
    formants_hz: Waveform
    formant_widths: Waveform  # octaves
    formant_share: float
    attack_s: float
    decay_s: float  # of the lowest partial, to a third
    damping: float  # how much faster high partials decay
    sustain: float
    modulation_ratio: float
    modulation_index: float
    vibrato_hz: float
    vibrato_depth: float
    noise_level: float
    noise_hz: float
    noise_width: float  # octaves
    noise_decay_s: float
    drop: float  # how far the pitch falls, as a factor, within drop_s
    drop_s: float
    is_drum: bool


def draw_patch(generator: np.random.Generator) -> Patch:
    """Draw a patch."""
    is_drum = generator.random() < DRUM_SHARE
    n_partials = int(np.exp(generator.uniform(0, np.log(6 if is_drum else 40))))
    ratios = np.arange(1.0, n_partials + 1)
    kind = generator.random()
    if is_drum or kind < 0.2:
        ratios = np.sort(np.concatenate([[1.0], generator.uniform(1.1, 12, n_partials - 1)]))
    elif kind < 0.4:
        ratios = 2 * ratios - 1
    elif kind < 0.6:
        ratios = ratios * np.sqrt(1 + 10 ** generator.uniform(-5, -2.5) * ratios**2)
    tilt = generator.uniform(0, 2.2)
    return Patch(
        ratios=ratios,
        loudness=ratios**-tilt * np.exp(generator.normal(0, 0.7, n_partials)),
        formants_hz=np.exp(generator.uniform(np.log(200), np.log(6000), 3)),
        formant_widths=generator.uniform(0.15, 1.2, 3),
        formant_share=generator.choice([0.0, generator.uniform(0, 1)]),
        attack_s=float(np.exp(generator.uniform(np.log(0.001), np.log(0.003 if is_drum else 0.2)))),
        decay_s=float(np.exp(generator.uniform(np.log(0.03), np.log(0.4 if is_drum else 3)))),
        damping=generator.uniform(0, 1.2),
        sustain=0.0 if is_drum else float(generator.choice([0.0, generator.uniform(0.2, 1)])),
        modulation_ratio=float(generator.choice([0.5, 1, 1.41, 2, 3, 3.5, 5, 7])),
        modulation_index=float(generator.choice([0.0, generator.uniform(0, 5)])),
        vibrato_hz=generator.uniform(3, 8),
        vibrato_depth=float(generator.choice([0.0, 0.0, generator.uniform(0, 0.02)])),
        noise_level=float(generator.choice([0.0, 10 ** generator.uniform(-2.5, 0.5 * is_drum)])),
        noise_hz=float(np.exp(generator.uniform(np.log(300), np.log(12_000)))),
        noise_width=generator.uniform(0.3, 3),
        noise_decay_s=float(np.exp(generator.uniform(np.log(0.01), np.log(0.5 if is_drum else 2)))),
        drop=float(np.exp(generator.uniform(0, 2))) if is_drum else 1.0,
        drop_s=generator.uniform(0.005, 0.08),
        is_drum=is_drum,
    )


def play_note(
    patch: Patch, hz: float, length_s: float, force: float, generator: np.random.Generator
) -> Waveform:
    """Play one note; a little softer above when played with less force (0-1)."""
    wander = np.exp(generator.normal(0, JITTER, 4))
    times = np.arange(round((length_s + 0.3) * RATE)) / RATE
    phase = 2 * np.pi * hz * np.cumsum(_bend(patch, times)) / RATE
    index = patch.modulation_index * wander[0] * np.exp(-times / (patch.decay_s * 2)) * force
    phase = phase + index * np.sin(phase * patch.modulation_ratio)
    frequencies = patch.ratios * hz
    loudness = patch.loudness * np.exp(generator.normal(0, JITTER, len(patch.ratios)))
    loudness = loudness * patch.ratios ** -(0.8 * (1 - force)) * _weigh(patch, frequencies)
    sound = np.zeros(len(times))
    for ratio, level in zip(patch.ratios, loudness, strict=True):
        if ratio * hz < 0.45 * RATE and level > 1e-4 * loudness.max():
            decay_s = patch.decay_s * wander[1] * ratio**-patch.damping
            shape = patch.sustain + (1 - patch.sustain) * np.exp(-times / decay_s)
            sound += level * shape * np.sin(ratio * phase)
    sound /= max(float(np.abs(sound).max()), 1e-9)
    if patch.noise_level:
        sound += patch.noise_level * wander[2] * _draw_noise(patch, times, generator)
    attack = np.minimum(1, times / (patch.attack_s * wander[3]))
    release = np.clip((length_s + 0.3 - times) / 0.3, 0, 1)
    return force * attack * release**2 * sound


def _bend(patch: Patch, times: Waveform) -> Waveform:
    """Give the course of the pitch, as a factor."""
    vibrato = 1 + patch.vibrato_depth * np.sin(2 * np.pi * patch.vibrato_hz * times)
    bend: Waveform = vibrato * (1 + (patch.drop - 1) * np.exp(-times / patch.drop_s))
    return bend


def _weigh(patch: Patch, hz: Waveform) -> Waveform:
    """Give the formants' share in the loudness of partials."""
    octaves = np.log2(hz[:, None] / patch.formants_hz) / patch.formant_widths
    weights: Waveform = (1 - patch.formant_share) + patch.formant_share * np.exp(-(octaves**2)).max(
        axis=1
    )
    return weights


def _draw_noise(patch: Patch, times: Waveform, generator: np.random.Generator) -> Waveform:
    spectrum = np.fft.rfft(generator.standard_normal(len(times)))
    hz = np.fft.rfftfreq(len(times), 1 / RATE)
    octaves = np.log2(np.maximum(hz, 1) / patch.noise_hz) / patch.noise_width
    noise = np.fft.irfft(spectrum * np.exp(-(octaves**2)), len(times))
    noise *= np.exp(-times / patch.noise_decay_s) / max(float(np.abs(noise).max()), 1e-9)
    return noise


def play_patch(patch: Patch, generator: np.random.Generator) -> npt.NDArray[np.float32]:
    """Play a phrase of random notes on a patch, float32 `(n_samples,)` of peak 0.7 or less."""
    sound = np.zeros(round((RECORDING_S + 4) * RATE))
    lowest = generator.uniform(28, 72)
    reach = generator.uniform(0.5, 4) if patch.is_drum else generator.uniform(12, 36)
    time_s = generator.uniform(0, 0.3)
    while time_s < RECORDING_S:
        length_s = float(np.exp(generator.uniform(np.log(0.1), np.log(2.5))))
        hz = 440 * 2 ** ((lowest + generator.uniform(0, reach) - 69) / 12)
        note = play_note(patch, hz, length_s, generator.uniform(0.3, 1), generator)
        start = round(time_s * RATE)
        sound[start : start + len(note)] += note[: len(sound) - start]
        time_s += length_s * generator.uniform(0.5, 1.5)
    sound = sound[: round(RECORDING_S * RATE)]
    level = generator.uniform(0.1, 0.7) / max(float(np.abs(sound).max()), 1e-9)
    return (level * sound).astype(np.float32)


def render_patches(folder: Path, count: int, seed: int = 0) -> Iterator[tuple[Path, float]]:
    """Write `count` recordings, each of a patch of its own; yields each one's path and seconds."""
    for number in range(count):
        generator = np.random.default_rng([seed, number])
        path = folder / f"{number:05}.flac"
        soundfile.write(path, play_patch(draw_patch(generator), generator), RATE)
        yield path, RECORDING_S
