"""What a library's index costs and how well it finds, measured on the library itself."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from soundkin.index.vector_index import VectorIndex
from soundkin.library.library import Library
from soundkin.progress import OnProgress

QUERIES = 100
NEIGHBOURS = 10
SEED = 0


@dataclass(frozen=True)
class IndexQuality:
    """The index of a library: its `kind`, inverted lists, segments, and what it takes.

    `memory_bytes` is held in memory (vectors on disk are mapped, and not counted), `disk_bytes` is
    its folder beside the library, 0 where there is none. `recall` is the share of the ten nearest
    contents by exact search that it finds, over `n_queries` segments of the library, and
    `query_ms` the median time of a query.
    """

    kind: str
    n_lists: int
    n_segments: int
    memory_bytes: int
    disk_bytes: int
    build_s: float
    recall: float
    query_ms: float
    n_queries: int


def measure_index(library: Library, on_progress: OnProgress | None = None) -> IndexQuality:
    """Measure a library's index, brought in step with it first."""
    found = library.open_index(on_progress, check_all=True)
    index, manifest = found.index, found.manifest
    recall, query_ms, n_queries = _measure_recall(index, np.random.default_rng(SEED))
    arrays = (index.silent, index.content_ids, index.offsets)
    memory_bytes = sum(array.nbytes for array in arrays)
    memory_bytes += index.vectors.nbytes if index.sums is None else index.sums.nbytes
    return IndexQuality(
        kind=index.kind,
        n_lists=0 if index.candidates is None else index.candidates.n_lists,
        n_segments=len(index),
        memory_bytes=memory_bytes + (index.candidates.n_bytes if index.candidates else 0),
        disk_bytes=library.measure_index_bytes(),
        build_s=manifest.build_s if manifest else 0.0,
        recall=recall,
        query_ms=query_ms,
        n_queries=n_queries,
    )


def _measure_recall(index: VectorIndex, generator: np.random.Generator) -> tuple[float, float, int]:
    """Search with segments of an index, fast and exactly; recall, milliseconds, how many."""
    audible = np.flatnonzero(~index.silent)
    rows = np.sort(generator.choice(audible, min(QUERIES, len(audible)), replace=False))
    queries = index.read(rows)
    shares, times = [], []
    for query, exact in zip(
        queries, index.search_many(queries, NEIGHBOURS, exact=True), strict=True
    ):
        started = time.perf_counter()
        found = index.search(query, NEIGHBOURS)
        times.append(time.perf_counter() - started)
        common = np.isin(found.content_ids, exact.content_ids).sum()
        shares.append(common / max(1, len(exact.content_ids)))
    if not shares:
        return 1.0, 0.0, 0
    return float(np.mean(shares)), 1e3 * float(np.median(times)), len(shares)
