"""What a sound is heard through: each does what it says, and training's own do the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from soundkin.audio.mel import compute_band_corners, compute_mel
from soundkin.audio.surroundings import Channel, add_floor, add_room, pass_channel
from soundkin.config import ModelConfig
from soundkin.errors import DeformationError
from soundkin.training import surroundings
from soundkin.training.pairs import NO_DEFORMATION, make_generator
from sounds import make_noise, make_tone

MODEL = ModelConfig("any")
RATE = MODEL.segments.sample_rate
HZ = torch.from_numpy(compute_band_corners(MODEL.mel)[1:-1])


def compute_bands_db(waveform: np.ndarray) -> np.ndarray:
    return 10 * np.log10(compute_mel(waveform, MODEL.mel, RATE).mean(axis=1))


def make_white(seconds: float, seed: int = 0) -> np.ndarray:
    return make_noise(seconds, seed, rate=RATE).astype(np.float32)


CHANNELS = [
    Channel(tilt_db=6.0),
    Channel(tilt_db=-6.0, bumps=((400.0, 6.0, 0.5), (5_000.0, -6.0, 1.0))),
    Channel(low_hz=300.0, top_hz=3_400.0, slope_db=24.0),
    Channel(low_hz=60.0, top_hz=8_000.0, slope_db=12.0),
]


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_channel_heard_is_the_channel_that_training_draws(channel: Channel) -> None:
    white = make_white(4.0)
    heard_db = compute_bands_db(pass_channel(white, RATE, channel)) - compute_bands_db(white)
    drawn_db = surroundings.compute_tilt(torch.tensor([channel.tilt_db]), HZ)
    for place, height_db, width in channel.bumps:
        bump = (torch.tensor([number]) for number in (height_db, place, width))
        drawn_db = drawn_db + surroundings.compute_bump(*bump, HZ)
    if channel.low_hz and channel.top_hz:
        order = channel.slope_db / surroundings.OCTAVE_DB
        band = (torch.tensor([number]) for number in (channel.low_hz, channel.top_hz, order))
        drawn_db = drawn_db + surroundings.compute_band(*band, HZ)
    is_heard = heard_db > -12  # further down a band's corners hear more of their neighbours
    assert is_heard.sum() > 20
    assert np.abs(heard_db - drawn_db[0].numpy())[is_heard].max() < 1.1
    assert np.abs(heard_db).max() > 4.0


def test_what_is_resampled_has_nothing_above_its_band() -> None:
    heard = pass_channel(make_white(1.0), RATE, Channel(top_hz=4_000.0, is_resampled=True))
    spectrum = np.abs(np.fft.rfft(heard))
    hz = np.fft.rfftfreq(len(heard), 1 / RATE)
    assert spectrum[hz > 5_000].max() < 1e-2 * spectrum[hz < 3_000].mean()


@pytest.mark.parametrize(("rt60_s", "direct_db"), [(0.2, 0.0), (0.5, 6.0), (1.0, 12.0)])
def test_a_room_heard_decays_as_training_has_it(rt60_s: float, direct_db: float) -> None:
    frame_s = MODEL.mel.hop_length / RATE
    burst = np.zeros(RATE, np.float32)
    burst[: RATE // 10] = make_white(0.1)
    heard = [
        compute_mel(
            add_room(burst, RATE, rt60_s, direct_db, np.random.default_rng(seed))[:RATE],
            MODEL.mel,
            RATE,
        )
        for seed in range(12)
    ]
    heard_db = 10 * np.log10(np.mean(heard, axis=(0, 1)))
    plain = torch.from_numpy(compute_mel(burst, MODEL.mel, RATE))
    decays = surroundings.compute_decays(torch.tensor([rt60_s]), plain.shape[1], frame_s)[0]
    drawn = plain + 10 ** (-direct_db / 10) * (plain.double() @ decays.double())
    drawn_db = 10 * np.log10(drawn.mean(dim=0).numpy())
    is_heard = heard_db > heard_db.max() - 30
    assert is_heard.sum() >= 7
    assert np.abs(heard_db - drawn_db)[is_heard].max() < 4
    assert np.abs(heard_db - drawn_db)[is_heard].mean() < 2.5


def test_a_floor_heard_is_the_floor_that_training_adds() -> None:
    tone = make_tone(440.0, 2.0, RATE).astype(np.float32)
    full = float(np.abs(tone).max())
    heard = add_floor(tone, RATE, -40.0, np.random.default_rng(0)) - tone
    white = torch.from_numpy(10 ** (compute_bands_db(np.float32(1) * make_unit_noise()) / 10))
    config = replace(NO_DEFORMATION, floor_share=1.0, floor_db=(-40.0, -40.0))
    silence = torch.full((400, MODEL.mel.n_mels, 39), 1e-20)
    found = surroundings.add_floor(silence, config, full, white, HZ, make_generator([0]))
    heard_db = 10 * np.log10(10 ** (compute_bands_db(heard) / 10)).mean()
    assert 10 * float(torch.log10(found.mean(dim=(0, 2))).mean()) == pytest.approx(
        heard_db, abs=4.0
    )  # training's slopes differ, their power does not
    assert float(np.sqrt(np.mean(heard**2))) == pytest.approx(full * 0.01, rel=0.02)
    total = float(found.sum(dim=1).mean())
    assert total == pytest.approx(full**2 * 1e-4 * float(white.sum()), rel=0.1)


def make_unit_noise() -> np.ndarray:
    return np.random.default_rng(3).standard_normal(4 * RATE).astype(np.float32)


def test_a_floor_ends_with_the_sound_in_half_of_the_cases() -> None:
    mels = torch.ones(200, MODEL.mel.n_mels, 20)
    mels[:, :, 10:] = 0
    config = replace(NO_DEFORMATION, floor_share=1.0, floor_db=(-40.0, -40.0))
    white = torch.ones(MODEL.mel.n_mels, dtype=torch.float64)
    found = surroundings.add_floor(mels, config, 1.0, white, HZ, make_generator([0]))
    goes_on = (found[:, :, 10:] > 0).flatten(1).any(dim=1)
    assert 0.35 < float(goes_on.float().mean()) < 0.65
    assert bool((found[:, :, :10] > 1).flatten(1).any(dim=1).all())


def test_only_a_share_of_the_sounds_is_heard_through_something() -> None:
    mels = torch.rand(400, MODEL.mel.n_mels, 39, generator=make_generator([1])) + 0.1
    white = torch.ones(MODEL.mel.n_mels, dtype=torch.float64)
    ways = {
        "room": lambda c: surroundings.add_room(mels, c, 0.025, make_generator([0])),
        "channel": lambda c: surroundings.pass_channel(mels, c, HZ, make_generator([0])),
        "band": lambda c: surroundings.pass_channel(mels, c, HZ, make_generator([0])),
        "floor": lambda c: surroundings.add_floor(mels, c, 1.0, white, HZ, make_generator([0])),
    }
    for name, hear in ways.items():
        found = hear(replace(NO_DEFORMATION, channel_db=6.0, **{f"{name}_share": 0.25}))
        changed = (found != mels).flatten(1).any(dim=1).float().mean()
        least = 0.15 if name != "channel" else 0.4  # a tilt and two bumps are drawn apart
        assert least < float(changed) < least + 0.3, name


def test_the_loudest_frame_keeps_its_power() -> None:
    mels = torch.rand(50, 64, 39, generator=make_generator([1]))
    loudest = surroundings.find_loudest(mels)
    found = surroundings.restore_levels(0.01 * mels, loudest)
    assert torch.allclose(found, mels, rtol=1e-4)


@pytest.mark.parametrize(
    "hear",
    [
        lambda w: pass_channel(w, RATE, Channel(tilt_db=100.0)),
        lambda w: add_room(w, RATE, 99.0, 0.0, np.random.default_rng(0)),
        lambda w: add_floor(w, RATE, 3.0, np.random.default_rng(0)),
        lambda w: add_room(np.zeros((2, 2), np.float32), RATE, 1.0, 0.0, np.random.default_rng(0)),
    ],
)
def test_what_is_out_of_range_is_refused(hear: object) -> None:
    with pytest.raises(DeformationError):
        hear(make_white(0.1))  # type: ignore[operator]


def test_no_surroundings_are_the_same_samples_in_another_array() -> None:
    white = make_white(0.2)
    for found in (
        pass_channel(white, RATE, Channel()),
        add_room(white, RATE, 0.0, 0.0, np.random.default_rng(0)),
    ):
        assert np.array_equal(found, white)
        assert not np.shares_memory(found, white)
