"""The map: every recording, or every segment, as a point near those that sound like it.

A map is made once (`points`) and kept beside the library (`disk`). What is new later is placed
among the points that are there, which stay where they are; what is gone leaves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from soundkin.errors import LibraryError
from soundkin.library.library import Library
from soundkin.progress import OnProgress
from soundkin.sound_map.disk import MapFolder, SavedMap
from soundkin.sound_map.points import (
    MAX_LAID_OUT,
    MapPoints,
    add_missing,
    keep_present,
    lay_out_chart,
    place_on,
    split_keys,
)

GROWTH = 4  # beyond so many times what was laid out together, all is laid out anew

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SoundMap:
    """Where recordings, or their segments, lie; neighbours sound alike.

    Point number i is the recording `ids[i]` (int64), or its segment `segments[i]` (int32, -1 where
    it is the whole recording), at `x[i]`, `y[i]` (float32, [-1, 1]). Recordings of the same bytes
    lie on one another; silent ones are not on the map. `stamp` is the library's; of the points
    `n_laid_out` were laid out together from `seed`, the others placed among them later.
    """

    by: str
    ids: npt.NDArray[np.int64]
    segments: npt.NDArray[np.int32]
    x: Floats
    y: Floats
    stamp: tuple[str, int]
    seed: int
    n_laid_out: int

    def __len__(self) -> int:
        """Points on it."""
        return len(self.ids)


@dataclass(frozen=True)
class MapUpdate:
    """What `compute_map` did: `n_laid_out` points together, `n_placed` among them, `n_removed`."""

    map: SoundMap
    n_laid_out: int = 0
    n_placed: int = 0
    n_removed: int = 0


def compute_map(
    library: Library,
    by: str = "recordings",
    *,
    seed: int | None = None,
    rebuild: bool = False,
    on_progress: OnProgress | None = None,
) -> MapUpdate:
    """Make a library's map, or bring the saved one in step; saved where it can be.

    Parameters
    ----------
    by
        `recordings`, by the mean of their audible segments, or `segments`.
    seed
        Of the layout; another one than the saved map's makes it anew. None takes what is there.
    rebuild
        Lay everything out anew.
    on_progress
        Called with what is being done, how far it is, and how far it goes.

    Raises
    ------
    LibraryError
        Nothing is indexed in it, or all of it is silent.
    """
    with _hold(library) as atlas:
        stamp = library.stamp
        chart = _load_own(atlas, by, stamp)
        if chart is not None and (rebuild or seed not in (None, chart.seed)):
            chart = None
        if chart is not None and chart.stamp == stamp:
            return MapUpdate(_join(library, by, chart))
        points = MapPoints.collect(library, by)
        if not len(points):
            raise LibraryError(f"{library.name}: no sound in it; run: soundkin index FOLDER")
        kept = None if chart is None else keep_present(chart, points, stamp)
        n_wanted = min(len(points), MAX_LAID_OUT)
        if chart is None or kept is None or n_wanted > GROWTH * kept.n_laid_out:
            chart = lay_out_chart(points, stamp, seed or 0, on_progress)
            chart = add_missing(chart, points, on_progress)
            update = MapUpdate(_join(library, by, chart), n_laid_out=len(chart))
        else:
            n_removed, n_kept = len(chart) - len(kept), len(kept)
            chart = add_missing(kept, points, on_progress)
            update = MapUpdate(_join(library, by, chart), 0, len(chart) - n_kept, n_removed)
        _save(atlas, by, chart)
        return update


def load_map(
    library: Library, by: str = "recordings", on_progress: OnProgress | None = None
) -> SoundMap | None:
    """Load a library's map, brought in step by placing what is new; None where there is none yet.

    A damaged map, or another library's, counts as none; so does one of sounds that are all gone.
    """
    chart = _load_chart(library, by, on_progress)
    return None if chart is None else _join(library, by, chart)


def read_map_version(library: Library, by: str = "recordings") -> object:
    """Read what is another one whenever a library's saved map is another one."""
    return MapFolder.beside(library.path).read_version(by)


class MapPlacer:
    """Tells where sounds lie on a map that are not on it, such as a query; holds its vectors."""

    def __init__(self, library: Library, by: str = "recordings") -> None:
        """Prepare.

        Raises
        ------
        LibraryError
            The library has no map.
        """
        chart = _load_chart(library, by, None)
        if chart is None:
            raise LibraryError(f"{library.name}: it has no map; run: soundkin map --by {by}")
        points = MapPoints.collect(library, by)
        self._chart = keep_present(chart, points, chart.stamp)
        self._vectors = points.read(np.flatnonzero(np.isin(points.keys, self._chart.keys)))

    def place(self, vectors: Floats) -> Floats:
        """Find where sounds of unit vectors `(m, size)` lie on the map, `(m, 2)` in [-1, 1]."""
        return place_on(self._chart, self._vectors, vectors, None)


def _load_chart(library: Library, by: str, on_progress: OnProgress | None) -> SavedMap | None:
    """Load a library's own chart, brought in step; None where none of its points is left."""
    stamp = library.stamp
    chart = _load_own(MapFolder.beside(library.path), by, stamp)
    if chart is None or chart.stamp == stamp:
        return chart
    with _hold(library) as atlas:
        points = MapPoints.collect(library, by)
        kept = keep_present(chart, points, stamp)
        if not kept.n_laid_out:
            return None
        chart = add_missing(kept, points, on_progress)
        _save(atlas, by, chart)
        return chart


@contextmanager
def _hold(library: Library) -> Iterator[MapFolder]:
    """Keep other processes from changing a library's maps, where any can be written."""
    atlas = MapFolder.beside(library.path)
    with ExitStack() as stack:
        with suppress(OSError):
            stack.enter_context(atlas.lock())
        yield atlas


def _load_own(atlas: MapFolder, by: str, stamp: tuple[str, int]) -> SavedMap | None:
    """Load a map if it is there, whole, and of this library."""
    chart = atlas.load(by)
    return chart if chart is not None and chart.identity == stamp[0] else None


def _save(atlas: MapFolder, by: str, chart: SavedMap) -> None:
    with suppress(OSError):  # no room, or no permission: good for this process only
        atlas.save(by, chart)


def _join(library: Library, by: str, chart: SavedMap) -> SoundMap:
    """Give the points of contents to the recordings that hold them."""
    ids, content_ids = library.list_recording_ids()
    owners, segments = split_keys(chart.keys)
    firsts = np.searchsorted(owners, content_ids)
    counts = np.searchsorted(owners, content_ids, side="right") - firsts
    ends = np.cumsum(counts)
    rows = np.arange(int(counts.sum())) + np.repeat(firsts - ends + counts, counts)
    return SoundMap(
        by=by,
        ids=np.repeat(ids, counts),
        segments=segments[rows],
        x=chart.positions[rows, 0],
        y=chart.positions[rows, 1],
        stamp=chart.stamp,
        seed=chart.seed,
        n_laid_out=chart.n_laid_out,
    )
