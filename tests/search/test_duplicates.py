"""Near-duplicates among more contents than can all be compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from soundkin.config import SegmentConfig
from soundkin.library.library import Library
from soundkin.library.records import Content, LibraryModel
from soundkin.search import duplicates
from soundkin.search.duplicates import find_duplicates, find_leaders
from vector_indexes import draw_vectors, make_lance, make_plain_index

SIZE = 64
MODEL = LibraryModel("none", "0" * 64, "none", SegmentConfig(), SIZE)


def test_an_index_of_averages_finds_the_groups_that_comparing_all_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(0)
    with Library.open(tmp_path / "many.sqlite", create=True) as library:
        library.replace_model(MODEL)
        with library.transaction():
            for number in range(1500):
                if number == 0 or (number >= 90 and number % 3 == 0):  # ninety, then threes
                    base = generator.standard_normal((3, SIZE))
                noise = 0.02 * generator.standard_normal(base.shape)
                vectors = base + noise
                vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
                content = Content(
                    number.to_bytes(32, "big"), 2.0, 44_100, 1, "WAV", None, vectors, np.zeros(3)
                )
                content_id = library.add_content(content)
                library.save_recording(f"/{number:04}.wav", 1, 1, content_id=content_id)
        expected = find_duplicates(library, threshold=0.95)
        assert len(expected) == 471
        assert max(len(group.recordings) for group in expected) == 90
        monkeypatch.setattr(duplicates, "MAX_PAIRS", 0)
        monkeypatch.setattr("soundkin.index.vector_index.EXACT_ROWS", 100)
        assert find_duplicates(library, threshold=0.95) == expected


def test_copies_are_told_among_vectors_in_a_table_as_in_memory(tmp_path: Path) -> None:
    pytest.importorskip("lance", reason="needs: pip install 'soundkin[cluster]'")
    vectors = draw_vectors("random", 300, SIZE, np.random.default_rng(1))
    vectors[12:15] = vectors[0:3]
    plain = make_plain_index(vectors, [3] * 100, np.zeros(300, bool))
    stored = make_lance(plain, tmp_path)
    for index in (plain, stored):
        firsts = index.content_ids[:9].tolist()
        leaders = find_leaders(index, dict.fromkeys(firsts, 1.0))
        assert leaders == {first: firsts[0] if first == firsts[4] else first for first in firsts}
