"""The key of music that the tests play, and of nothing that has none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from conftest import DEMO_SOUNDS, Soundkin
from serving import serve
from soundkin.audio.facts.meter import FactsMeter
from soundkin.audio.read import read_audio
from soundkin.audio_facts import Facts, compute_closeness, undo_slowing
from soundkin.errors import QueryError
from soundkin.notation import KEYS, name_key, read_key
from sounds import make_noise, write_sound

RATE = 32_000
TRIADS = {"": (0, 4, 7), "m": (0, 3, 7)}
# Chords above the tonic; the fifth of a minor key is major, as in most music.
MAJOR = ((0, ""), (5, ""), (7, ""), (0, ""))
MINOR = ((0, "m"), (5, "m"), (7, ""), (0, "m"))

Sound = npt.NDArray[np.float64]


def play(notes: list[tuple[float, float, float]], seconds: float) -> Sound:
    """Play notes (start in seconds, length, semitones above C4) with harmonics that die away."""
    sound = np.zeros(round((seconds + 0.1) * RATE))
    for start_s, length_s, semitones in notes:
        t = np.arange(round(length_s * RATE)) / RATE
        hz = 440 * 2 ** ((semitones - 9) / 12)
        tone = sum(np.sin(2 * np.pi * k * hz * t) / k**1.3 for k in range(1, 8))
        place = round(start_s * RATE)
        sound[place : place + len(t)] += tone * np.exp(-1.5 * t) * np.minimum(1, (t[-1] - t) / 0.02)
    return 0.2 * sound / np.abs(sound).max()


def play_chords(key: int, detuned: float = 0.0) -> Sound:
    chords = MINOR if key >= 12 else MAJOR
    notes = []
    for bar, (root, kind) in enumerate(chords):
        above = [(key + root) % 12 + semitones for semitones in TRIADS[kind]]
        notes += [(bar * 1.5, 1.5, pitch + detuned) for pitch in (*above, above[0] - 12)]
    return play(notes, 6.0)


def make_drums(seconds: float) -> Sound:
    drums = np.zeros(round((seconds + 0.1) * RATE))
    hit = make_noise(0.15, 3, RATE) * np.exp(-30 * np.arange(round(0.15 * RATE)) / RATE)
    t = np.arange(round(0.25 * RATE)) / RATE
    kick = np.sin(2 * np.pi * 55 * (t + 0.1 * np.exp(-20 * t))) * np.exp(-12 * t)
    for i, start_s in enumerate(np.arange(0, seconds - 0.3, 0.25)):
        stroke = kick if i % 4 == 0 else hit
        drums[round(start_s * RATE) :][: len(stroke)] += stroke
    return drums


def measure(sound: Sound, rate: int = RATE) -> Facts:
    meter = FactsMeter(rate)
    for block in np.array_split(sound.astype(np.float32), 3):
        meter.add(block)
    return meter.measure()


@pytest.mark.parametrize("key", range(24))
def test_a_cadence_has_its_key_out_of_tune_too(key: int) -> None:
    detuned = ((key * 7) % 9 - 4) / 10
    facts = measure(play_chords(key, detuned))
    assert facts.key_number == key
    assert facts.key_confidence is not None
    assert 0.4 < facts.key_confidence <= 1


@pytest.mark.parametrize("key", [2, 21])
def test_drums_beside_music_leave_its_key(key: int) -> None:
    music, drums = play_chords(key), make_drums(6.0)
    drums *= np.sqrt(np.square(music).mean() / np.square(drums).mean())
    assert measure(music + drums).key_number == key
    assert measure(drums).key_number is None


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_a_key_does_not_depend_on_the_rate(rate: int) -> None:
    music = play_chords(21)
    times = np.arange(round(len(music) * rate / RATE)) / rate
    assert measure(np.interp(times, np.arange(len(music)) / RATE, music), rate).key_number == 21


def test_a_long_recording_has_the_key_of_all_of_it() -> None:
    assert measure(np.tile(play_chords(9), 25)).key_number == 9


@pytest.mark.parametrize("seed", range(3))
def test_notes_noise_and_rows_of_all_tones_have_no_key(seed: int) -> None:
    rng = np.random.default_rng(seed)
    row = [(i / 4, 0.3, float(step)) for i, step in enumerate(rng.permutation(24) % 12)]
    speech = [(i / 8, 0.1, float(rng.uniform(-20, 0))) for i in range(40)]
    note = play([(0.0, 3.0, float(rng.integers(-20, 20)))], 3.0)
    for sound in (play(row, 6.5), play(speech, 5.5), note, 0.3 * make_noise(5.0, seed, RATE)):
        assert measure(np.asarray(sound)).key_number is None


def test_what_is_shorter_than_two_seconds_has_no_key() -> None:
    chord = play([(0.0, 1.8, float(step)) for step in (0, 4, 7)], 1.8)
    assert measure(chord).key_number is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("A minor", "A minor"), ("Am", "A minor"), ("a min", "A minor"), ("A", "A major"),
        ("AM", "A major"), ("Bb", "Bb major"), ("A# minor", "Bb minor"), ("bm", "B minor"),
        ("F♯ Major", "F# major"), ("C flat", "B major"), ("e-flat minor", "Eb minor"),
    ],
)  # fmt: skip
def test_keys_are_read_as_people_write_them(text: str, name: str) -> None:
    assert KEYS[read_key(text)] == name


@pytest.mark.parametrize("text", ["", "H", "A dorian", "minor", "A##", "12"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match="is no key"):
        read_key(text)


def test_keys_have_names_that_are_read_as_themselves() -> None:
    assert [read_key(name) for name in KEYS] == list(range(24))
    assert name_key(24) is name_key(-1) is name_key(0.5) is None


def test_related_keys_are_closer_than_others() -> None:
    def compare(first: str, second: str) -> float:
        a, b = (Facts(key_number=float(read_key(key))) for key in (first, second))
        return compute_closeness("key", a, b)

    assert compare("Am", "Am") == 1
    assert compare("Am", "C") == compare("Am", "Em") == compare("C", "F") == 0.5
    assert compare("C", "D") == 0.25
    assert compare("C", "F#") < compare("C", "Cm") < 0.1
    assert compute_closeness("key", Facts(key_number=0.0), Facts()) == 0


def test_a_sound_heard_slowed_down_has_its_own_key() -> None:
    heard = Facts(key_number=float(read_key("Am")), key_confidence=0.8)
    assert undo_slowing(heard, 2, 3.0).key_number == read_key("Am")
    assert undo_slowing(heard, 1.5, 3.0).key_number == read_key("Em")


def test_keys_are_indexed_listed_filtered_and_searched_by(soundkin: Soundkin, folder: Path) -> None:
    for name in ("A minor", "E minor", "C major"):
        write_sound(folder / f"{name}.wav", play_chords(read_key(name)).astype(np.float32), RATE)
    write_sound(folder / "noise.wav", make_noise(3.0))
    soundkin("index", folder)
    rows = {Path(row["path"]).stem: row["facts"] for row in soundkin.json("list")}
    for name, facts in rows.items():
        assert facts["key_name"] == (None if name == "noise" else name)

    def list_stems(*options: str | Path) -> set[str]:
        return {Path(row["path"]).stem for row in soundkin.json(*options)}

    assert list_stems("list", "--key", "Am") == {"A minor"}
    assert list_stems("list", "--key", "Am", "--key", "c") == {"A minor", "C major"}
    assert list_stems("search", folder / "noise.wav", "--key", "e minor") == {"E minor"}
    assert "key_name" in soundkin("list", "--csv").stdout.splitlines()[0]
    told = soundkin("search", folder / "A minor.wav", "--weigh", "key=5", "--why").stdout
    assert "key A minor (query A minor)" in told
    assert "key – (query A minor)" in told
    assert "'H' is no key" in soundkin("list", "--key", "H", status=2).stderr
    with serve(soundkin) as server:
        key = next(fact for fact in server.get("/info")["facts"] if fact["name"] == "key")
        assert {one["name"]: one["n_recordings"] for one in key["kinds"]} == dict.fromkeys(
            ("A minor", "C major", "E minor"), 1
        )
        query = {"sounds": [{"id": server.find("noise")["id"]}]}
        hits = server.post("/search", query | {"filters": {"keys": ["Em", "C"]}})["hits"]
        assert {hit["facts"]["key_name"] for hit in hits} == {"E minor", "C major"}
        wrong = server.http.post("/api/v1/search", json=query | {"filters": {"keys": ["H"]}})
        assert wrong.status_code == 422
        assert "is no key" in wrong.text


def test_a_chord_that_rings_has_its_key() -> None:
    facts = measure(read_audio(DEMO_SOUNDS / "guit_em9.flac", RATE))
    assert facts.key_number is not None
    assert name_key(facts.key_number) == "E minor"
