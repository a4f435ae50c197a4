"""Libraries that strangers made to do harm: refused in a line, or harmless."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.crashes.invariants import check_library, read_library
from benchmarks.crashes.launcher import Launcher
from conftest import DEMO_SOUNDS, Soundkin
from encoder_files import write_encoder
from soundkin import Library
from soundkin.errors import DamagedLibraryError
from sounds import make_noise, write_sound

SOUND = DEMO_SOUNDS / "bd_tek.flac"


@pytest.fixture
def library(demo: Soundkin, tmp_path: Path) -> Path:
    """Give a copy of the demo library."""
    path = tmp_path / "stranger.sqlite"
    shutil.copyfile(demo.library, path)
    return path


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    """Give a process whose children run commands."""
    with Launcher(tmp_path_factory.mktemp("strangers"), None) as launcher:
        yield launcher


def craft(library: Path, *statements: str, parameters: Any = ()) -> None:
    """Change a library by SQL, its own tables of tables too."""
    with closing(sqlite3.connect(library, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            connection.execute(statement, parameters)


SCHEMAS = {
    "a trigger": ["CREATE TRIGGER t AFTER INSERT ON tags BEGIN DELETE FROM recordings; END"],
    "a view": ["CREATE VIEW v AS SELECT writefile('/tmp/x', 'y')"],
    "a view in place of a table": [
        "ALTER TABLE facts RENAME TO f",
        "CREATE VIEW facts AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n)"
        " SELECT i AS content, i AS loudness_lufs, 1 AS brightness_hz, 1 AS pitch_hz,"
        " 1 AS pitch_confidence, 1 AS tempo_bpm, 1 AS tempo_confidence, 1 AS onsets_per_s FROM n",
    ],
    "a virtual table": ["CREATE VIRTUAL TABLE v USING fts5(x)"],
    "another table": ["CREATE TABLE mine (x)"],
    "another index": ["CREATE INDEX mine ON tags (upper(tag))"],
    "a generated column": [
        "ALTER TABLE tags ADD COLUMN g TEXT GENERATED ALWAYS AS (hex(zeroblob(1000000000)))"
    ],
    "another check": [
        "UPDATE sqlite_master SET sql = replace(sql, 'CHECK (id = 1)', 'CHECK (id < 3)')"
        " WHERE name = 'meta'"
    ],
    "a table less": ["DROP TABLE concepts"],
    "no table at all": ["DELETE FROM sqlite_master"],
    "no SQL at all": ["UPDATE sqlite_master SET sql = 'CREATE NONSENSE' WHERE name = 'tags'"],
    "tables without end": [f"CREATE TABLE mine{number} (x)" for number in range(200)],
    "a version below any": ["PRAGMA user_version = -3"],
}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_tables_that_are_not_soundkins_are_refused_before_anything_is_read(
    library: Path, schema: str, launcher: Launcher
) -> None:
    craft(library, *SCHEMAS[schema])
    with pytest.raises(DamagedLibraryError, match="soundkin verify --repair"):
        Library.open(library)
    for command in (["search", SOUND], ["tag", SOUND, "--add", "x"], ["index"]):
        done = launcher.run([[*command, "--library", library]])
        assert done.status == 2, done
        assert done.stderr.count("\n") == 1, done


@pytest.mark.parametrize("schema", ["a trigger", "a view", "a virtual table", "another table"])
def test_a_repair_takes_over_soundkins_own_tables_only(
    demo: Soundkin, library: Path, schema: str, launcher: Launcher
) -> None:
    craft(library, *SCHEMAS[schema])
    assert launcher.run([["verify", "--library", library]]).status == 1
    assert launcher.run([["verify", "--repair", "--library", library]]).status == 0
    assert read_library(library) == read_library(demo.library)


def test_statistics_that_a_person_had_gathered_are_no_harm(library: Path) -> None:
    craft(library, "ANALYZE")
    check_library(library)


ROWS: dict[str, tuple[list[str], list[Any]]] = {
    "vectors that are no numbers": (
        ["UPDATE contents SET vectors = ? WHERE id < 20"],
        [np.full(128, np.nan, np.float16).tobytes()],
    ),
    "endless vectors": (
        ["UPDATE contents SET vectors = ?, n_segments = 1, levels = x'0000' WHERE id < 20"],
        [np.full(128, np.inf, np.float16).tobytes()],
    ),
    "vectors of another shape": (["UPDATE contents SET vectors = x'00' WHERE id < 20"], []),
    "no vectors": (["UPDATE contents SET vectors = x'', levels = x'' WHERE id < 20"], []),
    "a huge blob": (["UPDATE contents SET vectors = zeroblob(100000000) WHERE id = 1"], []),
    "absurd counts": (["UPDATE contents SET n_segments = 1 << 62 WHERE id < 20"], []),
    "an absurd duration": (["UPDATE contents SET duration_s = 9e999 WHERE id < 20"], []),
    "an absurd id": (["UPDATE meta SET next_content_id = 9223372036854775807"], []),
    "a size that no vector has": (
        ["UPDATE meta SET model_config = replace(model_config, '128', '999999999')"],
        [],
    ),
    "segments of no length": (
        ["UPDATE meta SET model_config = ?"],
        ['{"segments": {"hop_s": 0.0}, "embedding_size": 128}'],
    ),
    "a model's description that is no JSON": (["UPDATE meta SET model_config = '[[['"], []),
    "JSON without bottom": (["UPDATE meta SET model_config = ?"], ["[" * 100_000]),
    "a named sound without bottom": (
        [
            "INSERT INTO concepts (name, model_hash, definition, vectors)"
            f" VALUES ('x', '', '{'[' * 100_000}', x'')"
        ],
        [],
    ),
    "no row of itself": (["DELETE FROM meta"], []),
    "a path that is a number": (["UPDATE recordings SET path = 17 WHERE id = 3"], []),
    "a path that is nowhere": (["UPDATE recordings SET path = '../../x.wav' WHERE id = 3"], []),
    "a path with a zero in it": (
        ["UPDATE recordings SET path = '/x' || char(0) || 'y' WHERE id = 3"],
        [],
    ),
    "a folder that is none": (["INSERT INTO folders (path) VALUES (x'00')"], []),
    "text that is no UTF-8": (
        ["UPDATE recordings SET path = CAST(x'2fff' AS TEXT) WHERE id = 3"],
        [],
    ),
    "terminal codes in a tag": (["UPDATE tags SET tag = char(27) || '[2J'"], []),
    "facts beyond all": (["UPDATE facts SET pitch_hz = 9e999, tempo_bpm = -9e999"], []),
}


@pytest.mark.parametrize("rows", ROWS)
def test_rows_that_make_no_sense_are_refused_or_harmless(
    library: Path, rows: str, launcher: Launcher
) -> None:
    statements, parameters = ROWS[rows]
    craft(library, *statements, parameters=parameters)
    for command in (
        ["list"],
        ["list", "--json"],
        ["info"],
        ["search", SOUND, "--top", "30"],
        ["search", SOUND, "--json", "--tag", "x"],
        ["tag"],
        ["tag", SOUND, "--add", "x"],
        ["dups"],
        ["verify"],
    ):
        done = launcher.run([[*command, "--library", library]])
        assert done.status in (0, 1, 2), (command, done)
        assert "Traceback" not in done.stderr, (command, done.stderr)
        assert done.status != 2 or done.stderr.count("\n") == 1, (command, done)


def test_what_is_no_unit_vector_is_never_a_hit(library: Path, demo: Soundkin) -> None:
    [best] = demo.json("search", SOUND, "--exclude-self", "--top", "1", "--library", library)
    huge = np.full((1, 128), 60_000, np.float16)
    sql = "UPDATE contents SET vectors = ?, levels = x'0000', n_segments = 1 WHERE id = 2"
    craft(library, sql, parameters=[huge.tobytes()])
    [found] = demo.json("search", SOUND, "--exclude-self", "--top", "1", "--library", library)
    assert found["score"] <= 1
    assert (found["path"], found["score"]) == (best["path"], best["score"])


def truncate(path: Path) -> None:
    """Cut a file off."""
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    """Leave nothing but the beginning."""
    os.truncate(path, 100)


@pytest.mark.parametrize("damage", [truncate, empty])
def test_a_file_that_is_cut_off_is_one_clear_line(
    library: Path, damage: Callable[[Path], None], launcher: Launcher
) -> None:
    damage(library)
    done = launcher.run([["list", "--library", library]])
    assert done.status == 2
    assert done.stderr.count("\n") == 1
    assert "soundkin" in done.stderr


def test_a_model_named_by_a_strangers_library_is_not_loaded_before_a_person_named_it(
    soundkin: Soundkin, folder: Path, tmp_path: Path
) -> None:
    encoder = write_encoder(tmp_path / "encoder.onnx")
    write_sound(folder / "a.wav", make_noise(2.0))
    query = write_sound(tmp_path / "query.wav", make_noise(2.0, 3))
    soundkin.env["SOUNDKIN_ACCEPTED"] = str(tmp_path / "mine")
    soundkin("index", folder, "--model", encoder, "-q")
    soundkin("search", query)
    soundkin.env["SOUNDKIN_ACCEPTED"] = str(tmp_path / "another person's")
    for command in (["search", query], ["index", folder]):
        told = soundkin(*command, status=2).stderr
        assert "which you have not used before" in told
        assert "soundkin index --model FILE" in told
    assert "encoder.onnx" in soundkin("verify").stdout  # a note
    soundkin("index", folder, "--model", encoder, "-q")
    soundkin("search", query)


@pytest.mark.parametrize(
    "file", ["~/encoder.onnx", "encoder.onnx", "/proc/kcore", "/dev/zero", "x\0"]
)
def test_a_model_is_looked_for_nowhere_but_where_a_person_put_it(
    library: Path, launcher: Launcher, file: str
) -> None:
    sql = "UPDATE meta SET model_file = ?, model_hash = ?"
    craft(library, sql, parameters=[file, "ab" * 32])
    query = library.with_name("query.wav")
    write_sound(query, make_noise(1.0))
    done = launcher.run([["search", query, "--library", library]])
    assert done.status == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert "you have not used before" in done.stderr
    assert done.elapsed_s < 20


def test_the_report_of_a_strangers_library_is_json_all_the_same(library: Path) -> None:
    craft(library, "UPDATE tags SET tag = char(27)", *ROWS["facts beyond all"][0])
    done = Soundkin(library)("verify", "--json", status=1)
    assert not json.loads(done.stdout)["is_whole"]
