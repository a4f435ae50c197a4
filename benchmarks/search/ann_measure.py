"""One index measured: built and saved by one process, opened and asked by another."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np

from benchmarks.harness.isolated import pin_to_one_core, read_memory_mb, run_apart, time_calls
from benchmarks.harness.synthetic_library import RUN, read_audible, resample
from benchmarks.search.ann_backends import CONTENDERS, Floats, Halves, K, Rows, Search
from soundkin.index.float16 import widen
from soundkin.index.vector_index import choose_kind
from soundkin.library.library import Library

TIE = 1e-6
NOISE = 0.02  # in each dimension
BLOCK_RUNS = 2000


@dataclass(frozen=True)
class Point:
    """One index at one setting of its knob, a row of the CSV; knob 0 leaves it as it comes."""

    segments: int
    index: str
    family: str
    chosen: int  # 1 where it is the kind that soundkin chooses for so many segments
    knob: str
    value: int
    queries: int
    build_s: float
    build_cpu_s: float  # of all cores together: what else runs on the machine hardly shows in it
    memory_mb: float
    disk_mb: float
    p50_ms: float
    p99_ms: float
    queries_per_s: float
    recall: float


@dataclass(frozen=True)
class Task:
    """Vectors in a file, queries, and by run the tenth best score of each query."""

    path: Path
    n_segments: int
    queries: Floats
    least: dict[int, Floats]

    def map(self) -> Halves:
        """Map the vectors into memory."""
        shape = (self.n_segments, self.queries.shape[1])
        return np.asarray(np.memmap(self.path, np.float16, "r", shape=shape))


def write_vectors(
    library: Path, count: int, n_queries: int, path: Path, *, is_near: bool
) -> Floats:
    """Write resampled vectors into a file; returns queries drawn likewise, one a recording.

    With `is_near` they are vectors of the file with a little noise.
    """
    with Library.open(library) as opened:
        vectors, offsets = read_audible(opened.open_index().index)
    with path.open("wb") as file:
        for block in resample(vectors, offsets, count, np.random.default_rng(0)):
            file.write(block.data)
    generator = np.random.default_rng(1)
    if not is_near:
        drawn = resample(vectors, offsets, n_queries, generator, run=1)
        return np.concatenate([widen(block) for block in drawn])
    matrix = np.memmap(path, np.float16, "r", shape=(count, vectors.shape[1]))
    near = widen(matrix[generator.choice(count, n_queries)])
    near += NOISE * generator.standard_normal(near.shape, np.float32)
    queries: Floats = near / np.linalg.norm(near, axis=1, keepdims=True)
    return queries


def compute_least(matrix: Halves, queries: Floats, run: int) -> Floats:
    """Compute the tenth best score of each query, the best of each recording counting."""
    bests = np.full((len(queries), K), -2, np.float32)
    for start in range(0, len(matrix), RUN * BLOCK_RUNS):
        scores = queries @ widen(matrix[start : start + RUN * BLOCK_RUNS]).T
        scores = scores.reshape(len(queries), -1, run).max(axis=2)
        scores = np.concatenate([bests, scores], axis=1)
        bests = np.partition(scores, -K, axis=1)[:, -K:]
    return bests[:, 0].copy()


def measure(name: str, task: Task, budget_s: float, goal: float, *, is_curve: bool) -> list[Point]:
    """Build an index and go through the settings of its knob until it recalls as much as `goal`."""
    with tempfile.TemporaryDirectory(dir=task.path.parent) as path:
        built = run_apart(_build, name, task, Path(path))
        return run_apart(_go_through, name, task, Path(path), built, budget_s, goal, is_curve)


def _build(name: str, task: Task, path: Path) -> tuple[float, float]:
    """Build and save an index, on all cores; returns seconds, and seconds of processor."""
    matrix, contender = task.map(), CONTENDERS[name]
    import_module(contender.module)
    started, started_cpu = time.perf_counter(), time.process_time()
    contender.build(matrix, path)
    return time.perf_counter() - started, time.process_time() - started_cpu


def _go_through(
    name: str,
    task: Task,
    path: Path,
    built: tuple[float, float],
    budget_s: float,
    goal: float,
    is_curve: bool,
) -> list[Point]:
    """Open an index and ask, on one core, at one setting after another."""
    contender = CONTENDERS[name]
    import_module(contender.module)
    before_mb = read_memory_mb()
    search = contender.open(path, task.n_segments, task.queries.shape[1])
    pin_to_one_core()
    own_kind = contender.family == "soundkin" and contender.setting.split(",")[0]
    disk_mb = sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / 1e6
    points: list[Point] = []
    for value in contender.knobs + (contender.more_knobs if is_curve else ()):
        times, recall, memory_mb = _ask(search, value, task, contender.run, budget_s)
        point = Point(
            segments=task.n_segments,
            index=contender.name,
            family=contender.family,
            chosen=int(own_kind == choose_kind(task.n_segments)),
            knob=contender.knob,
            value=value,
            queries=len(times),
            build_s=built[0],
            build_cpu_s=built[1],
            memory_mb=memory_mb - before_mb,
            disk_mb=disk_mb,
            p50_ms=float(np.percentile(times, 50)),
            p99_ms=float(np.percentile(times, 99)),
            queries_per_s=1e3 / float(np.mean(times)),
            recall=recall,
        )
        points.append(point)
        if value and recall >= goal:
            break
    return points


def _ask(
    search: Search, value: int, task: Task, run: int, budget_s: float
) -> tuple[Sequence[float], float, float]:
    """Ask every query, or as many as there is time for; milliseconds of each, recall, memory."""
    found, times = time_calls(lambda query: search(query, value), task.queries, budget_s)
    memory_mb, matrix = read_memory_mb(), task.map()
    answered = zip(found, task.queries, task.least[run], strict=False)
    hits = [_count_hits(matrix, rows, query, score) for rows, query, score in answered]
    return times, float(np.mean(hits)) / K, memory_mb


def _count_hits(matrix: Halves, rows: Rows, query: Floats, least: np.float32) -> int:
    rows = np.unique(rows[rows >= 0])
    return int((widen(matrix[rows]) @ query >= least - TIE).sum())
