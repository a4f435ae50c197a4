"""How well maps keep who sounds like whom: soundkin's own beside UMAP, PaCMAP and openTSNE.

    pip install -e '.[bench]'
    python -m benchmarks.search.maps LABELS.csv... [--model kin]

Every clip is a point, by the mean of its segments. *trust*: trustworthiness (Venna and Kaski 2001)
of the 15 nearest on the map; *kept*: share of the 15 nearest by sound that are among the 15 nearest
on the map; *label*: share of these 15 with the clip's label; *first*: of the nearest one; clips of
the same group are left out of both, as in soundkin evaluate. *processor s* counts all threads; what
numba compiles at the first call is counted in the first set. For how long a large library takes:

    time soundkin map --library LIBRARY --rebuild
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.harness.commands import describe_machine, print_table
from soundkin.embedding.model import find_model
from soundkin.embedding.pool import WorkerPool
from soundkin.evaluation.retrieval import load_labelled_set
from soundkin.index.unit_vectors import average_vectors
from soundkin.sound_map.neighbour_graph import find_neighbours, weigh
from soundkin.sound_map.points import N_NEIGHBOURS, PERPLEXITY
from soundkin.sound_map.tsne import compute_start, lay_out

K = 15

Floats = npt.NDArray[np.float32]
Texts = npt.NDArray[np.str_]


def lay_out_pca(vectors: Floats) -> Floats:
    """Take the two principal components alone."""
    return compute_start(vectors, np.random.default_rng(0))


def lay_out_soundkin(vectors: Floats) -> Floats:
    """Lay out as soundkin map does."""

    def ignore(n_done: int, n_all: int) -> None:
        pass

    own = np.arange(len(vectors))
    found = find_neighbours(vectors, vectors, N_NEIGHBOURS, ignore, own=own)
    start = compute_start(vectors, np.random.default_rng(0))
    return lay_out(weigh(*found, PERPLEXITY), start, ignore)


def lay_out_umap(vectors: Floats) -> Floats:
    """Lay out with umap-learn's defaults."""
    import umap

    return np.asarray(umap.UMAP(metric="cosine", random_state=0, n_jobs=1).fit_transform(vectors))


def lay_out_pacmap(vectors: Floats) -> Floats:
    """Lay out with PaCMAP's defaults."""
    import pacmap

    return np.asarray(pacmap.PaCMAP(distance="angular", random_state=0).fit_transform(vectors))


def lay_out_opentsne(vectors: Floats) -> Floats:
    """Lay out with openTSNE's defaults."""
    import openTSNE

    return np.asarray(openTSNE.TSNE(metric="cosine", random_state=0, n_jobs=2).fit(vectors))


METHODS: dict[str, Callable[[Floats], Floats]] = {
    "PCA": lay_out_pca,
    "soundkin": lay_out_soundkin,
    "UMAP": lay_out_umap,
    "PaCMAP": lay_out_pacmap,
    "openTSNE": lay_out_opentsne,
}


def rank_others(likeness: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
    """Order all others of each row, the most alike first, `(n, n - 1)`."""
    likeness = likeness.copy()
    np.fill_diagonal(likeness, -np.inf)
    return np.argsort(-likeness, axis=1, kind="stable")[:, :-1]


def measure(vectors: Floats, labels: Texts, groups: Texts, places: Floats) -> list[float]:
    """Measure trust, kept, label and first of a map."""
    n = len(vectors)
    by_sound = rank_others(vectors @ vectors.T)
    wide = places.astype(np.float64)
    by_map = rank_others(-np.square(wide[:, None] - wide).sum(axis=2))[:, :K]
    ranks = np.zeros((n, n), np.int64)
    np.put_along_axis(ranks, by_sound, np.arange(1, n)[None].repeat(n, axis=0), axis=1)
    found = np.take_along_axis(ranks, by_map, axis=1)
    trust = 1 - 2 / (n * K * (2 * n - 3 * K - 1)) * np.maximum(found - K, 0).sum()
    counts = (groups[by_map] != groups[:, None]) | (groups[:, None] == "")
    same = (labels[by_map] == labels[:, None]) & counts
    first = same[:, 0].sum() / max(1, counts[:, 0].sum())
    return [trust, (found <= K).mean(), same.sum() / counts.sum(), first]


def embed(manifest: Path, model: str) -> tuple[Floats, Texts, Texts]:
    """Embed the clips of a labelled set to a vector each, with their labels and groups."""
    labelled = load_labelled_set(manifest)
    with WorkerPool(find_model(model)) as pool:
        futures = [pool.submit(path) for path in labelled.paths]
        vectors = [average_vectors(future.result().vectors) for future in futures]
    kept = [place for place, vector in enumerate(vectors) if vector is not None]
    stacked = np.stack([vector for vector in vectors if vector is not None])
    return stacked, np.array(labelled.labels)[kept], np.array(labelled.groups)[kept]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifests", type=Path, nargs="+", metavar="LABELS.csv")
    parser.add_argument("--model", default="kin")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    given = parser.parse_args()
    print(describe_machine(), end="\n\n")
    sets = {path.stem: embed(path, given.model) for path in given.manifests}
    rows = []
    for method in given.methods:
        for name, (vectors, labels, groups) in sets.items():
            started = time.process_time()
            places = METHODS[method](vectors).astype(np.float32)
            seconds = time.process_time() - started
            values = measure(vectors, labels, groups, places)
            rows.append([method, name, *(f"{value:.3f}" for value in values), f"{seconds:.1f}"])
    print_table(("method", "set", "trust", "kept", "label", "first", "processor s"), rows)


if __name__ == "__main__":
    main()
