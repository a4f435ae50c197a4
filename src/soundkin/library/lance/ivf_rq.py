"""Nearest neighbours from the index that lies with a Lance library's vectors: `IVF_RQ`.

Inverted lists of random projections, as in `index.rabitq`, but read from where the library lies,
so that no machine has to hold all of them. What it proposes is ranked exactly, in `index.rerank`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from soundkin.index.exact import find_owners
from soundkin.index.rabitq import SEED, TRAINING_POINTS, Centroids, choose_n_lists, choose_n_probes
from soundkin.library.lance.tables import Tables, explain_errors, import_lance
from soundkin.system.processors import count_processors

COLUMN, NAME = "vector", "vector_idx"
METRIC = "cosine"
BUILDING = "Building the index"
BLOCK_ROWS = 1 << 13  # read and filed at once
READ_AHEAD = 2  # blocks
GROWTH = 4  # beyond so many times what its lists were fitted on it is made anew
EXTENDED_SHARE = 0.02  # beyond which making it anew takes less time: Lance files slowly

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


class LanceVectors:
    """Vectors in a table of Lance, as the array `(n_segments, n)` that an index reads rows of."""

    nbytes = 0  # that are held in memory

    def __init__(self, dataset: Any, ids: Rows, offsets: Rows, size: int) -> None:
        """`ids` are those of the contents, ascending, whose rows begin at `offsets`."""
        self.shape = (int(offsets[-1]), size)
        self._dataset = dataset
        self._shifts = ids - 1 - offsets[:-1]  # between a row here and its id there
        self._offsets = offsets

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | Rows) -> npt.NDArray[np.float16]:
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        return self.take(rows)

    def take(self, rows: Rows, axis: int = 0) -> npt.NDArray[np.float16]:
        """Read vectors `(n_rows, n)`."""
        if not len(rows):
            return np.zeros((0, self.shape[1]), np.float16)
        owners = find_owners(self._offsets, rows)
        ids = (rows + self._shifts[owners]).tolist()
        with explain_errors(self._dataset.uri):
            found = self._dataset._take_rows(ids, columns=[COLUMN])[COLUMN]
        values = found.combine_chunks().values.to_numpy()
        taken: npt.NDArray[np.float16] = values.reshape(-1, self.shape[1])
        return taken

    def find_rows(self, ids: Rows) -> Rows:
        """Turn ids of rows there into rows here; -1 where they count no more."""
        firsts = self._shifts + self._offsets[:-1]
        owners = find_owners(firsts, ids)
        rows = ids - self._shifts[owners]
        is_known = (owners >= 0) & (rows < self._offsets[owners + 1])
        found: Rows = np.where(is_known, rows, -1)
        return found


class LanceIvfRq:
    """The `IVF_RQ` index of a table: a `CandidateIndex` whose lists are not held in memory."""

    def __init__(self, dataset: Any, vectors: LanceVectors) -> None:
        self._dataset = dataset
        self._vectors = vectors
        found = self._dataset.stats.index_stats(NAME)
        self.n_lists = sum(int(one["num_partitions"]) for one in found["indices"])
        self.n_bytes = 0  # what its lists take in memory is a cache's affair
        self._n_rows = int(found["num_indexed_rows"]) + int(found["num_unindexed_rows"])
        self._pool = ThreadPoolExecutor(count_processors(), thread_name_prefix="nearest")

    def __len__(self) -> int:
        return self._n_rows

    def find(self, queries: Floats, count: int, reach: float = 1.0) -> tuple[Rows, Floats]:
        """Find rows that seem nearest to each query, as every `CandidateIndex`."""
        n_probes = min(self.n_lists, round(choose_n_probes(self.n_lists) * reach))
        if len(queries) == 1:
            found = [self._find(queries[0], count, n_probes)]
        else:
            found = list(self._pool.map(lambda q: self._find(q, count, n_probes), queries))
        return np.stack([rows for rows, _ in found]), np.stack([scores for _, scores in found])

    def _find(self, query: Floats, count: int, n_probes: int) -> tuple[Rows, Floats]:
        nearest = {"column": COLUMN, "q": query, "k": count, "nprobes": n_probes}
        with explain_errors(self._dataset.uri):
            table = self._dataset.to_table(columns=["_distance"], nearest=nearest, with_row_id=True)
        rows = self._vectors.find_rows(table["_rowid"].to_numpy().astype(np.int64))
        scores = 1 - table["_distance"].to_numpy()
        found, estimates = np.full(count, -1, np.int64), np.full(count, -np.inf, np.float32)
        kept = rows[rows >= 0]
        found[: len(kept)], estimates[: len(kept)] = kept, scores[rows >= 0]
        return found, estimates


def has_index(tables: Tables, name: str) -> bool:
    """Tell whether a table has an index."""
    return measure_index_bytes(tables, name) > 0


def measure_index_bytes(tables: Tables, name: str) -> int:
    """Measure what the index takes where the library lies; 0 where there is none."""
    found = tables.open(name).describe_indices()
    return sum(one.total_size_bytes or 0 for one in found if one.name == NAME)


def renew_index(
    tables: Tables,
    name: str,
    kind: str,
    on_progress: Callable[[str, int, int], None],
) -> None:
    """Make the index of a table, or extend it by what is new; `kind` as in `index.kinds`."""
    dataset = tables.open(name)
    n_rows = dataset.count_rows()
    if has_index(tables, name):
        found = dataset.stats.index_stats(NAME)
        n_lists = sum(int(one["num_partitions"]) for one in found["indices"])
        n_new = int(found["num_unindexed_rows"])
        fits = kind != "scan" and choose_n_lists(n_rows) <= GROWTH * n_lists
        if fits and n_new <= EXTENDED_SHARE * n_rows:
            if n_new:
                on_progress("Extending the index", 0, n_rows)
                dataset.optimize.optimize_indices()
            return
    on_progress(BUILDING, 0, n_rows)
    n_lists = 1 if kind == "scan" else choose_n_lists(n_rows)
    centroids = Centroids.fit(
        _draw_sample(dataset, min(n_rows, TRAINING_POINTS * n_lists)), n_lists
    )
    with TemporaryDirectory() as folder:
        path = f"{folder}/lists.lance"
        _write_lists(dataset, centroids, path, lambda done: on_progress(BUILDING, done, n_rows))
        dataset.create_index(
            COLUMN,
            "IVF_RQ",
            metric=METRIC,
            num_partitions=n_lists,
            ivf_centroids=centroids.centroids.astype(np.float16),
            precomputed_partition_dataset=path,
            num_bits=1,
            replace=True,
        )


def _draw_sample(dataset: Any, count: int) -> Floats:
    """Draw vectors `(count, size)`."""
    n_rows = dataset.count_rows()
    rows = np.sort(np.random.default_rng(SEED).choice(n_rows, count, replace=False))
    parts, n_read = [], 0
    for vectors, _ in _read_blocks(dataset):
        first, last = np.searchsorted(rows, [n_read, n_read + len(vectors)])
        parts.append(vectors[rows[first:last] - n_read])
        n_read += len(vectors)
    return np.concatenate(parts)


def _write_lists(
    dataset: Any, centroids: Centroids, path: str, on_progress: Callable[[int], None]
) -> None:
    """Write down which list each vector belongs to, as Lance reads it.

    Lance alone would take hours for ten million: it has no fast arithmetic for 16 bits.
    """
    schema = pa.schema([pa.field("row_id", pa.uint64()), pa.field("partition", pa.uint32())])

    def assign() -> Iterator[pa.RecordBatch]:
        n_done = 0
        for vectors, ids in _read_blocks(dataset):
            nearest = pa.array(centroids.assign(vectors).astype(np.uint32))
            yield pa.RecordBatch.from_arrays([ids.cast(pa.uint64()), nearest], schema=schema)
            n_done += len(vectors)
            on_progress(n_done)

    reader = pa.RecordBatchReader.from_batches(schema, assign())
    import_lance().write_dataset(reader, path, max_rows_per_file=dataset.count_rows())  # one file


def _read_blocks(dataset: Any) -> Iterator[tuple[Floats, pa.Array]]:
    """Read all vectors, and the ids of their rows, block by block."""
    options = {"batch_size": BLOCK_ROWS, "batch_readahead": READ_AHEAD, "with_row_id": True}
    for batch in dataset.to_batches(columns=[COLUMN], **options):
        vectors = batch[COLUMN].flatten().to_numpy().reshape(len(batch), -1)
        yield vectors.astype(np.float32), batch["_rowid"]
