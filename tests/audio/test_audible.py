"""Where a waveform sounds: onsets and ends among silence and noise, and the strokes of a take."""

from __future__ import annotations

import numpy as np
import pytest

from soundkin.audio.audible import align_segments, find_loudest, find_sound, find_strokes
from sounds import make_noise

RATE = 32_000
AT_S = 0.8


def make_stroke(decay_s: float = 0.08, seconds: float = 0.5) -> np.ndarray:
    """A burst that decays, at half of full scale."""
    times = np.arange(round(seconds * RATE)) / RATE
    return (0.5 * make_noise(seconds, 3, RATE) / 0.5 * np.exp(-times / decay_s)).astype(np.float32)


def place(*strokes: tuple[float, float], seconds: float = 4.0) -> np.ndarray:
    """A take with strokes at these times, each scaled."""
    take = np.zeros(round(seconds * RATE), np.float32)
    for at_s, level in strokes:
        first = round(at_s * RATE)
        stroke = level * make_stroke()
        take[first : first + len(stroke)] += stroke
    return take


def add_floor(take: np.ndarray, floor_db: float) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal(len(take)).astype(np.float32)
    return take + np.float32(10 ** (floor_db / 20)) * noise


@pytest.mark.parametrize("floor_db", [None, -90, -60, -40])
@pytest.mark.parametrize("level", [1.0, 0.1, 0.03])
def test_a_sound_begins_at_its_onset_whatever_the_level_and_the_noise(
    floor_db: float | None, level: float
) -> None:
    take = place((AT_S, 1.0))
    if floor_db is not None:
        take = add_floor(take, floor_db)
    found = find_sound(level * take, RATE)
    assert found.start / RATE == pytest.approx(AT_S - 0.009, abs=0.004)
    assert AT_S + 0.1 < found.stop / RATE < AT_S + 0.6


def test_silence_in_front_and_behind_changes_nothing_of_what_is_cut() -> None:
    tight = make_stroke()
    padded = np.pad(tight, (round(0.3 * RATE), 2 * RATE))
    ours, theirs = (find_sound(one, RATE).cut(one, RATE) for one in (tight, padded))
    n_both = min(len(ours), len(theirs))
    assert abs(len(ours) - len(theirs)) < 0.02 * RATE
    assert np.abs(ours[:n_both] - theirs[:n_both]).max() < 1e-3


@pytest.mark.parametrize("waveform", [make_noise(3.0, 0, RATE), 1e-3 * make_noise(3.0, 0, RATE)])
def test_noise_that_is_all_there_is_is_the_sound(waveform: np.ndarray) -> None:
    found = find_sound(waveform, RATE)
    assert found.start <= 0
    assert found.stop == len(waveform)


def test_a_sustain_far_below_the_attack_is_no_noise() -> None:
    struck = np.concatenate([make_noise(0.05, 0, RATE), 0.05 * make_noise(2.0, 1, RATE)])
    found = find_sound(struck, RATE)
    assert found.stop > 2.0 * RATE


@pytest.mark.parametrize("constant", [0.0, 0.3])
def test_silence_and_constants_are_taken_whole(constant: float) -> None:
    waveform = np.full(RATE, constant, np.float32)
    found = find_sound(waveform, RATE)
    assert (found.start, found.stop) == (0, RATE)
    assert np.abs(found.cut(waveform, RATE)).max() < 1e-6
    assert len(find_strokes(waveform, RATE)) == 1


@pytest.mark.parametrize("floor_db", [None, -60])
def test_strokes_with_silence_or_noise_between_are_found_and_the_loudest_told(
    floor_db: float | None,
) -> None:
    take = place((0.6, 0.3), (1.9, 1.0), (3.2, 0.4))
    take = take if floor_db is None else add_floor(take, floor_db)
    strokes = find_strokes(take, RATE)
    assert [one.start / RATE for one in strokes] == pytest.approx([0.6, 1.9, 3.2], abs=0.02)
    assert find_loudest(strokes, take) == 1


def test_strokes_of_a_beat_are_one() -> None:
    beat = place(*((0.3 + 0.4 * number, 1.0) for number in range(8)))
    assert len(find_strokes(beat, RATE)) == 1


@pytest.mark.parametrize("n_samples", [1, 2, 50, 700])
def test_the_shortest_sounds_are_taken_whole(n_samples: int) -> None:
    found = find_sound(np.full(n_samples, 0.5, np.float32) * (-1.0) ** np.arange(n_samples), RATE)
    assert found.start <= 0
    assert found.stop == n_samples


@pytest.mark.parametrize("at_s", [1.15, 1.3, 1.75, 2.2])
def test_segments_begin_with_the_loudest_stroke_and_miss_none_before_it(at_s: float) -> None:
    take = place((0.2, 0.2), (at_s, 1.0), (3.2, 0.4))
    found = align_segments(take, RATE, RATE // 2)
    (loudest,) = (one for one in find_strokes(take, RATE) if abs(one.start / RATE - at_s) < 0.05)
    assert (loudest.start - found.start) % (RATE // 2) == 0
    assert find_sound(take, RATE).start - RATE // 2 < found.start <= find_sound(take, RATE).start
    assert found.stop == find_sound(take, RATE).stop
