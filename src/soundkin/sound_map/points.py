"""Charts drawn up: what is on a map, laid out together, or placed among what is there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from soundkin.errors import LibraryError, QueryError
from soundkin.index.candidates import VectorArray
from soundkin.index.exact import find_owners
from soundkin.index.float16 import widen
from soundkin.index.vector_index import VectorIndex
from soundkin.library.library import Library
from soundkin.progress import OnProgress
from soundkin.sound_map.disk import SavedMap
from soundkin.sound_map.neighbour_graph import Graph, find_neighbours, weigh
from soundkin.sound_map.tsne import compute_start, lay_out, place_among

KINDS = ("recordings", "segments")
WHOLE = -1  # the segment of a point that stands for a recording
N_NEIGHBOURS = 15
PERPLEXITY = 10.0
MAX_LAID_OUT = 200_000  # the others are placed among so many, drawn by chance
EXTENT = 0.97  # what the layout reaches of [-1, 1]
SEGMENT_BITS = 24
BLOCK_ROWS = 1 << 16
BLOCK_CONTENTS = 1 << 12

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MapPoints:
    """What a map is made of: unit vectors of contents (recordings' bytes) or of their segments.

    `keys` int64 `(n,)`, ascending, tell content and segment; point number i has the vector
    `source[rows[i]]`.
    """

    keys: Rows
    rows: Rows
    source: VectorArray

    @classmethod
    def collect(cls, library: Library, by: str) -> Self:
        """Read all that is audible in a library.

        Raises
        ------
        LibraryError
            Nothing is indexed in it.
        """
        if by not in KINDS:
            raise QueryError(f"a map is by {' or '.join(KINDS)}, not {by!r}")
        if library.model is None:
            raise LibraryError(f"{library.name}: it is empty; run: soundkin index FOLDER")
        index = library.open_index(check_all=True).index
        if by == "recordings":
            means = _average_contents(index)
            rows = np.flatnonzero(means.any(axis=1))
            return cls(_make_keys(index.content_ids[rows], np.full(len(rows), WHOLE)), rows, means)
        rows = np.flatnonzero(~index.silent)
        owners = find_owners(index.offsets, rows)
        keys = _make_keys(index.content_ids[owners], rows - index.offsets[owners])
        return cls(keys, rows, index.vectors)

    def __len__(self) -> int:
        """Points."""
        return len(self.keys)

    def read(self, chosen: Rows) -> Floats:
        """Read the vectors of some points, `(m, size)`."""
        return widen(self.source[self.rows[chosen]])


def split_keys(keys: Rows) -> tuple[Rows, npt.NDArray[np.int32]]:
    """Tell the content of each key, and its segment, `WHOLE` where it is all of it."""
    segments = (keys & ((1 << SEGMENT_BITS) - 1)) - 1
    return keys >> SEGMENT_BITS, segments.astype(np.int32)


def lay_out_chart(
    points: MapPoints, stamp: tuple[str, int], seed: int, on_progress: OnProgress | None
) -> SavedMap:
    """Lay points out together; of many, a sample."""
    generator = np.random.default_rng(seed)
    chosen = np.arange(len(points))
    if len(points) > MAX_LAID_OUT:
        chosen = np.sort(generator.choice(chosen, MAX_LAID_OUT, replace=False))
    vectors = points.read(chosen)
    positions = np.zeros((len(chosen), 2), np.float32)
    if len(chosen) > 1:
        graph = _connect(vectors, vectors, on_progress, own=np.arange(len(chosen)))
        start = compute_start(vectors, generator)
        positions = lay_out(graph, start, _report("Laying out", on_progress))
    positions -= (positions.min(axis=0) + positions.max(axis=0)) / 2
    unit = EXTENT / max(float(np.abs(positions).max()), 1e-9)
    positions *= np.float32(unit)
    return SavedMap(*stamp, seed, len(chosen), unit, points.keys[chosen], positions)


def keep_present(chart: SavedMap, points: MapPoints, stamp: tuple[str, int]) -> SavedMap:
    """Take from a chart what is not there any more."""
    stays = np.isin(chart.keys, points.keys, assume_unique=True)
    return dataclasses.replace(
        chart,
        generation=stamp[1],
        n_laid_out=min(chart.n_laid_out, int(stays.sum())),
        keys=chart.keys[stays],
        positions=chart.positions[stays],
    )


def add_missing(chart: SavedMap, points: MapPoints, on_progress: OnProgress | None) -> SavedMap:
    """Place among the points of a chart those that it lacks."""
    is_there = np.isin(points.keys, chart.keys, assume_unique=True)
    missing = np.flatnonzero(~is_there)
    if not len(missing):
        return chart
    landmarks = points.read(np.flatnonzero(is_there))
    placed = [chart.positions]
    for first in range(0, len(missing), BLOCK_ROWS):
        vectors = points.read(missing[first : first + BLOCK_ROWS])
        placed.append(place_on(chart, landmarks, vectors, on_progress))
    keys = np.concatenate([chart.keys, points.keys[missing]])
    order = np.argsort(keys)
    return dataclasses.replace(chart, keys=keys[order], positions=np.concatenate(placed)[order])


def place_on(
    chart: SavedMap, landmarks: Floats, vectors: Floats, on_progress: OnProgress | None
) -> Floats:
    """Find where vectors lie among the points of a chart, whose own are `landmarks`."""
    graph = _connect(landmarks, vectors, on_progress)
    unit = np.float32(chart.unit)
    return unit * place_among(chart.positions / unit, graph, _report("Placing", on_progress))


def _connect(
    vectors: Floats, queries: Floats, on_progress: OnProgress | None, own: Rows | None = None
) -> Graph:
    count = min(N_NEIGHBOURS, len(vectors) - (own is not None))
    report = _report("Finding neighbours", on_progress)
    return weigh(*find_neighbours(vectors, queries, count, report, own=own), PERPLEXITY)


def _report(title: str, on_progress: OnProgress | None) -> Callable[[int, int], None]:
    return lambda n_done, n_all: on_progress(title, n_done, n_all) if on_progress else None


def _average_contents(index: VectorIndex) -> npt.NDArray[np.float16]:
    """Average the audible segments of each content to a unit vector; zeros where there are none."""
    means = np.zeros((len(index.content_ids), index.vectors.shape[1]), np.float16)
    for first in range(0, len(means), BLOCK_CONTENTS):
        stop = min(first + BLOCK_CONTENTS, len(means))
        means[first:stop] = index.average(np.arange(first, stop))
    return means


def _make_keys(content_ids: Rows, segments: npt.NDArray[np.integer[Any]]) -> Rows:
    return (content_ids << SEGMENT_BITS) + segments + 1
