"""Where to begin: recordings that sound as different from each other as can be."""

from __future__ import annotations

import numpy as np

from soundkin.library.records import Recording
from soundkin.library.store import LibraryStore

POOL = 20  # times as many are drawn by chance as are wanted


def draw_varied(
    library: LibraryStore, count: int, generator: np.random.Generator
) -> list[Recording]:
    """Draw some recordings far apart from each other, no two with the same bytes.

    Of a pool drawn by chance the one farthest from all that were chosen comes next (Gonzalez 1985,
    Clustering to minimize the maximum intercluster distance); each stands for the mean of its
    segments.
    """
    recording_ids, content_ids = library.list_recording_ids()
    _, firsts = np.unique(content_ids, return_index=True)
    if not len(firsts):
        return []
    pool = generator.choice(firsts, min(POOL * count, len(firsts)), replace=False)
    vectors = np.stack(
        [
            library.read_vectors(int(content_ids[place]))[0].astype(np.float32).mean(axis=0)
            for place in pool
        ]
    )
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    chosen = [0]
    nearest = vectors @ vectors[0]
    while len(chosen) < min(count, len(pool)):
        nearest[chosen] = np.inf
        chosen.append(int(nearest.argmin()))
        nearest = np.maximum(nearest, vectors @ vectors[chosen[-1]])
    found = (library.get_recording(int(recording_ids[pool[place]])) for place in chosen)
    return [recording for recording in found if recording is not None]
