"""The indexes that are compared: soundkin's own kinds, and others that can be installed.

Each is built of vectors in a file and saved by one process, then opened by another and asked one
query at a time, with a knob that trades time for recall. All search by inner product.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.harness.synthetic_library import RUN
from soundkin.index import rabitq
from soundkin.index.disk import IndexFolder, Manifest
from soundkin.index.float16 import widen
from soundkin.index.vector_index import VectorIndex
from soundkin.library import index_sync
from soundkin.system.processors import count_processors

K = 10
BLOCK_ROWS = 1 << 16
EXPANSION = 200  # how carefully the graphs are built
EF = (10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
PROBES = (1, 2, 4, 8, 16, 32, 64, 128)
NODES = (1, 4, 16, 64, 256, 1024)  # times 10 per tree: leaves that Annoy opens in all
TREES = (1, 4, 16, 32, 64)
LINKS = (16, 32)
REFINED = 25  # times K: as many candidates as soundkin's lists propose
FILE = "index"

Halves = npt.NDArray[np.float16]
Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Build = Callable[[Halves, Path], None]
Search = Callable[[Floats, int], Rows]  # a query and the knob; the rows of what is nearest
Open = Callable[[Path, int, int], Search]  # a folder, how many vectors there are, their size


@dataclass(frozen=True)
class Contender:
    """An index by `family` and `setting`; knob 0 leaves it as it comes.

    `run` segments make a recording, of which only the best counts. `more_knobs` are for curves.
    """

    family: str
    setting: str
    module: str
    build: Build
    open: Open
    knob: str = ""
    knobs: tuple[int, ...] = (0,)
    more_knobs: tuple[int, ...] = ()
    run: int = 1

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return f"{self.family} {self.setting}"

    @property
    def is_installed(self) -> bool:
        """Whether it can be measured here."""
        return find_spec(self.module) is not None


def read_blocks(matrix: Halves) -> Iterator[tuple[Rows, Halves]]:
    """Yield blocks of vectors with their rows."""
    for start in range(0, len(matrix), BLOCK_ROWS):
        block = np.asarray(matrix[start : start + BLOCK_ROWS])
        yield np.arange(start, start + len(block)), block


def build_soundkin(kind: str, run: int, matrix: Halves, path: Path) -> None:
    """Build an index as `soundkin.library.index_sync` does, of recordings of `run` segments."""
    folder = IndexFolder(path)
    manifest = Manifest(("", 0), 0, matrix.shape[1], "vectors.f16")
    sums = folder.append(manifest, (block for _, block in read_blocks(matrix)))
    manifest = dataclasses.replace(manifest, n_rows=len(matrix))
    offsets = np.append(np.arange(0, len(matrix), run), len(matrix))
    silent = np.zeros(len(matrix), np.bool_)
    stored = folder.map_vectors(manifest)
    index = VectorIndex(stored, silent, np.arange(len(offsets) - 1), offsets, sums)
    index = index_sync.project(index, kind)
    folder.commit(manifest, index, keep_projections=False)


def open_soundkin(path: Path, count: int, size: int) -> Search:
    """Load an index as soundkin does; the knob is how many lists are read first, 0 the usual."""
    snapshot = IndexFolder(path).load()
    assert snapshot is not None  # it was just written
    index, usual = snapshot.index, rabitq.choose_n_probes

    def search(query: Floats, probes: int) -> Rows:
        rabitq.choose_n_probes = (lambda n_lists: probes) if probes else usual
        found = index.search(query, K)
        return index.offsets[found.content_ids] + found.segments

    return search


def build_annoy(n_trees: int, matrix: Halves, path: Path) -> None:
    """Build a forest of random hyperplanes."""
    from annoy import AnnoyIndex

    index = AnnoyIndex(matrix.shape[1], "angular")
    index.set_seed(1)
    for rows, block in read_blocks(matrix):
        for row, vector in zip(rows.tolist(), widen(block), strict=True):
            index.add_item(row, vector)
    index.build(n_trees, n_jobs=-1)
    index.save(str(path / FILE))


def open_annoy(path: Path, count: int, size: int) -> Search:
    """Map a forest into memory; the knob is `search_k` in units of 10 a tree, its usual value."""
    from annoy import AnnoyIndex

    index = AnnoyIndex(size, "angular")
    index.load(str(path / FILE))
    unit = K * index.get_n_trees()
    return lambda query, nodes: np.array(index.get_nns_by_vector(query, K, nodes * unit))


def build_usearch(matrix: Halves, path: Path) -> None:
    """Build a navigable graph of float16 vectors."""
    from usearch.index import Index

    index = Index(ndim=matrix.shape[1], metric="ip", dtype="f16", expansion_add=EXPANSION)
    for rows, block in read_blocks(matrix):
        index.add(rows, block, threads=count_processors())
    index.save(str(path / FILE))


def open_usearch(path: Path, count: int, size: int) -> Search:
    """Load a graph; the knob is how many vectors a search keeps in view."""
    from usearch.index import Index

    index = Index.restore(str(path / FILE))

    def search(query: Floats, ef: int) -> Rows:
        index.expansion_search = ef
        return np.asarray(index.search(query, K, threads=1).keys, np.int64)

    return search


def build_hnswlib(links: int, matrix: Halves, path: Path) -> None:
    """Build a navigable graph of float32 vectors, by the authors of the method."""
    import hnswlib

    index = hnswlib.Index("ip", matrix.shape[1])
    index.init_index(len(matrix), M=links, ef_construction=EXPANSION, random_seed=1)
    for rows, block in read_blocks(matrix):
        index.add_items(widen(block), rows, num_threads=count_processors())
    index.save_index(str(path / FILE))


def open_hnswlib(path: Path, count: int, size: int) -> Search:
    """Load a graph; the knob is how many vectors a search keeps in view."""
    import hnswlib

    index = hnswlib.Index("ip", size)
    index.load_index(str(path / FILE), count)
    index.set_num_threads(1)

    def search(query: Floats, ef: int) -> Rows:
        index.set_ef(ef)
        return index.knn_query(query, K)[0][0].astype(np.int64)

    return search


def build_faiss(links: int, matrix: Halves, path: Path) -> None:
    """Build the same graph with FAISS."""
    from soundkin.index.faiss_library import faiss

    faiss.omp_set_num_threads(count_processors())
    index = faiss.IndexHNSWFlat(matrix.shape[1], links, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = EXPANSION
    for _, block in read_blocks(matrix):
        index.add(widen(block))
    faiss.write_index(index, str(path / FILE))


def open_faiss(path: Path, count: int, size: int) -> Search:
    """Load a graph; the knob is how many vectors a search keeps in view."""
    from soundkin.index.faiss_library import faiss

    index = faiss.read_index(str(path / FILE))
    faiss.omp_set_num_threads(1)

    def search(query: Floats, ef: int) -> Rows:
        parameters = faiss.SearchParametersHNSW(efSearch=ef)
        return index.search(query[None], K, params=parameters)[1][0]

    return search


def build_lance(kind: str, matrix: Halves, path: Path) -> None:
    """Write a table, and but for `flat` an index of it."""
    import lance
    import pyarrow as pa

    size = matrix.shape[1]
    schema = pa.schema([("row", pa.int64()), ("vector", pa.list_(pa.float16(), size))])

    def read() -> Iterator[Any]:
        for rows, block in read_blocks(matrix):
            column = pa.FixedSizeListArray.from_arrays(pa.array(block.reshape(-1)), size)
            yield pa.record_batch([pa.array(rows), column], schema=schema)

    batches = pa.RecordBatchReader.from_batches(schema, read())
    table = lance.write_dataset(batches, str(path / FILE))
    if kind != "flat":
        settings: dict[str, Any] = {"num_partitions": rabitq.choose_n_lists(len(matrix))}
        settings |= {"num_bits": 1} if kind == "IVF_RQ" else {"num_sub_vectors": size // 4}
        table.create_index("vector", kind, metric="dot", **settings)


def open_lance(path: Path, count: int, size: int) -> Search:
    """Open a table; the knob is how many partitions are read, 0 scans it."""
    import lance

    table = lance.dataset(str(path / FILE))

    def search(query: Floats, probes: int) -> Rows:
        wanted: dict[str, Any] = {"column": "vector", "q": query, "k": K, "metric": "dot"}
        if probes:
            wanted |= {"minimum_nprobes": probes, "maximum_nprobes": probes}
            wanted |= {"refine_factor": REFINED}
        else:
            wanted |= {"use_index": False}
        return table.to_table(columns=["row", "_distance"], nearest=wanted)["row"].to_numpy()

    return search


def _list_contenders() -> Iterator[Contender]:
    for kind in ("exact", "scan", "lists"):
        more = PROBES if kind == "lists" else ()
        for run in (1, RUN):
            setting = kind if run == 1 else f"{kind}, recordings of {run}"
            build = partial(build_soundkin, kind, run)
            yield Contender(
                "soundkin", setting, "faiss", build, open_soundkin, "probes", (0,), more, run
            )
    yield Contender("usearch", "f16", "usearch", build_usearch, open_usearch, "ef", EF)
    for n in LINKS:
        build = partial(build_hnswlib, n)
        yield Contender("hnswlib", f"M {n}", "hnswlib", build, open_hnswlib, "ef", EF)
    yield Contender("FAISS", "HNSW32", "faiss", partial(build_faiss, 32), open_faiss, "ef", EF)
    for n in TREES:
        setting, build = f"{n} tree" + "s" * (n > 1), partial(build_annoy, n)
        knob = f"search_k ÷ {K * n}"
        yield Contender("Annoy", setting, "annoy", build, open_annoy, knob, NODES)
    for kind in ("flat", "IVF_RQ", "IVF_PQ"):
        knobs = (0,) if kind == "flat" else PROBES
        yield Contender(
            "Lance", kind, "lance", partial(build_lance, kind), open_lance, "probes", knobs
        )


CONTENDERS = {contender.name: contender for contender in _list_contenders()}
