"""Random projections beside an exact search: the same hits, whatever the vectors are like."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from soundkin.index.float16 import compute_sums, widen
from soundkin.index.rabitq import RaBitQIndex, choose_n_lists
from soundkin.index.vector_index import DamagedIndexError, Neighbours, VectorIndex

SIZE = 128
PER_CONTENT = 4


def draw_vectors(kind: str, count: int, size: int, generator: np.random.Generator) -> np.ndarray:
    """Draw unit vectors: anywhere, in clusters, few different ones many times, or all one."""
    vectors = generator.standard_normal((count, size))
    if kind == "clustered":
        centres = generator.standard_normal((count // 50 + 1, size))
        vectors = centres[generator.integers(len(centres), size=count)] + 0.3 * vectors
    if kind == "duplicated":
        vectors = vectors[generator.integers(max(1, count // 30), size=count)]
    if kind == "equal":
        vectors[:] = vectors[0]
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def make_index(
    vectors: np.ndarray, n_lists: int | None, generator: np.random.Generator, silent: float = 0.05
) -> VectorIndex:
    """Make an index of contents of a few segments each, some silent."""
    bounds = [*range(0, len(vectors), PER_CONTENT), len(vectors)]
    is_silent = generator.random(len(vectors)) < silent
    blocks = (
        (3 * number + 1, vectors[first:stop], is_silent[first:stop])
        for number, (first, stop) in enumerate(pairwise(bounds))
    )
    index = dataclasses.replace(VectorIndex.build(blocks), sums=compute_sums(vectors))
    if n_lists is None:
        return index
    audible = np.flatnonzero(~index.silent)
    projections = RaBitQIndex.train(index.read(audible), n_lists)
    projections.add(audible, index.read)
    return dataclasses.replace(index, candidates=projections)


def draw_queries(vectors: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Draw queries near some of the vectors, as sounds of a library are to each other."""
    near = vectors[generator.integers(len(vectors), size=count)].astype(np.float64)
    near += 0.02 * generator.standard_normal(near.shape)
    return (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)


def list_hits(found: Neighbours) -> list[tuple[int, int]]:
    return list(zip(found.content_ids.tolist(), found.segments.tolist(), strict=True))


def measure_recall(index: VectorIndex, queries: np.ndarray, **options: object) -> float:
    shares = []
    for query in queries:
        exact = list_hits(index.search(query, 10, exact=True, **options))
        found = list_hits(index.search(query, 10, **options))
        assert len(found) == len(exact)
        shares.append(len(set(found) & set(exact)) / len(exact))
    return float(np.mean(shares))


@pytest.mark.parametrize("kind", ["random", "clustered"])
@pytest.mark.parametrize("n_lists", [1, 32])
def test_projections_find_what_an_exact_search_finds(kind: str, n_lists: int) -> None:
    generator = np.random.default_rng(1)
    vectors = draw_vectors(kind, 20_000, SIZE, generator)
    index = make_index(vectors, n_lists, generator, silent=0)
    queries = draw_queries(vectors, 50, generator)
    if kind == "clustered":  # of random vectors one is near, and no other nearer than thousands
        assert measure_recall(index, queries) >= 0.98
    for query in queries:
        found, exact = index.search(query, 1), index.search(query, 1, exact=True)
        assert list_hits(found) == list_hits(exact)
        assert found.scores == exact.scores


@pytest.mark.parametrize("kind", ["duplicated", "equal"])
@pytest.mark.parametrize("n_lists", [1, 8])
def test_ties_and_duplicates_come_as_in_an_exact_search(kind: str, n_lists: int) -> None:
    generator = np.random.default_rng(2)
    vectors = draw_vectors(kind, 9000, SIZE, generator)
    index = make_index(vectors, n_lists, generator)
    for query in draw_queries(vectors, 20, generator):
        for top in (1, 5, 10) if kind == "duplicated" else (1, 10, 60):
            found, exact = index.search(query, top), index.search(query, top, exact=True)
            assert list_hits(found) == list_hits(exact)
            assert np.array_equal(found.scores, exact.scores)


@pytest.mark.parametrize(("count", "size"), [(1, 128), (2, 128), (9, 128), (300, 2), (300, 1024)])
def test_few_or_odd_vectors_are_all_found(count: int, size: int) -> None:
    generator = np.random.default_rng(3)
    vectors = draw_vectors("random", count, size, generator)
    index = make_index(vectors, 2 if count > 100 else 1, generator, silent=0)
    query = draw_queries(vectors, 1, generator)[0]
    n_contents = len(index.content_ids)
    assert len(list_hits(index.search(query, n_contents + 5))) == n_contents
    assert list_hits(index.search(query, 3)) == list_hits(index.search(query, 3, exact=True))


def test_filters_and_exclusions_never_starve_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "soundkin.index.vector_index.EXACT_ROWS", 100
    )  # so that filters meet the index
    generator = np.random.default_rng(4)
    vectors = draw_vectors("clustered", 20_000, SIZE, generator)
    index = make_index(vectors, 32, generator)
    for share in (0.003, 0.02, 0.3, 0.9):
        n_allowed = int(share * len(index.content_ids))
        allowed = np.sort(generator.choice(index.content_ids, n_allowed, replace=False))
        excluded = allowed[:3].tolist()
        for query in draw_queries(vectors, 10, generator):
            options = {"allowed": allowed, "excluded": excluded}
            found = index.search(query, 10, **options)
            exact = index.search(query, 10, exact=True, **options)
            assert len(found.content_ids) == 10
            assert set(found.content_ids.tolist()) <= set(allowed.tolist()) - set(excluded)
            near = [hit for hit, s in zip(list_hits(exact), exact.scores, strict=True) if s > 0.5]
            assert set(near) <= set(list_hits(found))


def test_a_recording_of_a_thousand_near_segments_does_not_crowd_out_the_others() -> None:
    generator = np.random.default_rng(5)
    drone = draw_vectors("equal", 3000, SIZE, generator).astype(np.float64)
    drone += 0.01 * generator.standard_normal(drone.shape)
    others = draw_vectors("random", 6000, SIZE, generator)
    drone /= np.linalg.norm(drone, axis=1, keepdims=True)
    rows = [np.zeros(1, bool)] * 6000
    blocks = [(1, drone.astype(np.float16), np.zeros(3000, bool))]
    blocks += [(number + 2, others[[number]], rows[number]) for number in range(6000)]
    index = VectorIndex.build(blocks)
    projections = RaBitQIndex.train(index.read(np.arange(len(index))), 16)
    projections.add(np.arange(len(index)), index.read)
    index = dataclasses.replace(index, candidates=projections)
    query = drone[0].astype(np.float32)
    found, exact = index.search(query, 10), index.search(query, 10, exact=True)
    assert list_hits(found) == list_hits(exact)
    assert found.content_ids[0] == 1
    several = index.search(query, 4, per_content=3, min_gap=2)
    assert several.content_ids.tolist().count(1) == 3
    assert list_hits(several) == list_hits(
        index.search(query, 4, per_content=3, min_gap=2, exact=True)
    )


def test_many_queries_at_once_find_what_single_ones_find() -> None:
    generator = np.random.default_rng(6)
    vectors = draw_vectors("clustered", 8000, SIZE, generator)
    queries = draw_queries(vectors, 150, generator)
    steps: list[tuple[int, int]] = []
    for n_lists in (None, 16):
        index = make_index(vectors, n_lists, np.random.default_rng(0))
        many = index.search_many(queries, 10, on_progress=lambda *step: steps.append(step))
        assert [list_hits(f) for f in many] == [list_hits(index.search(q, 10)) for q in queries]
    assert steps[-1] == (150, 150)


def test_vectors_added_later_are_found_as_if_they_had_been_there(tmp_path: Path) -> None:
    generator = np.random.default_rng(7)
    vectors = draw_vectors("clustered", 4000, SIZE, generator)
    index = make_index(vectors, None, generator, silent=0)
    projections = RaBitQIndex.train(index.read(np.arange(4000)), 8)
    projections.add(np.arange(3000), index.read)
    (tmp_path / "saved").write_bytes(projections.to_buffer().tobytes())
    projections = RaBitQIndex.load(tmp_path / "saved")
    projections.add(np.arange(3000, 4000), index.read)
    assert (len(projections), projections.n_lists) == (4000, 8)
    index = dataclasses.replace(index, candidates=projections)
    assert measure_recall(index, draw_queries(vectors[3000:], 30, generator)) >= 0.98


def test_no_damaged_projections_are_read(tmp_path: Path) -> None:
    (tmp_path / "none").write_bytes(b"no index at all" * 9)
    with pytest.raises(ValueError, match="Index"):
        RaBitQIndex.load(tmp_path / "none")


def test_a_changed_vector_is_noticed_before_it_is_a_hit() -> None:
    generator = np.random.default_rng(8)
    vectors = draw_vectors("random", 100, SIZE, generator)
    index = make_index(vectors, None, generator, silent=0)
    query = vectors[40].astype(np.float32)
    index.vectors.view(np.uint16)[40, 5] ^= 1 << 3
    with pytest.raises(DamagedIndexError):
        index.search(query, 1)


def test_too_few_candidates_are_noticed_by_how_much_their_estimates_err(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("soundkin.index.vector_index.FIRST_CANDIDATES", 12)
    monkeypatch.setattr("soundkin.index.vector_index.CANDIDATES_PER_CONTENT", 1)
    generator = np.random.default_rng(9)
    vectors = draw_vectors("clustered", 20_000, SIZE, generator)
    index = make_index(vectors, 32, generator)
    queries = draw_queries(vectors, 40, generator)
    assert measure_recall(index, queries) >= 0.98
    monkeypatch.setattr("soundkin.index.vector_index.MARGIN", -np.inf)
    assert measure_recall(index, queries) < 0.95


def test_a_changed_vector_is_noticed_when_it_is_only_a_candidate() -> None:
    generator = np.random.default_rng(10)
    vectors = draw_vectors("clustered", 4000, SIZE, generator)
    index = make_index(vectors, 8, generator, silent=0)
    query = vectors[40].astype(np.float32)
    content_id, segment = list_hits(index.search(query, 20))[-1]
    index.vectors.view(np.uint16)[index.offsets[content_id // 3] + segment, 5] ^= 1 << 3
    with pytest.raises(DamagedIndexError):
        index.search(query, 3)


def test_widening_gives_what_numpy_gives() -> None:
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)]
    finite = finite[: len(finite) // 8 * 8].reshape(-1, 8)
    assert np.array_equal(widen(finite), finite.astype(np.float32))


def test_lists_grow_with_the_root_of_the_library() -> None:
    sizes = (1, 100, 100_000, 1_000_000, 10_000_000)
    assert [choose_n_lists(n) for n in sizes] == [1, 6, 1024, 4096, 4096]
