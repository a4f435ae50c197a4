"""Libraries of every older version, with something in them, are read as they were."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from conftest import Soundkin
from old_libraries import FOLDER
from soundkin import Library
from soundkin.integrity.verify import verify_library
from soundkin.library.concepts import list_concepts
from soundkin.library.crates import list_crates
from soundkin.library.schema import read_migrations
from soundkin.search.tags.suggestions import list_rejected

VERSIONS = range(1, len(read_migrations()) + 1)


@pytest.fixture
def old(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Give a copy of a library of some version."""
    path = tmp_path / "old.sqlite"
    shutil.copyfile(FOLDER / f"version-{request.param}.sqlite", path)
    return path


@pytest.mark.parametrize("old", VERSIONS, indirect=True)
def test_an_old_library_keeps_all_that_was_in_it(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        vectors = connection.execute("SELECT vectors FROM contents ORDER BY id").fetchall()
    with Library.open(old) as library:
        recordings = list(library.select_recordings())
        assert [r.path for r in recordings] == ["/sounds/1.wav", "/sounds/2.wav"]
        assert {r.tags for r in recordings} == {("drum",)}
        [failed] = library.select_recordings(failed=True)
        assert (failed.path, failed.tags) == ("/sounds/\udcff.wav", ("odd",))
        assert library.list_folders() == ["/sounds"]
        assert library.model is not None
        assert (library.model.hash, library.model.embedding_size) == ("cd" * 32, 128)
        found = [(halves.tobytes(),) for _, halves, _ in library.read_vectors_above(0)]
        assert found == vectors
        assert library.stamp == ("ab" * 16, 3)
        assert library.index_kind == ("scan" if version >= 2 else None)
        facts = recordings[0].facts
        assert (facts.pitch_hz if facts else None) == (440 if version >= 3 else None)
        assert (facts.flatness if facts else None) == (0.25 if version >= 6 else None)
        assert (facts.key_number if facts else None) == (21 if version >= 12 else None)
        slow = 10 if version >= 7 else 1
        assert {r.slow for r in recordings} == {slow}
        assert library.list_slow() == ({"/sounds": 10} if version >= 7 else {})
        known = library.list_files_below("/sounds/1.wav")
        assert [one.ctime_ns for one in known] == [30 if version >= 7 else None]
        assert list_rejected(library) == ({(1, "hat")} if version >= 4 else set())
        assert [c.name for c in list_concepts(library)] == (["kick"] if version >= 4 else [])
        assert list_crates(library) == ([("dusty", 1)] if version >= 11 else [])
    report = verify_library(old)
    assert report.is_whole, report.findings


@pytest.mark.parametrize("old", VERSIONS, indirect=True)
def test_an_id_that_was_given_out_is_never_given_out_again(old: Path) -> None:
    with Library.open(old) as library:
        [(next_id,)] = library.connection.fetch("SELECT next_content_id FROM meta")
        assert next_id > 10


@pytest.mark.parametrize("old", VERSIONS, indirect=True)
def test_a_backup_of_any_version_can_be_put_back(soundkin: Soundkin, old: Path) -> None:
    before = old.read_bytes()
    soundkin("restore", old)
    assert soundkin("tag").stdout == "2\tdrum\n1\todd\n"
    assert old.read_bytes() == before
