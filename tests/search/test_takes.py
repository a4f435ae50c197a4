"""Takes from outside the library: what stands out is searched with, and it is told."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soxr

from conftest import DEMO_SOUNDS, Soundkin
from serving import Server
from soundkin.audio.read import read_audio
from sounds import write_sound

RATE = 44_100


def make_take(
    path: Path, *strokes: tuple[str, float, float], seconds: float = 6.0, floor_db: float = -60
) -> Path:
    """Write a take with demo sounds at these times, each at a level, in a room."""
    take = np.random.default_rng(0).standard_normal(round(seconds * RATE)) * 10 ** (floor_db / 20)
    for name, at_s, level in strokes:
        sound = read_audio(DEMO_SOUNDS / f"{name}.flac", RATE)
        first = round(at_s * RATE)
        take[first : first + len(sound)] += level * sound / np.abs(sound).max()
    return write_sound(path, take.astype(np.float32), RATE)


def list_names(hits: list[dict[str, object]]) -> list[str]:
    return [Path(str(hit["path"])).stem for hit in hits]


def test_a_take_finds_its_sound_and_says_what_it_heard(demo: Soundkin, tmp_path: Path) -> None:
    take = make_take(tmp_path / "take.wav", ("bd_tek", 1.3, 0.5), seconds=3.0)
    answer = demo("search", take, "--json")
    (hit, *_) = demo.json("search", take)
    assert Path(hit["path"]).stem == "bd_tek"
    assert hit["score"] > 0.9
    heard = re.search(r"take\.wav: (\S+) s at 0:01\.(\d\d) of 3\.0 s; --whole", answer.stderr)
    assert heard is not None, answer.stderr
    assert float(heard[1]) < 0.4
    assert 27 <= int(heard[2]) <= 31


def test_of_several_strokes_the_loudest_is_searched_with_and_whole_takes_all(
    demo: Soundkin, tmp_path: Path
) -> None:
    strokes = ("drum_cowbell", 0.5, 0.1), ("bd_tek", 2.5, 0.5), ("drum_snare_hard", 4.5, 0.1)
    take = make_take(tmp_path / "take.wav", *strokes)
    assert list_names(demo.json("search", take))[0] == "bd_tek"
    assert "the loudest of 3 strokes" in demo("search", take).stderr
    whole = demo("search", take, "--whole")
    assert "heard" not in whole.stderr
    assert "strokes" not in whole.stderr
    assert demo.json("search", take, "--whole")[0]["score"] < demo.json("search", take)[0]["score"]
    region = demo.json("search", take, "--from", 0.3, "--to", 1.8)
    assert list_names(region)[0] == "drum_cowbell"


def test_a_tight_sound_and_a_recording_of_the_library_are_taken_as_they_are(
    demo: Soundkin, tmp_path: Path
) -> None:
    tight = write_sound(
        tmp_path / "t.wav", 0.5 * read_audio(DEMO_SOUNDS / "bd_tek.flac", RATE), RATE
    )
    for sound in (tight, DEMO_SOUNDS / "loop_tabla.flac"):
        assert "--whole" not in demo("search", sound).stderr


def test_the_api_tells_the_strokes_of_an_upload_and_searches_with_the_loudest(
    server: Server, tmp_path: Path
) -> None:
    strokes = ("drum_cowbell", 0.5, 0.1), ("bd_tek", 3.5, 0.5)
    take = make_take(tmp_path / "take.wav", *strokes, seconds=5.0)
    sound = server.upload(take, "take.wav")
    assert [one["start_s"] for one in sound["strokes"]] == pytest.approx([0.5, 3.5], abs=0.02)
    assert sound["loudest"] == 1
    parts = {
        "drum_cowbell.flac": {"id": sound["id"], **sound["strokes"][0]},
        "bd_tek.flac": {"id": sound["id"]},
    }
    for name, part in parts.items():
        hits = server.post("/search", {"sounds": [part]})["hits"]
        assert hits[0]["name"] == name
        assert hits[0]["score"] > 0.9
    whole = server.post("/search", {"sounds": [{"id": sound["id"], "whole": True}]})["hits"]
    assert whole[0]["score"] < hits[0]["score"]


def make_burst(seed: int) -> npt.NDArray[np.float32]:
    """Make a burst of noise that only its waveform tells from another one."""
    t = np.arange(round(0.3 * RATE)) / RATE
    noise = np.random.default_rng(seed).standard_normal(len(t))
    return (0.2 * noise * np.exp(-t / 0.05)).astype(np.float32)


@pytest.fixture(scope="module")
def bursts(tmp_path_factory: pytest.TempPathFactory) -> Soundkin:
    """A library of sixteen bursts that sound alike."""
    folder = tmp_path_factory.mktemp("bursts")
    for seed in range(16):
        write_sound(folder / f"{seed}.wav", make_burst(seed), RATE, "FLOAT")
    soundkin = Soundkin(folder / "bursts.sqlite")
    soundkin("index", folder)
    return soundkin


@pytest.mark.parametrize("seed", [3, 11])
@pytest.mark.parametrize("how", ["in a room", "cut", "at 22 kHz", "in 8 bits, -6 dB", "as Ogg"])
def test_the_sound_itself_comes_before_all_that_sound_like_it(
    bursts: Soundkin, tmp_path: Path, how: str, seed: int
) -> None:
    burst, rate, name, subtype = make_burst(seed), RATE, "query.wav", "FLOAT"
    if how == "in a room":  # at no whole number of anybody's frames
        burst = np.pad(burst, (round(1.2837 * RATE), RATE))
        burst += 0.003 * np.random.default_rng(99).standard_normal(len(burst)).astype(np.float32)
    elif how == "cut":
        burst = burst[round(0.0137 * RATE) :]
    elif how == "at 22 kHz":
        burst, rate = soxr.resample(burst, RATE, 22_050), 22_050
    elif how == "in 8 bits, -6 dB":
        burst, subtype = 0.5 * burst, "PCM_U8"
    else:
        name, subtype = "query.ogg", "VORBIS"
    query = write_sound(tmp_path / name, burst, rate, subtype)
    hits = bursts.json("search", query)
    assert list_names(hits)[0] == str(seed)
    assert [hit["same_sound"] for hit in hits] == [True] + [False] * (len(hits) - 1)
    assert "(the sound itself)" in bursts("search", query).stdout.splitlines()[2]


def test_another_sound_just_like_it_is_not_the_sound_itself(
    bursts: Soundkin, tmp_path: Path
) -> None:
    query = write_sound(tmp_path / "query.wav", make_burst(20), RATE, "FLOAT")
    hits = bursts.json("search", query)
    assert hits[0]["score"] > 0.9
    assert not any(hit["same_sound"] for hit in hits)
    assert "itself" not in bursts("search", query).stdout


def test_the_sound_itself_is_told_by_fingerprints_where_its_file_is_gone(tmp_path: Path) -> None:
    for seed in (0, 1, 2):
        write_sound(tmp_path / f"{seed}.wav", make_burst(seed), RATE, "FLOAT")
    soundkin = Soundkin(tmp_path / "library.sqlite")
    soundkin("index", tmp_path)
    for seed in (0, 1, 2):
        (tmp_path / f"{seed}.wav").unlink()
    query = write_sound(tmp_path / "query.wav", 0.5 * make_burst(1), RATE, "FLOAT")
    first, *others = soundkin.json("search", query)
    assert (Path(first["path"]).stem, first["same_sound"]) == ("1", True)
    assert not any(hit["same_sound"] for hit in others)
