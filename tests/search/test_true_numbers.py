"""Percentile, verdict and suggested tags where the library alone cannot tell what a score means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import soundkin
from conftest import DEMO_SOUNDS, Soundkin
from soundkin.embedding.model import find_model
from soundkin.search.reference import Reference, find_reference
from sounds import make_noise, make_tone, write_sound

KICK, OTHER_KICK, CROW = (
    DEMO_SOUNDS / f"{name}.flac" for name in ("bd_808", "bd_fat", "misc_crow")
)
RATE = 44100


def search(library: Soundkin, query: Path, *options: object) -> tuple[list[dict[str, Any]], str]:
    return library.json("search", query, *options), library("search", query, *options).stderr


def test_the_shipped_model_has_reference_sounds() -> None:
    reference = find_reference(find_model("kin").hash)
    assert reference is not None, "run: python -m corpus.reference CORPUS"
    assert len(reference.vectors) > 2000
    assert np.linalg.norm(reference.vectors, axis=1) == pytest.approx(1, abs=1e-4)
    assert reference.compute_percentile(-1) == 0
    assert reference.compute_percentile(0.9) > 99.9
    assert find_reference("0" * 64) is None


def test_a_reference_is_read_as_it_was_written(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((300, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    sources = np.arange(300) // 3
    made = Reference.build("some model", vectors, sources, 80.0)
    made.save(tmp_path / "reference.npz")
    read = Reference.load(tmp_path / "reference.npz")
    assert read.model_hash == "some model"
    assert (made.vectors * read.vectors).sum(axis=1).min() > 0.999
    assert read.chance_percent == 80
    pairs = (vectors @ vectors.T)[sources[:, None] < sources[None]]
    for score in (-0.3, 0.0, 0.4, 0.6):
        below = 100 * (pairs < score).mean()
        assert read.compute_percentile(score) == pytest.approx(below, abs=0.5)


def test_one_recording_is_not_like_everything(soundkin: Soundkin, folder: Path) -> None:
    (folder / "kick.flac").write_bytes(KICK.read_bytes())
    soundkin("index", folder)
    absent, said = search(soundkin, CROW)
    assert absent[0]["percentile"] < 97
    assert "nothing here sounds much like it" in said
    present, said = search(soundkin, OTHER_KICK)
    assert present[0]["percentile"] > 99
    assert said == ""


def test_hours_of_one_recorder_are_judged_by_the_world(soundkin: Soundkin, folder: Path) -> None:
    generator = np.random.default_rng(0)
    for take in range(3):
        hum = 0.05 * np.sin(2 * np.pi * 120 * np.arange(60 * RATE) / RATE) + 0.05 * make_noise(
            60.0, take
        )
        for start_s in generator.uniform(0, 59, 20):
            start = int(start_s * RATE)
            call = make_tone(900, 0.5)
            hum[start : start + len(call)] += call
        write_sound(folder / f"{take}.wav", hum.astype(np.float32))
    soundkin("index", folder)
    query = write_sound(folder.parent / "call.wav", make_tone(905, 0.5))
    call = search(soundkin, query)
    assert call[0][0]["percentile"] > 99.5
    assert call[1] == ""
    absent, said = search(soundkin, CROW)
    assert absent[0]["percentile"] < 97
    assert "nothing here sounds much like it" in said


def test_hits_can_be_asked_to_be_good_enough(demo: Soundkin) -> None:
    plain = demo.json("search", KICK, "--top", 58)
    scores = [hit["score"] for hit in plain]
    good = demo.json("search", KICK, "--top", 58, "--min-score", scores[4] - 1e-5)
    assert [hit["path"] for hit in good] == [hit["path"] for hit in plain[:5]]
    least = plain[9]["percentile"] - 1e-3
    better = demo.json("search", KICK, "--top", 58, "--min-percentile", least)
    assert [hit["path"] for hit in better] == [hit["path"] for hit in plain[:10]]
    folded = demo.json("search", KICK, "--fold-duplicates", "--min-score", scores[4] - 1e-5)
    assert [hit["rank"] for hit in folded] == list(range(1, len(folded) + 1))
    liked = demo.json("search", KICK, "--like", OTHER_KICK, "--min-score", scores[4] - 1e-5)
    assert {hit["path"] for hit in liked} == {hit["path"] for hit in good}
    none = demo("search", CROW, "--exclude-self", "--min-score", 0.999)
    assert none.stdout == ""
    assert "as you ask for" in none.stderr
    assert "--min-score" in demo("search", KICK, "--min-score", 2, status=2).stderr
    with soundkin.Library.open(demo.library) as library:
        searcher = soundkin.Searcher(library)
        assert len(searcher.search(KICK, 58, min_score=scores[4] - 1e-5)) == 5
        with pytest.raises(soundkin.QueryError, match="min_percentile"):
            searcher.search(KICK, min_percentile=101)


def test_what_is_like_no_tagged_sound_gets_no_tag(soundkin: Soundkin, folder: Path) -> None:
    kinds = {"low": 150.0, "high": 2500.0}
    for kind, hz in kinds.items():
        for number in range(24):
            tone = make_tone(hz * (1 + 0.01 * number), 1.0)
            write_sound(folder / f"{kind} {number}.wav", tone)
    for number in range(40):
        write_sound(folder / f"noise {number}.wav", make_noise(1.0, number))
    for path in DEMO_SOUNDS.glob("*.flac"):
        (folder / f"demo {path.name}").write_bytes(path.read_bytes())
    soundkin("index", folder)
    for kind in kinds:
        paths = [folder / f"{kind} {number}.wav" for number in range(18)]
        soundkin("tag", *paths, "--add", kind)
    rows = soundkin.json("tag", "--suggest", "--sure", 0.7)
    assert len(rows) >= 10
    assert all(Path(row["path"]).name.startswith(row["tag"]) for row in rows)
