"""What an index run leaves out, it says; what is elsewhere, it keeps."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from conftest import Soundkin
from serving import serve
from soundkin.audio.walk import is_text
from sounds import make_noise, make_tone, write_sound


def test_files_left_out_by_their_endings_are_counted_in_one_line(
    soundkin: Soundkin, folder: Path
) -> None:
    write_sound(folder / "a.wav", make_tone(300))
    for number in range(3):
        (folder / f"{number}.txt").write_text("notes")
    (folder / "b.ASD").write_bytes(b"\0")
    (folder / "README").write_text("read me")
    done = soundkin("index", folder)
    assert "5 other files: .txt 3, .asd 1, without an ending 1" in done.stdout.splitlines()


def test_typescript_is_counted_and_not_tried_as_video(soundkin: Soundkin, folder: Path) -> None:
    write_sound(folder / "a.wav", make_tone(300))
    (folder / "main.ts").write_text("export const a: number = 1;\n" * 50)
    (folder / "other.mts").write_text("export {};\n")
    done = soundkin("index", folder)
    assert "2 other files: .mts (text) 1, .ts (text) 1" in done.stdout.splitlines()
    assert soundkin.json("list", "--failed") == []


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"let x = 1;\n", True),
        ("größer".encode() * 100, True),
        (("ä" * 300).encode()[:512], True),
        (b"\x47\x40\x00\x10" * 100, False),
        (b"", False),
        (b"RIFF\x00\x00", False),
    ],
)
def test_text_is_told_from_sound_by_its_first_bytes(head: bytes, expected: bool) -> None:
    assert is_text(head) == expected


def test_endings_that_the_decoders_read_are_walked(soundkin: Soundkin, folder: Path) -> None:
    wave = write_sound(folder / "a.wav", make_tone(300))
    for number, ending in enumerate(("bw64", "3g2", "m4r", "m2ts", "weba", "dsf", "tak", "caf")):
        data = bytearray(wave.read_bytes())
        data[-1] = number  # bytes of its own
        (folder / f"copy.{ending}").write_bytes(data)
    soundkin("index", folder)
    assert len(soundkin.paths()) == 9


def test_reasons_for_equal_bytes_name_no_other_file(soundkin: Soundkin, folder: Path) -> None:
    write_sound(folder / "good.wav", make_tone(300))
    for name in ("one.flac", "two.flac", "three.flac"):
        (folder / name).write_bytes(b"fLaC" + bytes(range(256)) * 20)
    done = soundkin("index", folder)
    failed = soundkin.json("list", "--failed")
    assert len({row["error"] for row in failed}) == 1
    assert not any(name in row["error"] for row in failed for name in ("one", "two", "three"))
    lines = [line for line in done.stderr.splitlines() if ".flac: " in line]
    assert len(lines) == 3
    assert all(line.count(".flac") == 1 for line in lines)


def test_a_file_that_went_to_the_cloud_keeps_its_tags(soundkin: Soundkin, folder: Path) -> None:
    kick = write_sound(folder / "kick.wav", make_tone(100))
    write_sound(folder / "hat.wav", make_noise(0.3))
    soundkin("index", folder)
    soundkin("tag", kick, "--add", "808")
    moved = folder.parent / "elsewhere.wav"
    shutil.move(kick, moved)
    (folder / ".kick.wav.icloud").write_bytes(b"bplist00")
    for options in ([], ["--drop-missing"]):
        done = soundkin("index", folder, *options)
        assert "in the cloud, and not on this machine" in done.stderr
        assert "1 other file: .wav (in the cloud, and not on this machine) 1" in done.stdout
        assert [row["tags"] for row in soundkin.json("list") if "kick" in row["path"]] == [["808"]]
    (folder / ".kick.wav.icloud").unlink()
    shutil.move(moved, kick)
    done = soundkin("index", folder)
    assert "cloud" not in done.stderr
    assert [row["tags"] for row in soundkin.json("list") if "kick" in row["path"]] == [["808"]]


def test_ultrasound_is_not_called_silence(soundkin: Soundkin, folder: Path) -> None:
    rate = 250_000
    time = np.arange(rate) / rate
    bat = (0.3 * np.sin(2 * np.pi * (45_000 - 5_000 * time) * time)).astype(np.float32)
    write_sound(folder / "bat.wav", bat, rate)
    write_sound(folder / "silence.wav", np.zeros(rate, np.float32), rate)
    done = soundkin("index", folder)
    told = [line for line in done.stderr.splitlines() if "kHz" in line]
    assert len(told) == 1
    assert "bat.wav: its sound lies above 16 kHz, which the model does not hear" in told[0]
    assert "soundkin index FOLDER --slow 10" in told[0]


def test_the_file_alone_has_all_while_the_page_has_it_open(
    soundkin: Soundkin, folder: Path, tmp_path: Path
) -> None:
    write_sound(folder / "a.wav", make_tone(300))
    soundkin("index", folder)
    with serve(soundkin) as server:
        server.get("/recordings")
        write_sound(folder / "b.wav", make_tone(500))
        soundkin("index", folder)
        soundkin("tag", folder / "a.wav", "--add", "dry")
        [row] = [r for r in server.get("/recordings")["recordings"] if r["name"] == "b.wav"]
        server.post("/tags", {"ids": [row["id"]], "add": ["wet"]})
        copy = tmp_path / "copy.sqlite"
        shutil.copyfile(soundkin.library, copy)  # without the log beside it
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM recordings").fetchone() == (2,)
        tags = connection.execute("SELECT tag FROM tags ORDER BY tag").fetchall()
    assert tags == [("dry",), ("wet",)]
