"""Is a sound tone or noise: the flatness of sounds that the tests made so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from conftest import Soundkin
from soundkin.audio.facts.meter import FactsMeter
from soundkin.config import MelConfig
from soundkin.embedding.embedder import Embedder
from sounds import make_noise, write_sound

RATE = 32_000
T = np.arange(2 * RATE) / RATE

Wave = npt.NDArray[np.floating]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder.load("kin")


def measure(embedder: Embedder, waveform: Wave, rate: int = RATE) -> float:
    facts = embedder.embed_waveform(waveform, rate).facts
    assert facts is not None
    assert facts.flatness is not None
    return facts.flatness


def colour(noise: Wave, rate: int, *, tilt: float = 0.0, most_hz: float = np.inf) -> Wave:
    """Tilt the power of noise by so many powers of frequency, and cut what is above a frequency."""
    spectrum = np.fft.rfft(noise)
    hz = np.maximum(np.fft.rfftfreq(len(noise), 1 / rate), 1)
    shaped = np.fft.irfft(spectrum * hz ** (tilt / 2) * (hz <= most_hz), len(noise))
    return 0.1 * shaped / shaped.std()


@pytest.mark.parametrize("hz", [60, 440, 3000, 9000, 14_000])
@pytest.mark.parametrize("level", [1.0, 0.002])
def test_a_tone_has_none(embedder: Embedder, hz: float, level: float) -> None:
    assert measure(embedder, level * np.sin(2 * np.pi * hz * T)) < 0.001


@pytest.mark.parametrize("level", [1.0, 0.01])
def test_white_noise_has_all(embedder: Embedder, level: float) -> None:
    assert measure(embedder, level * make_noise(2.0, 1, RATE)) > 0.98


@pytest.mark.parametrize(("rate", "most_hz"), [(48_000, 22_000), (48_000, 8_000), (22_050, 11_025)])
def test_noise_is_noise_though_it_was_cut_off_or_resampled(
    embedder: Embedder, rate: int, most_hz: float
) -> None:
    assert measure(embedder, colour(make_noise(2.0, 1, rate), rate, most_hz=most_hz), rate) > 0.98


def test_sounds_lie_between_by_how_noisy_they_are(embedder: Embedder) -> None:
    noise = make_noise(2.0, 3, RATE)
    drop = 50 * T + 4 * (1 - np.exp(-T * 30))
    harmonics = range(1, 40)
    vowel = sum(np.sin(2 * np.pi * 120 * k * T) / k * np.exp(-k / 20) for k in harmonics)
    found = {
        "kick": measure(embedder, np.sin(2 * np.pi * drop) * np.exp(-T * 8)),
        "voice": measure(embedder, 0.2 * vowel + 0.01 * noise),
        "hat": measure(embedder, colour(noise, RATE, tilt=2.0) * np.exp(-T * 30)),
        "pink": measure(embedder, colour(noise, RATE, tilt=-1.0)),
    }
    assert list(found) == sorted(found, key=found.__getitem__)
    assert found["kick"] < 0.001 < found["voice"] < 0.1 < 0.3 < found["hat"]
    assert found["pink"] == pytest.approx(0.57, abs=0.05)


def test_louder_moments_count_more(embedder: Embedder) -> None:
    tone, noise = np.sin(2 * np.pi * 440 * T), make_noise(2.0, 0, RATE)
    assert measure(embedder, np.concatenate([0.5 * tone, 0.02 * noise])) < 0.02
    assert measure(embedder, np.concatenate([0.01 * tone, noise])) > 0.95


@pytest.mark.parametrize("rate", [22_050, 32_000, 48_000])
@pytest.mark.parametrize("n_mels", [24, 64, 200])
def test_it_hardly_depends_on_the_frames_of_a_model(rate: int, n_mels: int) -> None:
    for n_fft in (512, 1024, 2048):
        mel = MelConfig(n_fft, n_fft - 12, 480, n_mels=n_mels, f_max=10_500)
        for waveform, flatness in ((make_noise(2.0, 4, rate), 1.0), (np.sin(T * 3000), 0.0)):
            meter = FactsMeter(rate, mel)
            meter.add(waveform.astype(np.float32))
            assert meter.measure().flatness == pytest.approx(flatness, abs=0.03)


def test_noise_is_filtered_from_tones(soundkin: Soundkin, folder: Path) -> None:
    write_sound(folder / "tone.wav", (0.2 * np.sin(2 * np.pi * 440 * T)).astype(np.float32), RATE)
    write_sound(folder / "noise.wav", make_noise(1.0))
    write_sound(folder / "silence.wav", np.zeros(30_000, np.float32))
    soundkin("index", folder)
    [row] = soundkin.json("list", "--fact", "flatness=0.3..1")
    assert Path(row["path"]).stem == "noise"
    assert row["facts"]["flatness"] > 0.98
    flatness = {Path(row["path"]).stem: row["facts"]["flatness"] for row in soundkin.json("list")}
    assert flatness["tone"] < 0.001
    assert flatness["silence"] is None
