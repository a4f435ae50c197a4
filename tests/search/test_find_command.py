"""`soundkin find`: every occurrence of a sound, in files and in a library."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from conftest import DEMO_SOUNDS, Soundkin
from field_recordings import CALL_S, FieldRecording, make_call, make_field_recording
from sounds import make_noise, make_tone, write_sound

NEAR_S = 0.05


@pytest.fixture(scope="session")
def field(tmp_path_factory: pytest.TempPathFactory) -> FieldRecording:
    """Give a recording with six calls in it."""
    folder = tmp_path_factory.mktemp("field") / "sounds"
    folder.mkdir()
    return make_field_recording(folder)


@pytest.fixture(scope="session")
def indexed(field: FieldRecording, tmp_path_factory: pytest.TempPathFactory) -> Soundkin:
    """Give the command with a library of that recording and a few short sounds."""
    command = Soundkin(tmp_path_factory.mktemp("indexed") / "library.sqlite")
    command("index", field.path.parent, DEMO_SOUNDS)
    return command


def starts(rows: list[dict[str, Any]]) -> list[float]:
    return [row["start_s"] for row in rows]


def test_every_call_is_found_and_nothing_else(indexed: Soundkin, field: FieldRecording) -> None:
    rows = indexed.json("find", field.call, field.path)
    assert starts(rows) == pytest.approx(field.starts_s, abs=NEAR_S)
    assert all(row["path"] == str(field.path) and row["exact"] for row in rows)
    lengths = [row["end_s"] - row["start_s"] for row in rows]
    assert lengths == pytest.approx([CALL_S] * len(rows), abs=3 * NEAR_S)
    loud, soft = rows[0], rows[2]  # 20 dB apart as they were made
    assert loud["level_db"] - soft["level_db"] == pytest.approx(20, abs=2.5)


def test_the_others_are_found_from_one_in_the_recording_itself(
    indexed: Soundkin, field: FieldRecording
) -> None:
    first_s = field.starts_s[0]
    region = ("--from", first_s - 0.1, "--to", first_s + CALL_S + 0.1)
    rows = indexed.json("find", field.path, field.path, *region)
    assert starts(rows) == pytest.approx(field.starts_s, abs=NEAR_S)


def test_files_need_no_library(field: FieldRecording, soundkin: Soundkin) -> None:
    rows = soundkin.json("find", field.call, field.path)
    assert starts(rows) == pytest.approx(field.starts_s, abs=NEAR_S)
    assert not soundkin.library.exists()


def test_a_file_that_is_in_no_library_is_looked_through_beside_it(
    demo: Soundkin, field: FieldRecording
) -> None:
    assert starts(demo.json("find", field.call, field.path)) == pytest.approx(
        field.starts_s, abs=NEAR_S
    )


def test_without_a_place_the_whole_library_is_looked_through(
    indexed: Soundkin, field: FieldRecording
) -> None:
    done = indexed("find", field.call, "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    here = [row for row in rows if row["path"] == str(field.path)]
    assert starts(here) == pytest.approx(field.starts_s, abs=NEAR_S)
    assert len(rows) - len(here) <= 1
    assert "in 59 recordings" in done.stderr
    longest = indexed.json("find", field.call, "--min-duration", 60)
    assert {row["path"] for row in longest} == {str(field.path)}


def test_a_higher_least_score_finds_fewer(indexed: Soundkin, field: FieldRecording) -> None:
    scores = sorted(row["score"] for row in indexed.json("find", field.call, field.path))
    kept = indexed.json("find", field.call, field.path, "--min-score", scores[2])
    assert len(kept) in (3, 4)  # scores are printed rounded
    none = indexed("find", field.call, field.path, "--min-score", 1)
    assert none.stdout == ""
    assert "nothing found" in none.stderr


def test_what_is_not_there_is_not_found(indexed: Soundkin, field: FieldRecording) -> None:
    absent = DEMO_SOUNDS / "loop_amen.flac"
    assert indexed.json("find", absent, field.path, "--from", 0.0, "--to", 0.4) == []


def test_what_is_disliked_is_left_out_and_what_is_liked_is_found_too(
    indexed: Soundkin, field: FieldRecording
) -> None:
    crow = DEMO_SOUNDS / "misc_crow.flac"
    both = indexed.json("find", field.call, field.path, "--like", crow)
    assert len(both) >= len(field.starts_s) + 2
    crows = [row for row in both if min(abs(row["start_s"] - s) for s in (3.0, 47.0)) < 0.5]
    assert len(crows) >= 2
    calls = indexed.json("find", crow, field.path, "--like", field.call, "--dislike", field.call)
    assert not any(min(abs(s - start) for s in field.starts_s) < 0.2 for start in starts(calls))


def test_a_gone_recording_is_found_in_by_its_segments(soundkin: Soundkin, folder: Path) -> None:
    field = make_field_recording(folder)
    soundkin("index", folder)
    field.path.unlink()
    rows = soundkin.json("find", field.call, "night.flac")
    assert rows
    assert not any(row["exact"] for row in rows)
    assert all(min(abs(s - start) for s in field.starts_s) < 1 for start in starts(rows))


def test_events_go_to_other_programs(indexed: Soundkin, field: FieldRecording) -> None:
    rows = indexed.json("find", field.call, field.path)
    table = indexed("find", field.call, field.path, "--raven").stdout
    selections = list(csv.DictReader(io.StringIO(table), delimiter="\t"))
    assert [float(one["Begin Time (s)"]) for one in selections] == starts(rows)
    assert [float(one["End Time (s)"]) for one in selections] == [row["end_s"] for row in rows]
    assert {one["Begin Path"] for one in selections} == {str(field.path)}
    assert [one["Selection"] for one in selections] == list(map(str, range(1, len(rows) + 1)))
    labels = indexed("find", field.call, field.path, "--labels").stdout.splitlines()
    assert [float(line.split("\t")[0]) for line in labels] == starts(rows)
    assert "<REAPER_PROJECT" in indexed("find", field.call, field.path, "--reaper").stdout
    lines = list(
        csv.DictReader(io.StringIO(indexed("find", field.call, field.path, "--csv").stdout))
    )
    assert [float(line["start_s"]) for line in lines] == starts(rows)
    assert str(field.path) in indexed("find", field.call, field.path).stdout


def test_raven_selections_of_several_files_follow_each_other(
    soundkin: Soundkin, tmp_path: Path
) -> None:
    call = write_sound(tmp_path / "call.wav", 0.5 * make_call())
    takes = [write_sound(tmp_path / f"{n}.wav", 0.4 * make_call(1 + 0.01 * n)) for n in (1, 2)]
    table = soundkin("find", call, *takes, "--raven", "--min-score", 0.3).stdout
    first, second = csv.DictReader(io.StringIO(table), delimiter="\t")
    assert float(first["Begin Time (s)"]) == float(first["File Offset (s)"])
    length_s = float(second["Begin Time (s)"]) - float(second["File Offset (s)"])
    assert length_s == pytest.approx(CALL_S / 1.01, abs=0.001)


def test_bad_input_is_refused_in_a_line(
    indexed: Soundkin, field: FieldRecording, tmp_path: Path
) -> None:
    silence = write_sound(tmp_path / "silence.wav", 0 * make_noise(1.0))
    letter = tmp_path / "letter.wav"
    letter.write_text("Dear Madam")
    for arguments, words in (
        ((field.call, "nowhere.wav"), "nowhere.wav: no such file"),
        (("nothing.wav",), "nothing.wav: no such file"),
        ((silence, field.path), "silence.wav: it is silent"),
        ((field.call, letter), "letter.wav"),
        (("--concept", "owl"), "owl: no such concept"),
        ((), "say what to find"),
        ((field.call, field.path, "--min-score", "nan"), "nan"),
        ((field.call, field.path, "--min-duration", 1e6), "no recording passes"),
    ):
        done = indexed("find", *arguments, status=2)
        assert words in done.stderr
        assert done.stdout == ""


def test_an_empty_library_says_so(soundkin: Soundkin, tmp_path: Path) -> None:
    tone = write_sound(tmp_path / "tone.wav", make_tone(440))
    assert "soundkin index" in soundkin("find", tone, status=2).stderr
