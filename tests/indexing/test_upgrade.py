"""A library that an earlier version of the default model made: it goes on with it until told."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from conftest import DEMO_SOUNDS, Soundkin
from soundkin.embedding.model import find_model


@pytest.fixture
def old(soundkin: Soundkin, tmp_path: Path) -> Path:
    """A library of a few sounds as the version before the newest would have left it."""
    path = tmp_path / "old.sqlite"
    folder = tmp_path / "sounds"
    folder.mkdir()
    for sound in sorted(DEMO_SOUNDS.glob("*.flac"))[:8]:
        (folder / sound.name).write_bytes(sound.read_bytes())
    soundkin("index", folder, "--model", "kin5", "--library", path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET model_file = 'kin', model_name = 'kin'")
    return path


def test_it_is_searched_and_indexed_with_its_own_model_and_told_of_the_newer(
    soundkin: Soundkin, old: Path
) -> None:
    sound = next((old.parent / "sounds").glob("*.flac"))
    rows = soundkin.json("search", sound, "--library", old)
    assert rows[0]["path"] == str(sound)
    assert rows[0]["score"] > 0.95
    again = soundkin("index", "--library", old)
    assert "soundkin index --rebuild" in again.stderr
    assert "some 1 min" in again.stderr
    assert "a newer kin is there" in soundkin("info", "--library", old).stdout
    (facts,) = soundkin.json("info", "--library", old)
    assert facts["model"]["hash"] == find_model("kin5").hash
    assert facts["newer_model"]["hash"] == find_model("kin").hash
    assert facts["newer_model"]["n_recordings"] == 8


def test_rebuilt_it_has_the_newest(soundkin: Soundkin, old: Path) -> None:
    soundkin("index", "--rebuild", "--library", old)
    (facts,) = soundkin.json("info", "--library", old)
    assert facts["model"]["hash"] == find_model("kin").hash
    assert facts["newer_model"] is None


def test_who_chose_the_earlier_model_by_name_hears_nothing_of_the_newer(
    soundkin: Soundkin, tmp_path: Path
) -> None:
    path = tmp_path / "chosen.sqlite"
    done = soundkin("index", DEMO_SOUNDS, "--model", "kin5", "--library", path)
    assert "newer" not in done.stderr
    (facts,) = soundkin.json("info", "--library", path)
    assert facts["newer_model"] is None
