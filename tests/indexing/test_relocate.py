"""`soundkin relocate`: a collection that was moved keeps vectors, tags and named sounds."""

from __future__ import annotations

import os
import sqlite3
import unicodedata
from pathlib import Path

import pytest

from benchmarks.crashes.invariants import check_library, read_library
from conftest import Soundkin
from soundkin import Library
from soundkin.indexing.relocate import relocate
from soundkin.library.sql import encode_path
from sounds import make_noise, write_sound

NAMES = (b"a.wav", b"sub/b.wav", b"sub/\xff.wav")


@pytest.fixture
def moved(soundkin: Soundkin, folder: Path) -> Soundkin:
    """Give a library of three sounds, all tagged, one with a name of raw bytes."""
    for seed, name in enumerate(NAMES):
        path = folder / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        write_sound(path, make_noise(0.1, seed, 8000), 8000)
    soundkin("index", folder, "--model", "melstats", "-q")
    soundkin("tag", folder, "--add", "kept")
    return soundkin


def test_a_moved_collection_is_found_again_without_decoding(
    moved: Soundkin, folder: Path, tmp_path: Path
) -> None:
    before = read_library(moved.library)
    new = tmp_path / "elsewhere"
    folder.rename(new)
    done = moved("relocate", folder, new)
    assert done.stdout.startswith("3 recordings and 1 folder moved; 3 files found there")
    assert sorted(moved.paths()) == sorted(os.fsdecode(os.fsencode(new) + b"/" + n) for n in NAMES)
    assert "3 unchanged" in moved("index").stdout
    after = read_library(moved.library)
    assert [row[4:] for row in after["recordings"]] == [row[4:] for row in before["recordings"]]
    assert [tag for _, tag in after["tags"]] == ["kept"] * 3
    check_library(moved.library, deep=True)


def test_where_nothing_is_found_nothing_is_moved_unless_forced(
    moved: Soundkin, folder: Path, tmp_path: Path
) -> None:
    new = tmp_path / "wrong"
    new.mkdir()
    before = read_library(moved.library)
    done = moved("relocate", folder, new, status=2)
    assert "none of the 3 recordings is found there" in done.stderr
    assert "no such file or folder" in moved("relocate", folder, new / "x", status=2).stderr
    assert "lies there" in moved("relocate", tmp_path / "x", new, status=2).stderr
    assert "already" in moved("relocate", folder, folder, status=2).stderr
    assert read_library(moved.library) == before
    moved("relocate", folder, new, "--force")
    assert all(path.startswith(str(new)) for path in moved.paths())


def test_what_was_indexed_at_the_new_place_already_becomes_one_with_the_tags_of_both(
    moved: Soundkin, folder: Path, tmp_path: Path
) -> None:
    new = tmp_path / "copy"
    folder.rename(new)
    write_sound(folder.parent / "else.wav", make_noise(0.1, 7, 8000), 8000)
    moved("index", new, "--keep-missing", "-q")  # moves what it knows; nothing is left below OLD
    moved("tag", new / "a.wav", "--add", "new")
    with Library.open(moved.library) as library:  # as if it had been told of the copies before
        for name in ("a.wav", "sub/b.wav"):
            library.save_recording(str(folder / name), 1, 1, error="gone")
        recordings = list(library.select_recordings(failed=True))
        library.add_tags(recordings, ["old"])
    done = moved("relocate", folder, new, "--force")
    assert "2 joined with what was there" in done.stdout
    rows = {row["path"]: row["tags"] for row in moved.json("list")}
    assert len(rows) == 3
    assert rows[str(new / "a.wav")] == ["kept", "new", "old"]
    assert rows[str(new / "sub" / "b.wav")] == ["kept", "old"]
    check_library(moved.library)


@pytest.mark.parametrize(("old", "new"), [("sounds", "sounds/sub"), ("sounds/sub", "sounds")])
def test_the_new_place_may_lie_within_the_old_one_or_around_it(
    tmp_path: Path, old: str, new: str
) -> None:
    with Library.open(tmp_path / "l.sqlite", create=True) as library:
        for name in ("sounds/x", "sounds/sub/x", "sounds/sub/sub/x"):
            library.save_recording(str(tmp_path / name), 1, 1, error="none")
            library.add_tags([library.find_recording(str(tmp_path / name))], [name])  # type: ignore[list-item]
        (tmp_path / new).mkdir(parents=True)
        relocate(library, tmp_path / old, tmp_path / new, force=True)
        found = {
            os.path.relpath(r.path, tmp_path): r.tags
            for r in library.select_recordings(failed=True)
        }
    if new == "sounds":
        assert found == {
            "sounds/x": ("sounds/sub/x", "sounds/x"),
            "sounds/sub/x": ("sounds/sub/sub/x",),
        }
    else:
        assert found == {f"sounds/sub/{t[0].removeprefix('sounds/')}": t for t in found.values()}


def test_a_part_that_moved_out_of_its_folder_is_still_indexed(
    moved: Soundkin, folder: Path, tmp_path: Path
) -> None:
    (folder / "sub").rename(tmp_path / "out")
    moved("relocate", folder / "sub", tmp_path / "out")
    assert "3 unchanged" in moved("index").stdout
    assert len(moved.paths()) == 3


@pytest.mark.parametrize("old", ["C:\\Users\\x\\Samples", "\\\\server\\share", "/Users/x/Samples"])
def test_a_library_from_another_system_is_brought_to_where_its_files_are_now(
    moved: Soundkin, folder: Path, old: str
) -> None:
    separator = "/" if old.startswith("/") else "\\"
    with sqlite3.connect(moved.library) as connection:
        for (path,) in connection.execute("SELECT path FROM recordings").fetchall():
            rest = os.fsencode(path)[len(os.fsencode(folder)) :].replace(b"/", separator.encode())
            new = [encode_path(old + os.fsdecode(rest)), path]
            connection.execute("UPDATE recordings SET path = ? WHERE path = ?", new)
        connection.execute("UPDATE folders SET path = ?", [old])
    done = moved("relocate", f"{old}{separator}", folder)
    assert done.stdout.startswith("3 recordings and 1 folder moved; 3 files found there")
    assert set(moved.paths()) == {os.fsdecode(os.fsencode(folder) + b"/" + n) for n in NAMES}
    assert "3 unchanged" in moved("index").stdout
    assert moved("tag").stdout == "3\tkept\n"


def test_names_are_found_in_the_unicode_form_that_the_disk_has(
    soundkin: Soundkin, folder: Path, tmp_path: Path
) -> None:
    composed = tmp_path / "there"
    for root, form in ((folder, "NFD"), (composed, "NFC")):
        path = root / unicodedata.normalize(form, "Trömmeln") / unicodedata.normalize(form, "é.wav")
        path.parent.mkdir(parents=True)
        write_sound(path, make_noise(0.1, 1, 8000), 8000)
    soundkin("index", folder, "--model", "melstats", "-q")
    soundkin("tag", folder, "--add", "kept")
    assert "1 files found there" in soundkin("relocate", folder, composed).stdout
    assert soundkin.paths() == [str(path)]
    assert soundkin("tag").stdout == "1\tkept\n"
    assert "0 embedded" in soundkin("index").stdout or "1 unchanged" in soundkin("index").stdout
