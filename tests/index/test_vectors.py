"""Nearest neighbours, held against a slow written-out search."""

from __future__ import annotations

import numpy as np
import pytest

from soundkin.index.vector_index import VectorIndex

SIZES = [3, 1, 40, 7, 1, 1, 200, 2]


def make_index(seed: int = 0) -> VectorIndex:
    generator = np.random.default_rng(seed)
    contents = []
    for number, size in enumerate(SIZES):
        vectors = generator.standard_normal((size, 128))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        silent = generator.random(size) < 0.2
        contents.append((10 * number + 5, vectors.astype(np.float16), silent))
    return VectorIndex.build(contents)


def make_query(seed: int) -> np.ndarray:
    query = np.random.default_rng(seed).standard_normal(128).astype(np.float32)
    return query / np.linalg.norm(query)


def search_slowly(
    index: VectorIndex, query: np.ndarray, per_content: int, min_gap: int, allowed: set[int]
) -> list[tuple[int, int]]:
    found = []
    for place, content_id in enumerate(index.content_ids.tolist()):
        if content_id not in allowed:
            continue
        rows = range(index.offsets[place], index.offsets[place + 1])
        scored = sorted(
            (-float(index.vectors[row].astype(np.float32) @ query), row - rows.start)
            for row in rows
            if not index.silent[row]
        )
        taken: list[int] = []
        for score, segment in scored:
            if len(taken) < per_content and all(abs(segment - t) >= min_gap for t in taken):
                taken.append(segment)
                found.append((score, content_id, segment))
    return [(content_id, segment) for _, content_id, segment in sorted(found)]


@pytest.mark.parametrize(("per_content", "min_gap"), [(1, 1), (3, 2), (5, 1)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_search_finds_what_a_slow_search_finds(per_content: int, min_gap: int, seed: int) -> None:
    index, query = make_index(), make_query(seed)
    allowed = {5, 15, 25, 65, 75}
    slow = search_slowly(index, query, per_content, min_gap, allowed)
    found = index.search(
        query,
        len(SIZES),
        per_content=per_content,
        min_gap=min_gap,
        allowed=np.array(sorted(allowed)),
    )
    pairs = list(zip(found.content_ids.tolist(), found.segments.tolist(), strict=True))
    assert pairs == slow
    assert (np.diff(found.scores) <= 0).all()


def test_the_best_contents_are_found_when_only_some_are_asked_for() -> None:
    index, query = make_index(), make_query(9)
    everything = index.search(query, 100)
    few = index.search(query, 3)
    assert few.content_ids.tolist() == everything.content_ids.tolist()[:3]


def test_ties_come_in_the_order_of_the_library() -> None:
    vector = np.eye(1, 128, dtype=np.float16)
    index = VectorIndex.build([(i, vector, np.zeros(1, bool)) for i in range(1, 30)])
    assert index.search(vector[0].astype(np.float32), 4).content_ids.tolist() == [1, 2, 3, 4]


def test_silent_segments_are_never_found() -> None:
    vector = np.eye(1, 128, dtype=np.float16)
    index = VectorIndex.build([(1, vector, np.ones(1, bool)), (2, vector, np.zeros(1, bool))])
    assert index.search(vector[0].astype(np.float32), 5).content_ids.tolist() == [2]


def test_an_empty_index_finds_nothing() -> None:
    assert len(VectorIndex.build([]).search(make_query(0), 5).scores) == 0


def test_the_background_pairs_only_different_recordings() -> None:
    vector = np.eye(2, 128, dtype=np.float16)
    index = VectorIndex.build(
        [(1, vector[[0, 0, 0]], np.zeros(3, bool)), (2, vector[[1]], np.zeros(1, bool))]
    )
    assert index.compute_background(np.random.default_rng(0)).tolist() == [0, 0, 0]
