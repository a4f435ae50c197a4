"""RaBitQ codes: odd sizes, saved and loaded, added to, and when there are candidates enough."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from soundkin.index.float16 import widen
from soundkin.index.rabitq import RaBitQIndex, choose_n_lists
from vector_indexes import (
    draw_queries,
    draw_vectors,
    list_hits,
    make_plain_index,
    make_rabitq,
    measure_recall,
)

SIZE = 128
PER_CONTENT = 4


@pytest.mark.parametrize(("count", "size"), [(1, 128), (2, 128), (9, 128), (300, 2), (300, 1024)])
def test_few_or_odd_vectors_are_all_found(count: int, size: int) -> None:
    generator = np.random.default_rng(3)
    vectors = draw_vectors("random", count, size, generator)
    lengths = np.diff([*range(0, count, PER_CONTENT), count]).tolist()
    plain = make_plain_index(vectors, lengths, np.zeros(count, bool))
    index = make_rabitq(plain, 2 if count > 100 else 1)
    query = draw_queries(vectors, 1, generator)[0]
    n_contents = len(index.content_ids)
    assert len(list_hits(index.search(query, n_contents + 5))) == n_contents
    assert list_hits(index.search(query, 3)) == list_hits(index.search(query, 3, exact=True))


def test_vectors_added_later_are_found_as_if_they_had_been_there(tmp_path: Path) -> None:
    generator = np.random.default_rng(7)
    vectors = draw_vectors("clustered", 4000, SIZE, generator)
    index = make_plain_index(vectors, [PER_CONTENT] * 1000, np.zeros(4000, bool))
    candidates = RaBitQIndex.train(index.read(np.arange(4000)), 8)
    candidates.add(np.arange(3000), index.read)
    (tmp_path / "saved").write_bytes(candidates.to_buffer().tobytes())
    candidates = RaBitQIndex.load(tmp_path / "saved")
    candidates.add(np.arange(3000, 4000), index.read)
    assert (len(candidates), candidates.n_lists) == (4000, 8)
    index = dataclasses.replace(index, candidates=candidates)
    assert measure_recall(index, draw_queries(vectors[3000:], 30, generator)) >= 0.98


def test_no_damaged_codes_are_read(tmp_path: Path) -> None:
    (tmp_path / "none").write_bytes(b"no index at all" * 9)
    with pytest.raises(ValueError, match="Index"):
        RaBitQIndex.load(tmp_path / "none")


def test_too_few_candidates_are_noticed_by_how_much_their_estimates_err(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("soundkin.index.vector_index.FIRST_CANDIDATES", 12)
    monkeypatch.setattr("soundkin.index.vector_index.CANDIDATES_PER_CONTENT", 1)
    generator = np.random.default_rng(9)
    vectors = draw_vectors("clustered", 20_000, SIZE, generator)
    is_silent = generator.random(20_000) < 0.05
    index = make_rabitq(make_plain_index(vectors, [PER_CONTENT] * 5000, is_silent), 32)
    queries = draw_queries(vectors, 40, generator)
    assert measure_recall(index, queries) >= 0.98
    monkeypatch.setattr("soundkin.index.vector_index.MARGIN", -np.inf)
    assert measure_recall(index, queries) < 0.95


def test_widening_gives_what_numpy_gives() -> None:
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)]
    finite = finite[: len(finite) // 8 * 8].reshape(-1, 8)
    assert np.array_equal(widen(finite), finite.astype(np.float32))


def test_lists_grow_with_the_root_of_the_library() -> None:
    sizes = (1, 100, 100_000, 1_000_000, 10_000_000)
    assert [choose_n_lists(n) for n in sizes] == [1, 6, 1024, 4096, 4096]
