"""Disks of other systems: one file is one recording, however its name is written."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unicodedata import normalize

import pytest

import soundkin as package
from conftest import Soundkin
from other_disks import mount_disk
from sounds import make_noise, make_tone, write_sound


@contextmanager
def index_on(kind: str, folder: Path) -> Iterator[tuple[Soundkin, Path]]:
    """Give a library on such a disk, of its sounds by a folder's name as nobody wrote it."""
    with mount_disk(folder, kind) as disk:
        (disk / "Sounds" / "Drums").mkdir(parents=True)
        for name, sound in (
            ("Drums/Kick.wav", make_tone(60)),
            ("Drums/Snare.wav", make_noise(0.3)),
            ("é.wav", make_tone(440)),
            ("ê.wav", make_tone(660)),
        ):
            write_sound(disk / "Sounds" / name, sound)
        command = Soundkin(disk / "library.sqlite")
        assert "4 embedded" in command("index", disk / "sounds").stdout
        yield command, disk


@pytest.fixture(params=["windows", "macos"])
def indexed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Soundkin, Path]]:
    """Give a library on a disk of another system."""
    with index_on(request.param, tmp_path) as found:
        yield found


def list_files(folder: Path) -> list[str]:
    """List what a walk finds."""
    return sorted(f"{at}{os.sep}{name}" for at, _, names in os.walk(folder) for name in names)


def test_names_written_otherwise_mean_the_recordings_that_there_are(
    indexed: tuple[Soundkin, Path],
) -> None:
    soundkin, disk = indexed
    files = list_files(disk / "Sounds")
    assert soundkin.paths() == files
    done = soundkin("index", disk / "SOUNDS", disk / "sounds/drums", disk / "Sounds/dRUMS/kICK.WAV")
    assert "4 unchanged" in done.stdout
    assert soundkin.paths() == files
    accented = next(path for path in files if normalize("NFC", path).endswith("é.wav"))
    typed = disk / "sOUNDS" / "É.WAV"  # composed, which macOS has it not
    [first, *_] = soundkin.json("search", typed)
    assert first["path"] == accented
    others = soundkin.json("search", typed, "--exclude-self", "--folder", disk / "SOUNDS")
    assert {row["path"] for row in others} == set(files) - {accented}
    soundkin("tag", disk / "sounds/drums", "--add", "drum")
    assert [row["path"] for row in soundkin.json("list", "--tag", "drum")] == files[:2]
    soundkin("verify", "--deep")


def test_a_change_of_case_alone_keeps_what_is_known(indexed: tuple[Soundkin, Path]) -> None:
    soundkin, disk = indexed
    soundkin("tag", disk / "Sounds/Drums/Kick.wav", "--add", "dry")
    soundkin("crate", "kept", disk / "Sounds/Drums/Snare.wav")
    for old, new, words in (
        ("Sounds/Drums/Kick.wav", "Sounds/Drums/KICK.wav", "1 moved"),
        ("Sounds/Drums", "Sounds/drums", "2 moved"),
        ("Sounds", "SOUNDS", "4 unchanged"),  # which is told before anything is read
    ):
        (disk / old).rename(disk / new)
        done = soundkin("index").stdout
        assert words in done
        assert "embedded" not in done
        assert "removed" not in done
    assert soundkin.paths() == list_files(disk / "SOUNDS")
    [tagged] = soundkin.json("list", "--tag", "dry")
    assert tagged["path"] == str(disk / "SOUNDS/drums/KICK.wav")
    [kept] = soundkin.json("crate", "kept")
    assert kept["path"] == str(disk / "SOUNDS/drums/Snare.wav")


def test_a_watch_follows_what_is_written_otherwise(tmp_path: Path) -> None:
    with index_on("macos", tmp_path) as (soundkin, disk):
        soundkin("tag", disk / "Sounds/Drums/Kick.wav", "--add", "dry")
        stop = threading.Event()
        threading.Timer(60, stop.set).start()
        with package.open_library(soundkin.library) as library:
            news = package.watch_folders(library, quiet_s=0.1, n_workers=1, stop=stop)
            next(news)
            (disk / "Sounds/Drums/Kick.wav").rename(disk / "Sounds/Drums/kICK.wav")
            report = next(one.report for one in news if one.report)
            assert (report.n_moved, report.n_added, report.n_removed) == (1, 0, 0)
            write_sound(disk / "Sounds/í.wav", make_tone(880))  # as it is composed, and told
            report = next(one.report for one in news if one.report)
            assert (report.n_added, report.n_removed) == (1, 0)
            stop.set()
            assert not list(news)
        assert soundkin.paths() == list_files(disk / "Sounds")
        [tagged] = soundkin.json("list", "--tag", "dry")
        assert Path(tagged["path"]).name == "kICK.wav"


def test_copies_get_names_that_the_disk_takes(
    soundkin: Soundkin, folder: Path, tmp_path: Path
) -> None:
    names = [
        "a/Kick.wav",
        "b/kick.wav",
        "c/Kick?.wav",
        'd/what: a "name". .wav',
        f"e/{'long' * 62}.wav",
    ]
    for number, name in enumerate(names):
        (folder / name).parent.mkdir()
        write_sound(folder / name, make_tone(60 + 20 * number))
    soundkin("index", folder)
    soundkin("crate", "all", folder)
    with mount_disk(tmp_path, "windows") as disk:
        for _ in range(2):  # the second time all is there already
            soundkin("crate", "all", "--copy", disk / "all")
            copied = {path.read_bytes(): path.name for path in (disk / "all").iterdir()}
            assert [copied[(folder / name).read_bytes()] for name in names] == [
                *("Kick.wav", "kick 2.wav", "Kick_.wav", "what_ a _name_.wav", f"{'long' * 62}.wav")
            ]
            assert len(copied) == len(names)
        soundkin("kit", disk / "kit", "what?=a/Kick.wav", "what*=b/kick.wav")
        made = sorted(path.name for path in (disk / "kit").glob("*.wav"))
        assert made == ["what_ - Kick.wav", "what_ - kick 2.wav"]
