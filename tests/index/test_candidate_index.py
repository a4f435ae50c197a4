"""Every kind of candidates beside an exact search of the same vectors: the same hits, in order."""

from __future__ import annotations

import dataclasses
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from soundkin.index.vector_index import DamagedIndexError, VectorIndex
from vector_indexes import (
    assert_equal,
    draw_queries,
    draw_vectors,
    list_hits,
    make_index,
    make_plain_index,
    measure_recall,
)

SIZE = 64
N_CLUSTERED = 8000
N_DRONE = 3000  # segments of one content, nearly equal
N_EQUAL = 400  # contents of one segment each, all the same
RECALL = 0.98
LANCE = pytest.param(
    "lance-ivf-rq",
    marks=pytest.mark.skipif(
        find_spec("lance") is None, reason="needs: pip install 'soundkin[cluster]'"
    ),
)


@pytest.fixture(scope="module")
def plain() -> VectorIndex:
    """Give contents of one to twelve clustered segments, a drone, and equal ones; 5 % silent."""
    generator = np.random.default_rng(1)
    lengths = generator.integers(1, 13, size=2 * N_CLUSTERED // 13).tolist()
    drone = draw_vectors("equal", N_DRONE, SIZE, generator).astype(np.float64)
    drone += 0.01 * generator.standard_normal(drone.shape)
    drone /= np.linalg.norm(drone, axis=1, keepdims=True)
    parts = [
        draw_vectors("clustered", sum(lengths), SIZE, generator),
        drone.astype(np.float16),
        draw_vectors("equal", N_EQUAL, SIZE, generator),
    ]
    is_silent = generator.random(sum(map(len, parts))) < 0.05
    is_silent[sum(lengths) :] = False
    return make_plain_index(np.concatenate(parts), [*lengths, N_DRONE, *[1] * N_EQUAL], is_silent)


@pytest.fixture(scope="module", params=["exact", "scan", "lists", LANCE])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def index(kind: str, plain: VectorIndex, tmp_path_factory: pytest.TempPathFactory) -> VectorIndex:
    return make_index(kind, plain, tmp_path_factory.mktemp("index"))


@pytest.fixture
def queries(plain: VectorIndex) -> np.ndarray:
    return draw_queries(plain.vectors[:N_CLUSTERED], 50, np.random.default_rng(2))


@pytest.mark.parametrize("kind", ["scan", "lists", LANCE], indirect=True)
def test_candidates_keep_what_their_interface_promises(
    index: VectorIndex, queries: np.ndarray
) -> None:
    assert index.candidates is not None
    assert len(index.candidates) >= np.count_nonzero(~index.silent)
    assert index.candidates.n_bytes >= 0
    assert index.kind == ("scan" if index.candidates.n_lists == 1 else "lists")
    rows, estimates = index.candidates.find(queries, 100)
    assert rows.shape == estimates.shape == (len(queries), 100)
    assert (np.diff(estimates, axis=1) <= 0).all()
    exact = np.where(index.silent, -2, queries @ index.vectors[:].astype(np.float32).T)
    nearest = np.argsort(-exact, axis=1)[:, :10]
    shares = [np.isin(best, own).mean() for best, own in zip(nearest, rows, strict=True)]
    assert np.mean(shares) > 0.95
    rows, estimates = index.candidates.find(queries[:1], len(index) + 9)
    known = rows[rows >= 0]
    assert len(np.unique(known)) == len(known) < rows.size
    assert (rows[0, len(known) :] == -1).all()
    assert (estimates[rows == -1] < -1).all()


def test_ten_are_found_as_an_exact_search_finds_them(
    index: VectorIndex, queries: np.ndarray
) -> None:
    assert measure_recall(index, queries) >= RECALL
    for query in queries:
        assert_equal(index.search(query, 1), index.search(query, 1, exact=True))


def test_all_are_found_where_all_are_asked_for(index: VectorIndex, queries: np.ndarray) -> None:
    is_audible = np.add.reduceat(~index.silent, index.offsets[:-1]) > 0
    found = index.search(queries[0], len(index.content_ids) + 5)
    assert np.array_equal(np.sort(found.content_ids), index.content_ids[is_audible])
    assert_equal(found, index.search(queries[0], len(index.content_ids), exact=True))


def test_few_are_the_first_of_many(index: VectorIndex, queries: np.ndarray) -> None:
    for query in queries[:10]:
        many = index.search(query, 100)
        assert list_hits(index.search(query, 3)) == list_hits(many)[:3]


def test_scores_are_cosines_highest_first(index: VectorIndex, queries: np.ndarray) -> None:
    for query in queries:
        found = index.search(query, 20, per_content=2)
        rows = index.offsets[np.searchsorted(index.content_ids, found.content_ids)] + found.segments
        cosines = index.vectors[rows].astype(np.float64) @ query.astype(np.float64)
        np.testing.assert_allclose(found.scores, cosines, rtol=0, atol=1e-7)
        assert (np.diff(found.scores) <= 0).all()


def test_ties_come_in_the_order_of_the_library(index: VectorIndex) -> None:
    equal = index.content_ids[-N_EQUAL:].tolist()
    query = index.vectors[-1:][0].astype(np.float32)
    for top in (1, 4, 60, N_EQUAL):
        found = index.search(query, top)
        assert found.content_ids.tolist() == equal[:top]
        assert len(set(found.scores.tolist())) == 1


@pytest.mark.parametrize("shape", ["random", "duplicated", "equal"])
def test_the_same_is_found_whatever_the_vectors_are_like(
    kind: str, shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("vector_indexes", "soundkin.library.lance.ivf_rq"):  # else some stay empty
        monkeypatch.setattr(f"{module}.choose_n_lists", lambda n_vectors: 8)
    generator = np.random.default_rng(3)
    vectors = draw_vectors(shape, 6000, SIZE, generator)
    silent = generator.random(len(vectors)) < 0.05
    index = make_index(kind, make_plain_index(vectors, [4] * 1500, silent), tmp_path)
    # Of random vectors one is near, and no other is nearer than thousands.
    tops = {"random": (1,), "duplicated": (1, 5, 10), "equal": (1, 10, 60)}[shape]
    for query in draw_queries(vectors[~silent], 20, generator):
        for top in tops:
            assert_equal(index.search(query, top), index.search(query, top, exact=True))


def test_filters_and_exclusions_never_starve_the_result(
    index: VectorIndex, queries: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soundkin.index.vector_index.EXACT_ROWS", 0)  # else few are all scored
    generator = np.random.default_rng(4)
    is_audible = np.add.reduceat(~index.silent, index.offsets[:-1]) > 0
    audible = index.content_ids[is_audible]
    for share in (0.01, 0.1, 0.3, 0.9):
        allowed = np.sort(generator.choice(audible, int(share * len(audible)), replace=False))
        excluded = allowed[:3].tolist()
        for query in queries[:10]:
            options = {"allowed": allowed, "excluded": excluded}
            found = index.search(query, 10, **options)
            exact = index.search(query, 10, exact=True, **options)
            assert len(found.content_ids) == 10
            assert set(found.content_ids.tolist()) <= set(allowed.tolist()) - set(excluded)
            near = [hit for hit, s in zip(list_hits(exact), exact.scores, strict=True) if s > 0.5]
            assert set(near) <= set(list_hits(found))
    first = index.search(queries[0], 6)
    shut = first.content_ids[:5].tolist()
    assert index.search(queries[0], 10, excluded=shut).content_ids[0] == first.content_ids[5]


def search_slowly(
    index: VectorIndex, query: np.ndarray, per_content: int, min_gap: int, allowed: set[int]
) -> list[tuple[int, int]]:
    """List all hits, best first, by rules written out."""
    found = []
    vectors = index.vectors[:].astype(np.float64)
    for place, content_id in enumerate(index.content_ids.tolist()):
        if content_id not in allowed:
            continue
        rows = range(index.offsets[place], index.offsets[place + 1])
        scored = sorted(
            (-float(vectors[row] @ query), row - rows.start)
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
def test_segments_of_one_content_lie_apart_as_in_a_slow_search(
    index: VectorIndex,
    queries: np.ndarray,
    per_content: int,
    min_gap: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("soundkin.index.vector_index.EXACT_ROWS", 0)
    options = {"per_content": per_content, "min_gap": min_gap}
    drone = int(index.content_ids[-N_EQUAL - 1])
    allowed = {*index.content_ids[:200:3].tolist(), drone}
    for query in queries[:3]:
        slow = search_slowly(index, query, per_content, min_gap, allowed)
        ids = np.array(sorted(allowed))
        found = index.search(query, len(allowed), allowed=ids, **options)
        assert list_hits(found) == slow
        assert (np.diff(found.scores) <= 0).all()
        best = index.search(query, 5, **options)
        assert list_hits(best) == search_slowly(
            index, query, per_content, min_gap, set(best.content_ids.tolist())
        )
        assert_equal(best, index.search(query, 5, exact=True, **options))


def test_a_recording_of_thousands_of_near_segments_does_not_crowd_out_the_others(
    index: VectorIndex,
) -> None:
    drone = len(index.content_ids) - N_EQUAL - 1
    query = index.read(index.offsets[[drone]])[0]
    found, exact = index.search(query, 10), index.search(query, 10, exact=True)
    assert list_hits(found) == list_hits(exact)
    assert found.content_ids[0] == index.content_ids[drone]
    several = index.search(query, 4, per_content=3, min_gap=2)
    assert several.content_ids.tolist().count(index.content_ids[drone]) == 3
    assert_equal(several, index.search(query, 4, per_content=3, min_gap=2, exact=True))


def test_silent_segments_are_never_found(index: VectorIndex) -> None:
    for row in np.flatnonzero(index.silent)[:20].tolist():
        query = index.read(np.array([row]))[0]
        found = index.search(query, 10, per_content=3)
        rows = index.offsets[np.searchsorted(index.content_ids, found.content_ids)] + found.segments
        assert not index.silent[rows].any()
        assert len(set(found.content_ids.tolist())) == 10


def test_nothing_is_found_in_silence(kind: str, tmp_path: Path) -> None:
    vectors = draw_vectors("random", 300, SIZE, np.random.default_rng(5))
    index = make_index(kind, make_plain_index(vectors, [3] * 100, np.ones(300, bool)), tmp_path)
    assert not len(index.search(vectors[0].astype(np.float32), 5).scores)


def test_nothing_is_found_once_no_content_is_left(index: VectorIndex, queries: np.ndarray) -> None:
    empty = dataclasses.replace(
        index,
        vectors=index.vectors[:0],
        silent=index.silent[:0],
        content_ids=index.content_ids[:0],
        offsets=index.offsets[:1],
        sums=None,
    )
    assert not len(empty.search(queries[0], 5).scores)
    assert [len(found.scores) for found in empty.search_many(queries, 5)] == [0] * len(queries)


def damage(index: VectorIndex, row: int) -> VectorIndex:
    """Change a bit of a vector, in a copy."""
    vectors = index.vectors[:].copy()
    vectors.view(np.uint16)[row, 5] ^= 1 << 3
    return dataclasses.replace(index, vectors=vectors)


# Lance keeps sums of its own.
@pytest.mark.parametrize("kind", ["exact", "scan", "lists"], indirect=True)
def test_a_changed_vector_is_noticed_before_it_is_a_hit(index: VectorIndex) -> None:
    row = int(np.flatnonzero(~index.silent)[40])
    query = index.read(np.array([row]))[0]
    with pytest.raises(DamagedIndexError):
        damage(index, row).search(query, 1)


@pytest.mark.parametrize("kind", ["scan", "lists"], indirect=True)
def test_a_changed_vector_is_noticed_when_it_is_only_a_candidate(index: VectorIndex) -> None:
    query = index.read(np.flatnonzero(~index.silent)[[40]])[0]
    content_id, segment = list_hits(index.search(query, 20))[-1]
    row = int(index.offsets[content_id // 3] + segment)
    with pytest.raises(DamagedIndexError):
        damage(index, row).search(query, 3)


def test_many_queries_at_once_find_what_single_ones_find(
    index: VectorIndex, plain: VectorIndex
) -> None:
    queries = draw_queries(plain.vectors[:N_CLUSTERED], 150, np.random.default_rng(6))
    steps: list[tuple[int, int]] = []
    many = index.search_many(queries, 10, on_progress=lambda *step: steps.append(step))
    for found, query in zip(many, queries, strict=True):
        assert_equal(found, index.search(query, 10))
    assert steps[-1] == (150, 150)
