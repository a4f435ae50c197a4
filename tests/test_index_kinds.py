"""The kinds of index, chosen and measured on the command line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from conftest import DEMO_SOUNDS, Soundkin


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
