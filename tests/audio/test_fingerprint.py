"""Fingerprints: the same of a sound whole and in blocks, read as written, refused where damaged."""

from __future__ import annotations

import numpy as np
import pytest

from conftest import DEMO_SOUNDS
from soundkin.audio.band_power import compute_band_power
from soundkin.audio.fingerprint import (
    HOP_S,
    MOST_FRAMES,
    Fingerprint,
    FingerprintMeter,
    compute_fingerprint,
)
from soundkin.audio.mel import compute_mel
from soundkin.audio.read import read_audio
from soundkin.config import MelConfig
from soundkin.search.duplicates.alignment import align
from soundkin.search.duplicates.outline import Outline
from sounds import make_noise

RATE = 32_000


@pytest.mark.parametrize("seconds", [0.001, 0.35, 3.0, 19.9])
@pytest.mark.parametrize("rate", [8_000, 16_000, 32_000, 44_100])
def test_a_fingerprint_is_read_as_it_was_written(seconds: float, rate: int) -> None:
    found = compute_fingerprint(make_noise(seconds, 1, rate), rate)
    read = Fingerprint.from_bytes(found.to_bytes())
    np.testing.assert_array_equal(read.depths_db, found.depths_db)
    assert read.hop_s == pytest.approx(found.hop_s)
    assert read.peak_db == pytest.approx(found.peak_db)
    assert len(found.depths_db) <= MOST_FRAMES
    assert len(found.depths_db) * found.hop_s == pytest.approx(seconds, abs=1.5 * found.hop_s)


@pytest.mark.parametrize("n_fft", [64, 128, 1024, 2048])
@pytest.mark.parametrize("highest_hz", [10_000.0, 15_900.0])
def test_power_by_products_of_matrices_is_that_of_the_transform(
    n_fft: int, highest_hz: float
) -> None:
    config = MelConfig(n_fft, n_fft, n_fft // 3, 6, 700.0, highest_hz)
    noise = make_noise(0.4, 2, RATE)
    expected = compute_mel(noise, config, RATE).T
    np.testing.assert_allclose(compute_band_power(noise, config, RATE), expected, rtol=1e-5)


def test_silence_has_no_frames() -> None:
    found = compute_fingerprint(np.zeros(RATE, np.float32), RATE)
    assert found.depths_db.shape == (0, 24)
    assert Fingerprint.from_bytes(found.to_bytes()).depths_db.shape == (0, 24)


def test_a_stream_has_one_fingerprint_however_it_is_cut_that_of_the_whole() -> None:
    sound = np.tile(read_audio(DEMO_SOUNDS / "loop_amen.flac", RATE), 8)
    whole = compute_fingerprint(sound, RATE)
    streams = []
    for block in (100_000, 7_777):
        meter = FingerprintMeter(RATE)
        for start in range(0, len(sound), block):
            meter.add(sound[start : start + block])
        streams.append(meter.measure())
    np.testing.assert_array_equal(streams[0].depths_db, streams[1].depths_db)
    assert streams[0].hop_s == 16 * HOP_S
    found = align(*(Outline.read(one.to_bytes()) for one in (whole, streams[0])))
    assert found is not None
    assert found.is_copy
    assert abs(found.lead_s) < 8 * HOP_S


@pytest.mark.parametrize("data", [b"", b"abcdef", bytes(100), b"\x01\x00\x00\x00\x00\x00" + b"x"])
def test_what_is_no_fingerprint_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="fingerprint"):
        Fingerprint.from_bytes(data)
