"""`soundkin verify`: what it finds, and what it makes whole again."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.crashes.invariants import read_library
from benchmarks.crashes.states import damage_table
from conftest import Soundkin
from soundkin.integrity.verify import verify_library
from sounds import make_noise, write_sound

N_SOUNDS = 4


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with a library of a few sounds, tagged, and their index on disk."""
    home = tmp_path_factory.mktemp("kept")
    (home / "sounds").mkdir()
    for seed in range(N_SOUNDS):
        write_sound(home / "sounds" / f"{seed}.wav", make_noise(0.1, seed, 8000), 8000)
    command = Soundkin(home / "library.sqlite")
    command("index", home / "sounds", "--model", "melstats", "--index-kind", "scan", "-q")
    command("tag", home / "sounds", "--add", "all")
    command("tag", home / "sounds" / "1.wav", "--add", "one")
    return home


@pytest.fixture
def home(kept: Path) -> Path:
    """Give that folder as it was made, at the place where it was made."""
    saved = kept.with_name("saved")
    if not saved.exists():
        shutil.copytree(kept, saved)
    shutil.rmtree(kept)
    shutil.copytree(saved, kept)
    return kept


@pytest.fixture
def command(home: Path) -> Soundkin:
    """Give the command for that library."""
    return Soundkin(home / "library.sqlite")


def change(library: Path, sql: str, *parameters: Any) -> None:
    """Change a library as no soundkin would."""
    with closing(sqlite3.connect(library)) as connection:
        connection.execute(sql, parameters)
        connection.commit()


def test_a_whole_library_is_called_whole(command: Soundkin) -> None:
    done = command("verify", "--deep")
    assert done.stdout.startswith(f"The library is whole: {N_SOUNDS} recordings")
    assert done.stdout.count("\n") == 1
    report = json.loads(command("verify", "--json").stdout)
    assert report["is_whole"]
    assert report["findings"] == []


NAN = np.full(128, np.nan, np.float16).tobytes()
LONG = np.full(128, 1.0, np.float16).tobytes()
DAMAGES: list[tuple[str, list[Any], str]] = [
    ("UPDATE contents SET vectors = ? WHERE id = 2", [NAN], "no unit vectors"),
    ("UPDATE contents SET vectors = ? WHERE id = 2", [LONG], "no unit vectors"),
    ("UPDATE contents SET vectors = ? WHERE id = 2", [b"odd"], "not of shape (1, 128)"),
    ("UPDATE contents SET levels = ? WHERE id = 2", [NAN[:2]], "levels are no numbers"),
    ("UPDATE contents SET n_segments = 1 << 60 WHERE id = 2", [], "not of shape"),
    ("UPDATE contents SET duration_s = 9e999 WHERE id = 2", [], "duration"),
    ("UPDATE contents SET hash = x'00' WHERE id = 2", [], "hash"),
    ("UPDATE facts SET pitch_hz = 9e999 WHERE content = 2", [], "pitch_hz is inf"),
    ("UPDATE meta SET next_content_id = 1", [], "is taken"),
    ("UPDATE meta SET index_kind = 'huge'", [], "no kind of index"),
    ("UPDATE meta SET model_config = '{'", [], "says of its model"),
    ("UPDATE recordings SET path = 'sounds/x.wav' WHERE id = 2", [], "is no path"),
    ("DELETE FROM facts", [], ""),
    ("INSERT INTO tags VALUES ('stray', 99)", [], "refers to nothing in recordings"),
    (
        "INSERT INTO concepts (name, model_hash, definition, vectors) VALUES ('x', '', '[', x'')",
        [],
        "'x'",
    ),
]


@pytest.mark.parametrize(("sql", "parameters", "told"), DAMAGES)
def test_damaged_rows_are_found_and_made_whole_with_every_tag(
    command: Soundkin, sql: str, parameters: list[Any], told: str
) -> None:
    wanted = read_library(command.library)
    change(command.library, sql, *parameters)
    report = verify_library(command.library)
    assert report.is_whole == (not told)
    assert told in "\n".join(finding.reason for finding in report.findings)
    command("verify", "--repair", "-q")
    after = verify_library(command.library)
    assert after.is_whole, after.findings
    found = read_library(command.library)
    is_path_lost = "is no path" in told
    if not is_path_lost:
        assert [
            row for row in found["recordings"] if not row[0].startswith("/path lost")
        ] == wanted["recordings"]
    assert {tag for _, tag in wanted["tags"]} <= {tag for _, tag in found["tags"]}
    assert is_path_lost or set(wanted["tags"]) <= set(found["tags"])


def test_a_finding_is_one_line_with_the_path_and_what_to_do(command: Soundkin, home: Path) -> None:
    change(command.library, DAMAGES[0][0], NAN)
    done = command("verify", status=1)
    first, index, last = done.stdout.splitlines()
    assert "index: it does not agree with the library" in index
    assert first.startswith(f"damaged: {home}/sounds/")
    assert "soundkin verify --repair" in first
    assert last.startswith("The library is damaged in 2 places")


def test_files_that_are_gone_or_changed_are_notes(command: Soundkin, home: Path) -> None:
    (home / "sounds" / "0.wav").unlink()
    write_sound(home / "sounds" / "1.wav", make_noise(0.2, 9, 8000), 8000)
    lines = command("verify").stdout.splitlines()
    assert [line.split(": ")[0] for line in lines[:-1]] == ["note", "note"]
    assert "not there" in lines[0]
    assert "another size or time" in lines[1]
    assert all("run: soundkin index" in line for line in lines[:-1])
    assert "whole" in lines[-1]


def test_other_bytes_of_the_same_size_and_time_are_found_by_deep_only(
    command: Soundkin, home: Path
) -> None:
    path = home / "sounds" / "2.wav"
    status = path.stat()
    path.write_bytes(path.read_bytes()[:-100] + bytes(100))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert command("verify").stdout.count("\n") == 1
    assert "other bytes than were indexed" in command("verify", "--deep").stdout
    command("verify", "--deep", "--repair")
    assert command("verify", "--deep").stdout.count("\n") == 1


@pytest.mark.parametrize("table", ["contents", "recordings", "tags", "meta", "facts"])
def test_a_table_that_cannot_be_read_costs_no_tag(command: Soundkin, table: str) -> None:
    wanted = read_library(command.library)
    damage_table(command.library, table)
    assert not verify_library(command.library).is_whole
    done = command("verify", "--repair")
    assert "The damaged file is kept as" in done.stdout
    found = read_library(command.library)
    if table != "meta":  # which model it was is lost then, and all is embedded by the default one
        assert found == wanted
    assert found["tags"] == wanted["tags"]
    assert verify_library(command.library).is_whole


def test_the_first_page_lost_or_the_end_cut_off_costs_no_tag(command: Soundkin) -> None:
    wanted = read_library(command.library)
    data = command.library.read_bytes()
    for damaged in (bytes(4096) + data[4096:], data[: -4096 * 2]):
        command.library.write_bytes(damaged)
        command("verify", status=1 if damaged[0] else 2)
        command("verify", "--repair")
        assert read_library(command.library)["tags"] == wanted["tags"]
        command.library.write_bytes(data)


def test_vectors_whose_file_is_gone_fail_with_a_reason_and_keep_tags(
    command: Soundkin, home: Path
) -> None:
    change(command.library, "UPDATE contents SET vectors = zeroblob(256)")
    (home / "sounds" / "1.wav").unlink()
    command("verify", "--repair")
    [failed] = command.json("list", "--failed")
    assert "its vectors were damaged and its file cannot be read" in failed["error"]
    tags = read_library(command.library)["tags"]
    assert [tag for path, tag in tags if path == failed["path"]] == ["all", "one"]
    assert len(command.paths()) == N_SOUNDS - 1


def truncate(path: Path) -> None:
    """Cut a file off in its middle."""
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    """Change a byte in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [truncate, flip])
def test_an_index_that_is_damaged_is_found_and_built_again(
    command: Soundkin, damage: Callable[[Path], None]
) -> None:
    folder = Path(f"{command.library}.index")
    for pattern in ("manifest.json", "vectors-*", "arrays-*", "projections-*"):
        [path] = folder.glob(pattern)
        damage(path)
        assert "index: it is damaged" in command("verify", status=1).stdout
        command("verify", "--repair")
        assert command("verify").stdout.count("\n") == 1


def test_an_index_that_is_behind_is_a_note(command: Soundkin) -> None:
    change(command.library, "UPDATE meta SET generation = generation + 1")
    assert "note: " in command("verify").stdout


def test_repairing_waits_for_no_one_that_has_a_damaged_file_open(command: Soundkin) -> None:
    damage_table(command.library, "facts")
    with closing(sqlite3.connect(command.library)) as other:
        other.execute("SELECT 1 FROM meta").fetchone()
        assert "another program has it open" in command("verify", "--repair", status=2).stderr
    command("verify", "--repair")
