"""The deformations one can listen to: what each does, and that training's own do the same."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from conftest import DEMO_SOUNDS
from soundkin.audio.deformations import add_noise, cut_nearby, mix, shift_pitch, stretch_time
from soundkin.audio.mel import compute_log_mel, compute_window
from soundkin.audio.read import read_audio
from soundkin.embedding.model import Model, load_model
from soundkin.errors import DeformationError
from soundkin.training.pairs import shift_pitch as shift_filters
from soundkin.training.pairs import stretch_time as stretch_frames
from sounds import RATE, make_noise, make_sweep, make_tone

AGREEING = sorted(DEMO_SOUNDS.glob("*.flac"))[::4]


def make_sine(hz: float, seconds: float = 2.0) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(seconds * RATE) / RATE)).astype(np.float32)


def find_peak_hz(waveform: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    return float(spectrum.argmax() * RATE / len(waveform))


def compute_level_db(waveform: np.ndarray) -> float:
    return 10 * math.log10(float(np.mean(np.square(waveform, dtype=np.float64))))


@pytest.mark.parametrize(
    "deform",
    [
        lambda w: shift_pitch(w, RATE, 0.0),
        lambda w: stretch_time(w, RATE, 1.0),
        lambda w: add_noise(w, RATE, 0.0, np.random.default_rng(0)),
        lambda w: mix(w, make_noise(0.1), 0.0),
        lambda w: cut_nearby(w, RATE, 0.0, len(w) / RATE, 0.0),
    ],
)
def test_no_strength_is_the_same_samples_in_another_array(
    deform: Callable[[np.ndarray], np.ndarray],
) -> None:
    waveform = make_sweep(0.5)
    deformed = deform(waveform)
    assert deformed.dtype == np.float32
    assert np.array_equal(deformed, waveform)
    assert not np.shares_memory(deformed, waveform)


@pytest.mark.parametrize("semitones", [-12, -5, 0.5, 5, 12])
def test_a_shifted_sine_has_the_pitch_asked_for_the_same_length_and_level(
    semitones: float,
) -> None:
    sine = make_sine(440)
    shifted = shift_pitch(sine, RATE, semitones)
    wanted = 440 * 2 ** (semitones / 12)
    assert len(shifted) == len(sine)
    assert abs(1200 * math.log2(find_peak_hz(shifted) / wanted)) < 6  # cents
    assert compute_level_db(shifted) == pytest.approx(compute_level_db(sine), abs=0.1)


@pytest.mark.parametrize("factor", [0.5, 1 / 1.4, 1.4, 1.5, 2.0])
def test_a_stretched_sine_has_the_length_asked_for_the_same_pitch_and_level(
    factor: float,
) -> None:
    sine = make_sine(440)
    stretched = stretch_time(sine, RATE, factor)
    assert len(stretched) == round(factor * len(sine))
    assert find_peak_hz(stretched) == pytest.approx(440, abs=1.0)
    for part in (stretched, stretched[: RATE // 20], stretched[-RATE // 20 :]):
        assert compute_level_db(part) == pytest.approx(compute_level_db(sine), abs=1.0)


@pytest.mark.parametrize("factor", [1 / 1.4, 1.0, 1.5])
@pytest.mark.parametrize("semitones", [-5, 0, 5])
def test_an_attack_stays_at_its_place_in_the_whole(factor: float, semitones: float) -> None:
    hit = np.zeros(2 * RATE, np.float32)
    hit[30_000:30_400] = make_noise(1.0)[:400] * np.exp(-np.arange(400) / 100)
    deformed = shift_pitch(stretch_time(hit, RATE, factor), RATE, semitones)
    assert np.abs(deformed).argmax() == pytest.approx(30_000 * factor, abs=0.005 * RATE)


def test_what_begins_with_the_file_keeps_its_attack() -> None:
    hit = make_noise(0.5) * np.exp(-np.arange(RATE // 2) / 2000).astype(np.float32)
    for deformed in (shift_pitch(hit, RATE, 5), stretch_time(hit, RATE, 1.4)):
        first = compute_level_db(deformed[:1000])
        assert first == pytest.approx(compute_level_db(hit[:1000]), abs=3)


@pytest.mark.parametrize("n_samples", [1, 2, 50, 5000])
def test_the_shortest_sounds_and_silence_are_deformed(n_samples: int) -> None:
    for waveform in (make_noise(1.0)[:n_samples], np.zeros(n_samples, np.float32)):
        assert len(shift_pitch(waveform, RATE, 5)) == n_samples
        longer = stretch_time(waveform, RATE, 1.4)
        assert len(longer) == max(1, round(1.4 * n_samples))
        noisy = add_noise(waveform, RATE, 0.1, np.random.default_rng(0))
        for deformed in (longer, noisy):
            assert np.isfinite(deformed).all()


@pytest.mark.parametrize("slope", [0.0, -1.0, -2.0])
def test_noise_has_the_energy_and_the_colour_asked_for(slope: float) -> None:
    tone = make_tone(440, 2.0)
    noise = add_noise(tone, RATE, 0.1, np.random.default_rng(1), slope) - tone
    assert compute_level_db(tone) - compute_level_db(noise) == pytest.approx(10, abs=0.01)
    power = np.abs(np.fft.rfft(noise)) ** 2
    hz = np.fft.rfftfreq(len(noise), 1 / RATE)
    octaves = [np.mean(power[(hz >= low) & (hz < 2 * low)]) for low in (500, 8000)]
    assert math.log2(octaves[1] / octaves[0]) / 4 == pytest.approx(slope, abs=0.1)


def test_noise_is_the_same_for_the_same_generator() -> None:
    tone = make_tone(440)
    first, again, other = (add_noise(tone, RATE, 0.1, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("seconds", [0.1, 5.0])
def test_a_mixture_adds_a_share_of_the_energy_whatever_the_lengths(seconds: float) -> None:
    tone = make_tone(440)
    added = mix(tone, 0.01 * make_noise(seconds), 0.25) - tone
    assert compute_level_db(added) - compute_level_db(tone) == pytest.approx(-6.02, abs=0.01)


def test_a_nearby_segment_is_the_one_there_and_stays_inside() -> None:
    sweep = make_sweep(3.0)
    for move_s, start in ((0.0, 1.0), (0.5, 1.5), (-0.25, 0.75), (9.0, 2.0), (-9.0, 0.0)):
        found = cut_nearby(sweep, RATE, 1.0, 1.0, move_s)
        first = round(start * RATE)
        assert np.array_equal(found, sweep[first : first + RATE])


@pytest.mark.parametrize(
    ("deform", "message"),
    [
        (lambda w: shift_pitch(w, RATE, 25), "semitones must be within -24 and 24, not 25"),
        (lambda w: shift_pitch(w, RATE, math.nan), "not nan"),
        (lambda w: shift_pitch(w, 100, 5), "100 Hz is too low"),
        (lambda w: stretch_time(w, RATE, 0), "factor must be within 0.5 and 2"),
        (lambda w: stretch_time(w[:0], RATE, 1.5), "a waveform is"),
        (lambda w: stretch_time(np.stack([w, w]), RATE, 1.5), "a waveform is"),
        (lambda w: shift_pitch(w + np.float32(np.inf), RATE, 5), "finite"),
        (lambda w: add_noise(w, RATE, -0.1, np.random.default_rng(0)), "share must be"),
        (lambda w: mix(w, w, math.inf), "share must be"),
        (lambda w: mix(w, 0 * w, 0.5), "silent"),
        (lambda w: cut_nearby(w, RATE, 0.5, 1.0, 0.0), "no segment of 1 s at 0.5 s in 1 s"),
    ],
)
def test_what_is_out_of_range_is_refused(
    deform: Callable[[np.ndarray], np.ndarray], message: str
) -> None:
    with pytest.raises(DeformationError, match=message):
        deform(make_tone(440))


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model()


@pytest.fixture(scope="module")
def stretches(model: Model) -> list[np.ndarray]:
    """Give two seconds of each sound, real or made, short ones repeated as in training."""
    rate = model.config.segments.sample_rate
    made = [make_tone(330, 2.0, rate), make_noise(2.0, 1, rate), make_sweep(2.0, rate)]
    found = [read_audio(path, rate) for path in AGREEING] + made
    return [
        np.resize(w, 2 * rate) if len(w) < rate else np.pad(w, (0, 2 * rate))[: 2 * rate]
        for w in found
    ]


def compute_training_log_mel(
    waveform: np.ndarray, model: Model, semitones: float, factor: float
) -> np.ndarray:
    """Compute the log-mel of a segment as training deforms it, by filters and frames moved."""
    mel = model.config.mel
    window = torch.from_numpy(compute_window(mel).copy())
    sizes = (mel.n_fft, mel.hop_length, mel.win_length)
    spectrum = torch.stft(
        torch.from_numpy(waveform)[None], *sizes, window, center=False, return_complex=True
    )
    mels = shift_filters(spectrum.abs().square(), torch.tensor([semitones]), model.config)
    mels = stretch_frames(mels, torch.tensor([1 / factor]), model.config.n_frames)
    return torch.log(mels + mel.log_offset)[0].numpy()


def compute_audible_log_mel(
    waveform: np.ndarray, model: Model, semitones: float, factor: float
) -> np.ndarray:
    segments = model.config.segments
    deformed = shift_pitch(waveform, segments.sample_rate, semitones)
    deformed = stretch_time(deformed, segments.sample_rate, factor)
    return compute_log_mel(
        deformed[: segments.segment_length], model.config.mel, segments.sample_rate
    )


@pytest.mark.parametrize(
    ("semitones", "factor"),
    [(0, 1), (-5, 1), (-2, 1), (3, 1), (5, 1), (0, 1.4), (0, 1 / 1.4), (5, 1.2)],
)
def test_training_deforms_spectrograms_as_one_hears_the_waveforms(
    stretches: list[np.ndarray], model: Model, semitones: float, factor: float
) -> None:
    # Measured over all demo sounds: median correlation .960 to .990, median difference .24 to .35
    # of what the deformation itself makes, median cosine of embeddings .962 to .993.
    audible, training, plain = (
        np.stack([compute(waveform, model, *strength) for waveform in stretches])
        for compute, strength in (
            (compute_audible_log_mel, (semitones, factor)),
            (compute_training_log_mel, (semitones, factor)),
            (compute_audible_log_mel, (0, 1)),
        )
    )
    if (semitones, factor) == (0, 1):
        assert np.abs(audible - training).max() < 1e-3
        return
    pairs = zip(audible, training, strict=True)
    correlations = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairs]
    assert np.median(correlations) > 0.93
    assert min(correlations) > 0.75
    apart = np.abs(audible - training).mean(axis=(1, 2))
    moved = np.abs(audible - plain).mean(axis=(1, 2))
    assert np.median(apart / moved) < 0.45

    heard, trained, random = (model.embed(part) for part in (audible, training, plain))
    cosines = (heard * trained).sum(axis=1)
    others = (random @ random.T)[np.triu_indices(len(random), 1)]
    assert np.median(cosines) > 0.93
    assert np.quantile(cosines, 0.1) > 0.85
    assert np.median(others) < 0.4
    assert np.quantile(cosines, 0.1) > np.quantile(others, 0.95)
