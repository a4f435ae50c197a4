"""`soundkin backup` and `restore`: whole or not at all, while others are at work."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.crashes.invariants import check_library, list_left_over, read_library
from benchmarks.crashes.states import damage_table
from conftest import Soundkin
from soundkin import Library
from soundkin.library.locks import lock_library
from sounds import make_noise, write_sound


@pytest.fixture
def tagged(soundkin: Soundkin, folder: Path) -> Soundkin:
    """Give a library of two sounds, one tagged."""
    for seed in range(2):
        write_sound(folder / f"{seed}.wav", make_noise(0.1, seed, 8000), 8000)
    soundkin("index", folder, "--model", "melstats", "-q")
    soundkin("tag", folder / "0.wav", "--add", "kept")
    return soundkin


def test_a_backup_is_one_file_that_holds_everything_and_can_be_searched(
    tagged: Soundkin, tmp_path: Path
) -> None:
    target = tmp_path / "backup.sqlite"
    tagged("backup", target)
    assert read_library(target) == read_library(tagged.library)
    assert "0.wav" in tagged("search", tmp_path / "sounds" / "1.wav", "--library", target).stdout
    check_library(target)
    tagged("backup", target)  # in place of the older one
    assert not list_left_over(tmp_path)
    assert not list(tmp_path.glob("backup.sqlite-*"))


def test_a_backup_made_while_indexing_runs_is_whole(tmp_path: Path) -> None:
    soundkin = Soundkin(tmp_path / "library.sqlite")
    (tmp_path / "sounds").mkdir()
    for seed in range(60):
        write_sound(tmp_path / "sounds" / f"{seed}.wav", make_noise(0.1, seed, 8000), 8000)
    run = soundkin.start("index", tmp_path / "sounds", "--model", "melstats")
    sizes = []
    while run.poll() is None:
        if soundkin.library.exists():
            target = tmp_path / f"{len(sizes)}.sqlite"
            backing_up = soundkin.start("backup", target, "-q")
            backing_up.communicate()
            if backing_up.returncode == 0:
                check_library(target)
                sizes.append(len(read_library(target)["recordings"]))
    run.communicate()
    assert sizes
    assert sizes == sorted(sizes)
    assert len(soundkin.paths()) == 60


def test_a_backup_overwrites_nothing_but_a_library(tagged: Soundkin, tmp_path: Path) -> None:
    diary = tmp_path / "diary.txt"
    diary.write_text("my diary\n")
    assert "not a soundkin library" in tagged("backup", diary, status=2).stderr
    assert diary.read_text() == "my diary\n"
    other = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE mine (x)")
    assert "not a soundkin library" in tagged("backup", other, status=2).stderr
    assert "the library itself" in tagged("backup", tagged.library, status=2).stderr
    assert "no such folder" in tagged("backup", tmp_path / "no" / "b.sqlite", status=2).stderr
    check_library(tagged.library)


def test_a_damaged_library_takes_no_good_backups_place(tagged: Soundkin, tmp_path: Path) -> None:
    target = tmp_path / "backup.sqlite"
    tagged("backup", target)
    before = target.read_bytes()
    damage_table(tagged.library, "facts")
    assert "verify --repair" in tagged("backup", target, status=2).stderr
    assert target.read_bytes() == before
    assert not list_left_over(tmp_path)


def test_restoring_keeps_what_was_there_and_the_index_follows(
    tagged: Soundkin, folder: Path, tmp_path: Path
) -> None:
    target = tmp_path / "backup.sqlite"
    tagged("index", folder, "--index-kind", "scan", "-q")
    tagged("backup", target)
    wanted = read_library(tagged.library)
    (folder / "0.wav").unlink()
    write_sound(folder / "late.wav", make_noise(0.1, 9, 8000), 8000)
    tagged("index", folder, "-q")  # gives the same count of changes as the next lines will
    late = read_library(tagged.library)
    done = tagged("restore", target)
    assert read_library(tagged.library) == wanted
    kept = Path(done.stdout.splitlines()[-1].removeprefix("What was there before is kept as "))
    assert read_library(kept) == late
    write_sound(folder / "other.wav", make_noise(0.1, 10, 8000), 8000)
    (folder / "late.wav").unlink()
    tagged("index", folder, "-q")
    found = tagged.json("search", folder / "other.wav", "--top", "1")
    assert found[0]["path"] == str(folder / "other.wav")
    check_library(tagged.library)


def test_whoever_has_the_library_open_goes_on_with_what_was_restored(
    tagged: Soundkin, tmp_path: Path
) -> None:
    target = tmp_path / "backup.sqlite"
    tagged("backup", target)
    with Library.open(tagged.library) as open_library:
        stamp = open_library.stamp
        tagged("tag", tmp_path / "sounds", "--add", "gone")
        tagged("restore", target)
        assert open_library.list_tags() == [("kept", 1)]
        assert open_library.stamp != stamp
        open_library.add_tags(list(open_library.select_recordings()), ["new"])
    assert tagged("tag").stdout == "2\tnew\n1\tkept\n"
    check_library(tagged.library)


@pytest.mark.parametrize("damage", ["page", "header", "gone"])
def test_a_lost_library_is_restored_and_its_old_log_never_applied(
    tagged: Soundkin, tmp_path: Path, damage: str
) -> None:
    target = tmp_path / "backup.sqlite"
    tagged("backup", target)
    wanted = read_library(tagged.library)
    copy = tmp_path / "copy"
    copy.mkdir()
    with closing(sqlite3.connect(tagged.library)) as connection:  # leaves a log with a change in it
        connection.execute("UPDATE tags SET tag = 'from the log'")
        connection.commit()
        for path in tmp_path.glob("library.sqlite*"):
            if path.is_file():
                shutil.copyfile(path, copy / path.name)
    for path in copy.iterdir():
        shutil.copyfile(path, tmp_path / path.name)
    if damage == "gone":
        tagged.library.unlink()
    elif damage == "header":
        tagged.library.write_bytes(b"x" * 4096 + tagged.library.read_bytes()[4096:])
    else:
        data = bytearray(tagged.library.read_bytes())
        data[100:4096] = bytes(3996)
        tagged.library.write_bytes(data)
    tagged("restore", target)
    assert read_library(tagged.library) == wanted
    check_library(tagged.library)


def test_what_is_no_good_backup_changes_nothing(
    tagged: Soundkin, folder: Path, tmp_path: Path
) -> None:
    wanted = read_library(tagged.library)
    target = tmp_path / "backup.sqlite"
    tagged("backup", target)
    damage_table(target, "contents")
    assert "it is damaged" in tagged("restore", target, status=2).stderr
    target.write_text("my diary")
    assert "not a soundkin library" in tagged("restore", target, status=2).stderr
    assert "no such file" in tagged("restore", tmp_path / "none", status=2).stderr
    assert "the library itself" in tagged("restore", tagged.library, status=2).stderr
    with lock_library(tagged.library):
        tagged("backup", target.with_name("good.sqlite"))
        done = tagged("restore", target.with_name("good.sqlite"), status=2)
        assert "another soundkin is indexing" in done.stderr
    assert read_library(tagged.library) == wanted
    assert not list_left_over(tmp_path)


def test_a_library_that_was_killed_at_birth_is_known_by_its_log(
    tagged: Soundkin, tmp_path: Path
) -> None:
    target = tmp_path / "backup.sqlite"
    tagged("backup", target)
    young = Soundkin(tmp_path / "young" / "library.sqlite")
    young.library.parent.mkdir()
    with Library.open(tmp_path / "fresh.sqlite", create=True) as fresh:
        for ending in ("", "-wal"):  # nothing has been written into the file itself yet
            shutil.copyfile(f"{fresh.path}{ending}", f"{young.library}{ending}")
    young("restore", target)
    assert read_library(young.library) == read_library(target)
