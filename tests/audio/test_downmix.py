"""Channels mixed to one cannot cancel what is in them; ordinary stereo is averaged to the bit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from soundkin import Embedder
from soundkin.audio.decoders.downmix import mix_to_mono
from sounds import RATE, make_noise, make_sweep, make_tone

Samples = npt.NDArray[np.float32]
NOISE, SWEEP, TONE = make_noise(1.5, 3), make_sweep(1.5), make_tone(300, 1.5)


def _delay(samples: Samples, n_samples: int) -> Samples:
    return np.concatenate([np.zeros(n_samples, np.float32), samples[:-n_samples]])


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    """Load the default model."""
    return Embedder.load("kin")


def _compare(embedder: Embedder, first: Samples, second: Samples) -> float:
    vectors = [embedder.embed_waveform(one, RATE).vectors[0] for one in (first, second)]
    return float(vectors[0] @ vectors[1])


@pytest.mark.parametrize(
    "sound", [NOISE, SWEEP, make_tone(300, 1.5)], ids=["noise", "sweep", "tone"]
)
@pytest.mark.parametrize(
    "other",
    [
        lambda y: -y,
        lambda y: -0.8 * y,
        lambda y: -0.9 * y + 0.002 * make_noise(1.5, 9),
        lambda y: _delay(y, 5),
        lambda y: _delay(y, 40),
        lambda y: -_delay(y, 300),
    ],
    ids=["turned", "turned and softer", "nearly turned", "5 late", "40 late", "turned and late"],
)
def test_a_channel_turned_over_or_late_takes_nothing_away(
    embedder: Embedder, sound: Samples, other: object
) -> None:
    second = other(sound)  # type: ignore[operator]
    stereo = np.stack([sound, second], axis=1).astype(np.float32)
    assert _compare(embedder, mix_to_mono(stereo), sound) > 0.9
    assert _compare(embedder, mix_to_mono(stereo[:, ::-1]), sound) > 0.9


@pytest.mark.parametrize(
    "second",
    [SWEEP, 0.5 * SWEEP, NOISE, 0.7 * SWEEP + 0.3 * NOISE, np.zeros_like(SWEEP)],
    ids=["the same", "softer", "another", "partly another", "nothing"],
)
def test_ordinary_stereo_is_averaged_to_the_bit(second: Samples) -> None:
    stereo = np.stack([SWEEP, second], axis=1).astype(np.float32)
    assert np.array_equal(mix_to_mono(stereo), (stereo[:, 0] + stereo[:, 1]) * np.float32(0.5))


def test_six_channels_of_which_two_cancel_are_heard() -> None:
    silent = np.zeros_like(SWEEP)
    surround = np.stack([SWEEP, -SWEEP, silent, silent, silent, silent], axis=1)
    mono = mix_to_mono(surround)
    assert np.corrcoef(mono, SWEEP)[0, 1] > 0.99


def test_what_is_no_number_is_silence_in_either_channel() -> None:
    stereo = np.stack([SWEEP, SWEEP], axis=1)
    stereo[10, 0], stereo[20, 1] = np.nan, np.inf
    mono = mix_to_mono(stereo)
    assert np.isfinite(mono).all()
    assert np.allclose(mono[30:], SWEEP[30:])
