"""What was written before the packages were moved opens as it did: library, index, map, recipe."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from conftest import Soundkin
from soundkin import Library, Recipe, load_map
from soundkin.index.disk import IndexFolder
from soundkin.library.index_sync import load_snapshot

KEPT = Path(__file__).parent / "versions" / "before-packages"
EXPECTED = json.loads((KEPT / "expected.json").read_text("utf-8"))


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Give a copy of a library with an index and maps beside it."""
    folder = tmp_path / "kept"
    shutil.copytree(KEPT, folder)
    return folder / "library.sqlite"


def test_a_library_from_before_is_read_and_found_whole(kept: Path) -> None:
    with Library.open(kept) as library:
        recordings = list(library.select_recordings())
        assert [Path(r.path).name for r in recordings] == EXPECTED["names"]
        assert [round(r.duration_s, 6) for r in recordings] == EXPECTED["durations"]
        assert [r.facts.loudness_lufs if r.facts else None for r in recordings] == EXPECTED["lufs"]


def test_an_index_from_before_is_used_and_not_built_anew(kept: Path) -> None:
    manifest = IndexFolder.beside(kept).read_manifest()
    assert manifest is not None
    with Library.open(kept) as library:
        snapshot = load_snapshot(library)
        assert snapshot.manifest == manifest
        assert snapshot.index.kind == "scan"
        assert len(snapshot.index) == EXPECTED["n_segments"]


@pytest.mark.parametrize("by", ["recordings", "segments"])
def test_a_map_from_before_is_loaded_point_by_point(kept: Path, by: str) -> None:
    with Library.open(kept) as library:
        sound_map = load_map(library, by)
    assert sound_map is not None
    points = np.stack([sound_map.x, sound_map.y], axis=1)
    assert np.abs(points - np.array(EXPECTED["maps"][by])).max() < 1e-5


def test_searches_in_a_library_from_before_give_the_same_hits(
    soundkin: Soundkin, kept: Path
) -> None:
    name = EXPECTED["names"][0]
    rows = soundkin.json("search", name, "--library", kept, "--exclude-self")
    found = [(Path(row["path"]).name, row["score"]) for row in rows]
    assert [name for name, _ in found] == [name for name, _ in EXPECTED["hits"]]
    for (_, score), (_, expected) in zip(found, EXPECTED["hits"], strict=True):
        assert score == pytest.approx(expected, abs=1e-4)


def test_a_recipe_from_before_means_the_same() -> None:
    recipe = Recipe.from_toml((KEPT / "recipe.toml").read_text("utf-8"))
    assert (recipe.model.name, recipe.training.steps) == ("tiny", 12)
    assert recipe.training.network.channels == (4, 8)
    assert recipe.training.deformations.stretch_share == 0.5
