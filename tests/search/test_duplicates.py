"""Copies told from other takes, by the command; and near-duplicates among very many contents."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import soxr

from conftest import DEMO_SOUNDS, Soundkin
from soundkin.config import SegmentConfig
from soundkin.library.library import Library
from soundkin.library.records import Content, LibraryModel, Recording
from soundkin.search.duplicates import copies
from soundkin.search.duplicates.copies import Copies
from soundkin.search.duplicates.groups import find_duplicates
from sounds import RATE, make_noise, write_ffmpeg, write_sound
from vector_indexes import draw_vectors, make_lance, make_plain_index

SIZE = 64
MODEL = LibraryModel("none", "0" * 64, "none", SegmentConfig(), SIZE)
Samples = npt.NDArray[np.float32]
SOUNDS = ("loop_amen", "drum_snare_hard", "drum_snare_soft", "drum_heavy_kick")


def read_demo(name: str) -> Samples:
    samples, rate = soundfile.read(DEMO_SOUNDS / f"{name}.flac", dtype="float32", always_2d=True)
    return soxr.resample(samples.mean(axis=1), rate, RATE)


def pad(samples: Samples, before_s: float, after_s: float) -> Samples:
    return np.pad(samples, (round(before_s * RATE), round(after_s * RATE)))


# Each writes a copy; and what is said of it beside the original, a WAV file of 16 bits.
COPIES: dict[str, tuple[Callable[[Path, Samples], object], str]] = {
    "soft.wav": (lambda path, x: write_sound(path, 0.5 * x), "-6 dB"),
    "very soft.wav": (lambda path, x: write_sound(path, 0.1 * x), "-20 dB"),
    "late.wav": (lambda path, x: write_sound(path, pad(x, 0.3, 0)), "+0.30 s of silence before"),
    "padded.wav": (lambda path, x: write_sound(path, pad(x, 0, 2)), "+2.00 s of silence after"),
    "cut.wav": (lambda path, x: write_sound(path, x[: -RATE // 50]), "-0.02 s at the end"),
    "coded.mp3": (lambda path, x: write_sound(path, x), "MP3"),
    "coded.ogg": (lambda path, x: write_sound(path, x), "Ogg Vorbis"),
    "coded.m4a": (lambda path, x: write_ffmpeg(path, x, "aac"), "AAC"),
    "bytes.wav": (lambda path, x: write_sound(path, x, subtype="PCM_U8"), "8 bit"),
    "half.wav": (
        lambda path, x: write_sound(path, soxr.resample(x, RATE, 22_050), 22_050),
        "22.05 kHz",
    ),
    "turned.wav": (lambda path, x: write_sound(path, -x), "no difference to hear"),
    "faster.wav": (lambda path, x: write_sound(path, soxr.resample(x, 1005, 1000)), ""),
    "late and soft.mp3": (
        lambda path, x: write_sound(path, pad(0.25 * x, 0.5, 0)),
        "dB, +0.50 s of silence before, MP3",
    ),
}


@pytest.fixture
def copied(soundkin: Soundkin, folder: Path) -> Soundkin:
    """Give the command with a library of sounds and copies of each, in a folder for each."""
    for name in SOUNDS:
        samples = read_demo(name)
        (folder / name).mkdir()
        write_sound(folder / name / "original.wav", samples)
        for copy, (write, _) in COPIES.items():
            write(folder / name / copy, samples)
    soundkin("index", folder)
    return soundkin


def test_copies_of_every_kind_are_grouped_and_other_takes_are_not(copied: Soundkin) -> None:
    rows = copied.json("dups")
    groups: dict[int, set[str]] = {}
    for row in rows:
        groups.setdefault(row["group"], set()).add(Path(row["path"]).parent.name)
    assert sorted(map(sorted, groups.values())) == sorted([name] for name in SOUNDS)
    assert len(rows) == len(SOUNDS) * (1 + len(COPIES))


def test_what_differs_is_said_of_each_copy(copied: Soundkin) -> None:
    rows = [row for row in copied.json("dups") if Path(row["path"]).parent.name == "loop_amen"]
    by_name = {Path(row["path"]).name: row for row in rows}
    first = by_name["original.wav"]
    assert first["first"]
    assert first["differs"] is None
    for name, (_, words) in COPIES.items():
        assert words in by_name[name]["differs"], name
    late = by_name["late and soft.mp3"]
    assert late["lead_s"] == pytest.approx(0.5, abs=0.01)
    assert late["level_db"] == pytest.approx(-12, abs=0.7)
    assert 0 < late["distance_db"] < 1.6
    table = copied("dups").stdout
    assert "+0.30 s of silence before" in table
    columns = list(csv.DictReader(copied("dups", "--csv").stdout.splitlines()))
    assert {row["differs"] for row in columns} == {
        row["differs"] or "" for row in copied.json("dups")
    }


def test_folding_leaves_none_of_the_copies_and_names_them(copied: Soundkin, folder: Path) -> None:
    hits = copied.json("search", folder / "loop_amen" / "original.wav", "--fold-duplicates")
    assert len(hits) == len(SOUNDS)
    assert hits[0]["n_folded"] == len(COPIES)
    named = {Path(copy["path"]).name: copy["differs"] for copy in hits[0]["copies"]}
    assert set(named) == set(COPIES) - {Path(hits[0]["path"]).name} | (
        {"original.wav"} - {Path(hits[0]["path"]).name}
    )
    assert all(named.values())


def decay(seconds: float, half_s: float) -> Samples:
    times = np.arange(round(seconds * RATE), dtype=np.float32) / RATE
    return 0.5 ** (times / np.float32(half_s)).astype(np.float32)


def play(hz: float, envelope: Samples, partials: int = 1) -> Samples:
    phases = 2 * np.pi * hz * np.arange(len(envelope)) / RATE
    tone = sum(np.sin(number * phases) / number for number in range(1, partials + 1))
    return (0.4 * tone * envelope).astype(np.float32)


def test_other_notes_tunings_and_draws_of_noise_are_no_copies_and_half_a_percent_is(
    soundkin: Soundkin, folder: Path
) -> None:
    steady, struck = np.ones(RATE, np.float32), decay(0.4, 0.08)
    for hz in (440.0, 462.0, 494.0, 880.0, 932.33):
        write_sound(folder / f"tone {hz}.wav", play(hz, steady))
    for percent in (100, 105, 110):
        write_sound(folder / f"drum {percent}.wav", play(1.8 * percent, struck, 3))
        write_sound(folder / f"low {percent}.wav", play(0.6 * percent, decay(0.3, 0.05)))
    for seed in (1, 2, 3):
        noise = make_noise(0.3, seed)
        write_sound(folder / f"hat {seed}.wav", 0.3 * noise * decay(0.3, 0.03)[: len(noise)])
    write_sound(folder / "tone 440.0 soft.wav", play(440, 0.2 * steady))
    write_sound(folder / "drum 100 slower.wav", soxr.resample(play(180, struck, 3), 1000, 1005))
    write_sound(folder / "hat 1 soft.mp3", 0.1 * make_noise(0.3, 1) * decay(0.3, 0.03))
    soundkin("index", folder)
    groups: dict[int, set[str]] = {}
    for row in soundkin.json("dups"):
        groups.setdefault(row["group"], set()).add(Path(row["path"]).stem)
    assert sorted(map(sorted, groups.values())) == [
        ["drum 100", "drum 100 slower"],
        ["hat 1", "hat 1 soft"],
        ["tone 440.0", "tone 440.0 soft"],
    ]


def test_what_has_no_fingerprint_is_told_by_vectors_until_it_is_measured(
    soundkin: Soundkin, folder: Path
) -> None:
    samples = read_demo("loop_amen")
    write_sound(folder / "original.wav", samples)
    write_sound(folder / "louder.wav", 1.1 * samples)
    write_sound(folder / "padded.wav", pad(samples, 0.3, 2))
    soundkin("index", folder)
    with closing(sqlite3.connect(soundkin.library)) as connection:
        connection.execute("DELETE FROM fingerprints")
        connection.commit()
    rows = soundkin.json("dups")
    assert {Path(row["path"]).stem for row in rows} == {"original", "louder"}
    assert "told by vectors alone" in {row["differs"] for row in rows}
    soundkin("index", folder)
    rows = soundkin.json("dups")
    assert {Path(row["path"]).stem for row in rows} == {"original", "louder", "padded"}


def test_long_recordings_that_are_cut_and_run_otherwise_are_copies(
    soundkin: Soundkin, folder: Path
) -> None:
    scene, other = (
        np.concatenate(
            [pad(read_demo(SOUNDS[i]), 0, gap) for i, gap in zip(order, gaps, strict=True)]
        )
        for order, gaps in (
            ([0, 1, 2, 3, 1, 0, 3, 2, 0, 1, 2, 3], np.linspace(0.5, 3, 12)),
            ([1, 0, 3, 2, 0, 1, 2, 3, 3, 0, 2, 1], np.linspace(3, 0.5, 12)),
        )
    )
    scene += 0.02 * make_noise(len(scene) / RATE, 1)[: len(scene)]
    other += 0.02 * make_noise(len(other) / RATE, 2)[: len(other)]
    assert len(scene) > 21 * RATE
    write_sound(folder / "scene.wav", scene)
    write_sound(folder / "cut.wav", scene[round(1.23 * RATE) :])
    write_sound(folder / "slower.mp3", 0.5 * soxr.resample(scene, 1000, 1005))
    write_sound(folder / "other.wav", other)
    for seed in (3, 4):
        write_sound(folder / f"noise {seed}.wav", make_noise(25, seed))
    soundkin("index", folder)
    rows = {Path(row["path"]).name: row for row in soundkin.json("dups")}
    assert set(rows) == {"scene.wav", "cut.wav", "slower.mp3"}
    assert rows["scene.wav"]["first"]
    assert rows["cut.wav"]["lead_s"] == pytest.approx(-1.23, abs=0.1)
    assert rows["slower.mp3"]["level_db"] == pytest.approx(-6, abs=1)


def test_an_index_of_averages_finds_the_groups_that_comparing_all_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(0)
    with Library.open(tmp_path / "many.sqlite", create=True) as library:
        library.replace_model(MODEL)
        with library.transaction():
            for number in range(1500):
                if number == 0 or (number >= 90 and number % 3 == 0):  # ninety, then threes
                    base = generator.standard_normal((3, SIZE))
                noise = 0.02 * generator.standard_normal(base.shape)
                vectors = base + noise
                vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
                content = Content(
                    number.to_bytes(32, "big"), 2.0, 44_100, 1, "WAV", None, vectors, np.zeros(3)
                )
                content_id = library.add_content(content)
                library.save_recording(f"/{number:04}.wav", 1, 1, content_id=content_id)
        expected = find_duplicates(library, threshold=0.95)
        assert len(expected) == 471
        assert max(len(group.recordings) for group in expected) == 90
        monkeypatch.setattr(copies, "MAX_PAIRS", 0)
        monkeypatch.setattr("soundkin.index.vector_index.EXACT_ROWS", 100)
        assert find_duplicates(library, threshold=0.95) == expected


def test_copies_are_told_among_vectors_in_a_table_as_in_memory(tmp_path: Path) -> None:
    pytest.importorskip("lance", reason="needs: pip install 'soundkin[cluster]'")
    vectors = draw_vectors("random", 300, SIZE, np.random.default_rng(1))
    vectors[12:15] = vectors[0:3]
    plain = make_plain_index(vectors, [3] * 100, np.zeros(300, bool))
    stored = make_lance(plain, tmp_path)
    for index in (plain, stored):
        ids = index.content_ids[:9].tolist()
        recordings = {
            one: Recording(
                one, f"/{one}.wav", 1, 1, one, None, 1.0, 44_100, 1, "WAV", None, 3, 1.0, ()
            )
            for one in ids
        }
        groups = Copies(index, recordings, lambda _: {}).group()
        assert groups == [[ids[0], ids[4]], *([one] for one in ids if one not in (ids[0], ids[4]))]
