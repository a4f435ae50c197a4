"""A sound has one vector, whatever surrounds it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundkin.audio.read import read_audio
from soundkin.embedding.embedder import Embedder
from soundkin.embedding.segments import compute_mean_vector
from soundkin.indexing.folders import index_folders
from soundkin.library.open import open_library
from soundkin.search.searcher import Searcher

RATE = 32_000
DEMO_SOUNDS = Path(__file__).parents[2] / "demo" / "sounds"
NAMES = ("bd_tek", "drum_snare_hard", "drum_cymbal_open", "perc_bell")


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder.load("kin", measures=False)


def embed(embedder: Embedder, waveform: np.ndarray) -> np.ndarray:
    vector = compute_mean_vector(embedder.embed_waveform(waveform.astype(np.float32), RATE))
    assert vector is not None
    return vector


def surround(waveform: np.ndarray, before_s: float, after_s: float, floor_db: float) -> np.ndarray:
    """Pad a sound that peaks at -6 dBFS, and put white noise under it."""
    padded = np.pad(
        0.5 * waveform / np.abs(waveform).max(), (round(before_s * RATE), round(after_s * RATE))
    )
    noise = np.random.default_rng(0).standard_normal(len(padded))
    return padded + 10 ** (floor_db / 20) * noise


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("before_s", "after_s", "floor_db", "least"),
    [
        (0.3, 0, -200, 0.97),
        (0, 2, -200, 0.97),
        (0.737, 3, -200, 0.97),
        (0, 0, -90, 0.97),
        (1.3, 1.5, -90, 0.97),
        (0.3, 1.0, -60, 0.9),
        (1.3, 5.0, -60, 0.9),
    ],
)
def test_silence_and_room_around_a_sound_leave_its_vector(
    embedder: Embedder, name: str, before_s: float, after_s: float, floor_db: float, least: float
) -> None:
    sound = read_audio(DEMO_SOUNDS / f"{name}.flac", RATE)
    taken = embed(embedder, surround(sound, before_s, after_s, floor_db))
    assert float(taken @ embed(embedder, sound)) > least


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("level_db", "least"), [(-6, 0.99), (-30, 0.97), (-40, 0.95)])
def test_a_sound_is_the_same_at_any_level_in_sixteen_bits(
    embedder: Embedder, name: str, level_db: float, least: float
) -> None:
    sound = read_audio(DEMO_SOUNDS / f"{name}.flac", RATE)
    softer = np.round(10 ** (level_db / 20) * sound * 32_768) / 32_768
    assert float(embed(embedder, softer) @ embed(embedder, sound)) > least


def soften(sound: np.ndarray, level_db: float) -> np.ndarray:
    """Bring a sound to a level over one segment, the silence behind it counted, in 16 bits."""
    rms = np.sqrt(np.square(sound.astype(np.float64)).sum() / RATE)
    softer = sound * (10 ** (level_db / 20) / rms)
    return (np.round(softer * 32_768) / 32_768).astype(np.float32)


@pytest.mark.parametrize("seconds_behind", [0, 2, 30])
def test_a_soft_stroke_is_heard_though_the_second_around_it_is_below_silence(
    embedder: Embedder, seconds_behind: int
) -> None:
    sound = read_audio(DEMO_SOUNDS / "bd_tek.flac", RATE)
    soft = embedder.embed_waveform(np.pad(soften(sound, -83), (0, seconds_behind * RATE)), RATE)
    assert not soft.silent.all()
    if seconds_behind < 20:
        mean = compute_mean_vector(soft)
        assert mean is not None
        assert float(mean @ embed(embedder, sound)) > 0.7


@pytest.mark.parametrize("seconds", [1, 30])
@pytest.mark.parametrize("level_db", [-200, -96, -85])
def test_silence_dither_and_a_soft_floor_are_silent(
    embedder: Embedder, seconds: int, level_db: float
) -> None:
    noise = np.random.default_rng(0).standard_normal(seconds * RATE)
    found = embedder.embed_waveform((10 ** (level_db / 20) * noise).astype(np.float32), RATE)
    assert found.silent.all()


def test_a_soft_stroke_is_found_in_a_library_by_the_loud_one(tmp_path: Path) -> None:
    sound = read_audio(DEMO_SOUNDS / "bd_tek.flac", RATE)
    folder = tmp_path / "sounds"
    folder.mkdir()
    soundfile.write(folder / "soft.wav", np.pad(soften(sound, -83), (RATE, RATE)), RATE)
    soundfile.write(folder / "other.wav", read_audio(DEMO_SOUNDS / "misc_crow.flac", RATE), RATE)
    with open_library(tmp_path / "library.sqlite", create=True) as library:
        index_folders(library, [folder])
        hits = Searcher(library).search(DEMO_SOUNDS / "bd_tek.flac", 2)
        assert Path(hits[0].recording.path).name == "soft.wav"
        assert hits[0].start_s == pytest.approx(0.99, abs=0.02)


def test_what_follows_a_short_sound_is_silence_and_where_it_lies_is_told(
    embedder: Embedder,
) -> None:
    sound = read_audio(DEMO_SOUNDS / "bd_tek.flac", RATE)
    found = embedder.embed_waveform(np.pad(sound, (RATE, 3 * RATE)), RATE)
    assert found.vectors.shape == (1, 128)
    assert found.duration_s == pytest.approx(4 + len(sound) / RATE)
    assert found.sound_s is not None
    assert found.sound_s[0] == pytest.approx(0.99, abs=0.01)
    assert found.sound_s[1] == pytest.approx(1 + len(sound) / RATE, abs=0.05)


def test_a_quiet_floor_between_loud_sounds_is_silent_in_a_long_recording(
    embedder: Embedder,
) -> None:
    generator = np.random.default_rng(0)
    recording = 1e-4 * generator.standard_normal(40 * RATE)  # -80 dB of full scale
    recording[10 * RATE : 14 * RATE] = 0.3 * generator.standard_normal(4 * RATE)
    found = embedder.embed_waveform((3 * recording).clip(-1, 1).astype(np.float32), RATE)
    assert 8 <= np.count_nonzero(~found.silent) <= 10
