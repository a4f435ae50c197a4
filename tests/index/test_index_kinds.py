"""The kinds of index, chosen and measured on the command line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from conftest import DEMO_SOUNDS, Soundkin
from soundkin.index.vector_index import VectorIndex
from soundkin.library.library import Library
from soundkin.search.shared_index import SharedIndex
from sounds import make_noise, write_sound


def read_info(soundkin: Soundkin) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(soundkin("info", "--json").stdout)
    return facts


def test_every_kind_finds_the_same_and_is_described(soundkin: Soundkin) -> None:
    soundkin("index", DEMO_SOUNDS, "-q")
    expected = soundkin.json("search", DEMO_SOUNDS / "bd_808.flac")
    facts = read_info(soundkin)["index"]
    assert (facts["kind"], facts["recall"], facts["disk_bytes"]) == ("exact", 1.0, 0)
    for kind in ("lists", "scan", "exact", "auto"):
        soundkin("index", "--index-kind", kind, "-q")
        assert soundkin.json("search", DEMO_SOUNDS / "bd_808.flac") == expected
        assert soundkin.json("search", DEMO_SOUNDS / "bd_808.flac", "--exact") == expected
        facts = read_info(soundkin)["index"]
        assert facts["kind"] == ("exact" if kind == "auto" else kind)
        assert facts["n_segments"] == read_info(soundkin)["n_segments"]
        assert facts["recall"] == 1.0
        assert facts["n_queries"] > 50
        if kind in ("lists", "scan"):
            assert facts["disk_bytes"] > 0
            assert facts["build_s"] > 0
    text = soundkin("info").stdout
    assert "every segment is compared" in text
    assert "recall@10 1.000" in text


def test_an_unknown_kind_is_refused(soundkin: Soundkin) -> None:
    found = soundkin("index", "--index-kind", "magic", status=2)
    assert "'magic' is not one of" in found.stderr


def test_info_of_an_empty_library_has_no_index(soundkin: Soundkin, folder: Path) -> None:
    folder.joinpath("bad.wav").write_bytes(os.urandom(99))
    soundkin("index", folder, "-q")
    assert read_info(soundkin)["index"] is None
    assert "none yet" in soundkin("info").stdout


def test_what_was_measured_of_an_index_is_noted_until_the_library_has_changed(
    soundkin: Soundkin, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        write_sound(folder / f"{number}.wav", make_noise(2.0, number))
    soundkin("index", folder, "--index-kind", "scan")
    measured = []

    def compute(index: VectorIndex, *_: object) -> float:
        measured.append(len(index))
        return 0.5

    monkeypatch.setattr("soundkin.search.shared_index.compute_chance_score", compute)

    def ask() -> float:
        with Library.open(soundkin.library) as library:
            return SharedIndex().get(library).usual_score

    assert [ask(), ask()] == [0.5, 0.5]
    assert len(measured) == 1
    notes = Path(f"{soundkin.library}.index") / "notes.json"
    notes.write_text(notes.read_text().replace("0.5", "0.4"))  # damaged
    assert ask() == 0.5
    assert len(measured) == 2
    write_sound(folder / "long.wav", make_noise(5.0, 9))
    soundkin("index", folder)
    assert ask() == 0.5
    assert len(measured) == 3
