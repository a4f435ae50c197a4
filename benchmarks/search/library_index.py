"""A library's index through soundkin's own entry points: built, loaded, searched, kept in step."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.harness.commands import COMMAND, compute_median, print_table, run_command
from benchmarks.harness.isolated import pin_to_one_core, read_memory_mb, run_apart, time_calls
from benchmarks.harness.synthetic_library import add_recordings
from soundkin.index.disk import IndexFolder
from soundkin.library.library import Library

N_ADDED = 1000
RUNS = 5
K = 10
SEED = 2
NOISE = 0.02
ADDED = "/added"
QUERY = "000123.wav"


def build(path: Path) -> tuple[float, str]:
    """Build the index anew; seconds, and its kind."""
    with Library.open(path) as library:
        library.discard_index()
        started = time.perf_counter()
        index = library.open_index().index
        return time.perf_counter() - started, index.kind


def load_and_search(path: Path, n_queries: int) -> dict[str, float]:
    """Load the index and ask some of its own segments; seconds, memory, milliseconds."""
    before_mb, before_whole_mb = read_memory_mb(), read_memory_mb(whole=True)
    with Library.open(path) as library:
        started = time.perf_counter()
        index = library.open_index().index
        load_s = time.perf_counter() - started
        pin_to_one_core()
        audible = np.flatnonzero(~index.silent)
        rows = np.random.default_rng(SEED).choice(audible, n_queries)
        _, times = time_calls(lambda query: index.search(query, K), index.read(rows), 60)
        return {
            "load_s": load_s,
            "p50_ms": float(np.percentile(times, 50)),
            "p99_ms": float(np.percentile(times, 99)),
            "memory_mb": read_memory_mb() - before_mb,
            "whole_mb": read_memory_mb(whole=True) - before_whole_mb,
        }


def add_and_remove(path: Path) -> dict[str, float]:
    """Add some segments and remove them again, the index brought in step each time; seconds."""
    generator = np.random.default_rng(SEED)
    taken: dict[str, float] = {}
    with Library.open(path) as library:
        index = library.open_index().index
        rows = np.sort(generator.choice(np.flatnonzero(~index.silent), N_ADDED, replace=False))
        vectors = index.read(rows)
        vectors += NOISE * generator.standard_normal(vectors.shape, np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        del index
        steps: list[tuple[str, Callable[[], object]]] = [
            ("add", lambda: add_recordings(library, vectors, 0, generator, folder=ADDED)),
            ("add, index", library.open_index),
            ("remove", lambda: library.remove_recordings(_list_added(library))),
            ("remove, index", library.open_index),
        ]
        for name, step in steps:
            started = time.perf_counter()
            step()
            taken[name] = time.perf_counter() - started
    return taken


def _list_added(library: Library) -> list[int]:
    return [file.id for file in library.list_files_below(ADDED)]


def measure_whole(path: Path, n_queries: int) -> None:
    """Print what a library's index costs; what is added to the library is removed again."""
    with Library.open(path) as library:
        n_segments = library.count().n_segments
        if not library.find_by_ending(QUERY):
            raise SystemExit(
                f"{path}: no {QUERY} in it; make it with"
                " python -m benchmarks.harness.synthetic_library"
            )
    build_s, kind = run_apart(build, path)
    loaded = run_apart(load_and_search, path, n_queries)
    folder_mb = IndexFolder.beside(path).measure_bytes() / 1e6
    command = [COMMAND, "search", QUERY, "--library", path]
    run_command(command)
    cold = [run_command(command) for _ in range(RUNS)]
    steps = run_apart(add_and_remove, path)
    rows = [
        ("index built from the library", f"{build_s:.1f} s"),
        ("index on disk", f"{folder_mb:.0f} MB, library {path.stat().st_size / 1e6:.0f} MB"),
        ("index loaded", f"{loaded['load_s']:.2f} s"),
        (f"memory after {n_queries} queries", f"{loaded['memory_mb']:.0f} MB"),
        ("the same with pages of files", f"{loaded['whole_mb']:.0f} MB"),
        (
            "one query, a segment of the library, p50 and p99",
            f"{loaded['p50_ms']:.2f} ms, {loaded['p99_ms']:.2f} ms",
        ),
        (
            f"soundkin search {QUERY}, median of {RUNS}",
            f"{compute_median([run.wall_s for run in cold]):.2f} s"
            f" ({compute_median([run.cpu_s for run in cold]):.2f} s of processor)",
        ),
        (f"{N_ADDED:,} segments added", f"{steps['add']:.2f} s"),
        ("index in step with that", f"{steps['add, index']:.2f} s"),
        ("the same removed", f"{steps['remove']:.2f} s"),
        ("index in step with that", f"{steps['remove, index']:.2f} s"),
    ]
    print(f"{n_segments:,} segments, index: {kind}\n")
    print_table(["what", "costs"], rows)
