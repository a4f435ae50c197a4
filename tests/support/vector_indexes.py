"""Indexes of vectors drawn by chance, with candidates of every kind, and queries for them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from soundkin.index.candidates import CandidateIndex
from soundkin.index.float16 import compute_sums
from soundkin.index.rabitq import RaBitQIndex, choose_n_lists
from soundkin.index.vector_index import Neighbours, VectorIndex


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


def draw_queries(vectors: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Draw queries near some of the vectors, as sounds of a library are to each other."""
    near = vectors[generator.integers(len(vectors), size=count)].astype(np.float64)
    near += 0.02 * generator.standard_normal(near.shape)
    return (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)


def make_plain_index(
    vectors: np.ndarray, lengths: Sequence[int], is_silent: np.ndarray
) -> VectorIndex:
    """Make an index without candidates of contents of so many segments: 1, 4, 7 and so on."""
    offsets = np.cumsum([0, *lengths])
    ids = 3 * np.arange(len(lengths)) + 1
    return VectorIndex(vectors, is_silent, ids, offsets, compute_sums(vectors))


def make_rabitq(index: VectorIndex, n_lists: int) -> VectorIndex:
    """Give an index RaBitQ codes of what is audible in it."""
    audible = np.flatnonzero(~index.silent)
    candidates = RaBitQIndex.train(index.read(audible), n_lists)
    candidates.add(audible, index.read)
    return dataclasses.replace(index, candidates=candidates)


def make_lance(index: VectorIndex, folder: Path) -> VectorIndex:
    """Write an index's vectors to a Lance table as a library does, and open the index there."""
    import lance
    import pyarrow as pa

    from soundkin.library.lance.ivf_rq import COLUMN, LanceIvfRq, LanceVectors, renew_index
    from soundkin.library.lance.tables import OPTIONS, Tables

    vectors = index.vectors[:]
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    lance.write_dataset(pa.table({COLUMN: column}), folder / "segments.lance", **OPTIONS)
    tables = Tables(str(folder))
    renew_index(tables, "segments", "lists", lambda *_: None)
    dataset = tables.open("segments")
    # A content's id is one more than that of its first row there.
    ids = index.offsets[:-1] + 1
    stored = LanceVectors(dataset, ids, index.offsets, vectors.shape[1])
    candidates: CandidateIndex = LanceIvfRq(dataset, stored)
    return dataclasses.replace(index, vectors=stored, sums=None, candidates=candidates)


def make_index(kind: str, plain: VectorIndex, folder: Path) -> VectorIndex:
    """Give an index candidates of a kind: `exact` (none), `scan`, `lists` or `lance-ivf-rq`."""
    if kind == "lance-ivf-rq":
        return make_lance(plain, folder)
    if kind == "exact" or plain.silent.all():
        return plain
    return make_rabitq(plain, 1 if kind == "scan" else choose_n_lists(len(plain)))


def list_hits(found: Neighbours) -> list[tuple[int, int]]:
    """List hits as (content id, segment)."""
    return list(zip(found.content_ids.tolist(), found.segments.tolist(), strict=True))


def assert_equal(found: Neighbours, expected: Neighbours) -> None:
    """Hold hits and their scores against others, to the last bit."""
    assert list_hits(found) == list_hits(expected)
    assert np.array_equal(found.scores, expected.scores)


def measure_recall(index: VectorIndex, queries: np.ndarray, **options: object) -> float:
    """Measure which share of the ten nearest by an exact search is found."""
    shares = []
    for query in queries:
        exact = list_hits(index.search(query, 10, exact=True, **options))
        found = list_hits(index.search(query, 10, **options))
        assert len(found) == len(exact)
        shares.append(len(set(found) & set(exact)) / len(exact))
    return float(np.mean(shares))
