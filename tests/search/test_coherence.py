"""Whether two sounds are one waveform: delays by parts of a sample, other speeds, other draws."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import soxr

from soundkin.search.duplicates.coherence import RATE, measure_coherence

Samples = npt.NDArray[np.float32]


def make_hiss(seed: int, seconds: float = 0.5) -> Samples:
    """Make a decay of noise up to 8 kHz, in which half a sample is much."""
    noise = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return np.asarray(noise * np.exp(-np.arange(len(noise)) / (0.2 * RATE)), np.float32)


def delay(samples: Samples, n_samples: float) -> Samples:
    """Delay by parts of a sample, as codecs do."""
    padded = np.pad(samples, (0, 64))
    turns = np.exp(-2j * np.pi * np.fft.rfftfreq(len(padded)) * n_samples)
    return np.fft.irfft(np.fft.rfft(padded) * turns, len(padded)).astype(np.float32)


@pytest.mark.parametrize("n_samples", [0.0, 0.5, 12.25])
def test_a_sound_delayed_by_part_of_a_sample_is_the_same(n_samples: float) -> None:
    hiss = make_hiss(0)
    assert measure_coherence(hiss, -0.3 * delay(hiss, n_samples)) > 0.97


@pytest.mark.parametrize("ratio", [1.005, 1 / 1.005])
def test_a_bright_sound_that_runs_otherwise_by_half_a_percent_is_the_same(ratio: float) -> None:
    hiss = make_hiss(1)
    assert measure_coherence(hiss, soxr.resample(hiss, RATE * ratio, RATE)) > 0.9


def test_another_draw_of_a_noise_is_another_sound() -> None:
    assert measure_coherence(make_hiss(2), make_hiss(3)) < 0.5


def test_silence_is_like_nothing() -> None:
    assert measure_coherence(make_hiss(4), np.zeros(RATE, np.float32)) == 0
