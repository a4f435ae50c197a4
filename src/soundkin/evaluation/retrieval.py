"""How well a model finds sounds of the same class, on labelled sounds, beside plain baselines.

The protocol: a clip's vector is the normalised mean of its segments' unit vectors; every clip
queries all others, those of its own group left out; each measure is averaged per class and then
over classes (macro).
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from soundkin.embedding.baselines import BASELINES, standardise
from soundkin.embedding.embedder import Embedder
from soundkin.embedding.model import find_model
from soundkin.embedding.pool import WorkerPool
from soundkin.errors import AudioError, QueryError, SoundkinError, WorkerError
from soundkin.evaluation import metrics
from soundkin.index.unit_vectors import average_runs
from soundkin.progress import Failure, ignore
from soundkin.system.processors import count_processors

RECALL_RANK = 10
BOOTSTRAP_ROUNDS = 1000
BOOTSTRAP_SEED = 0
QUERY_BLOCK = 256
MEASURES = ("map", "precision_at_1", "recall_at_10", "reciprocal_rank")

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LabelledSet:
    """Labelled clips. Clips of one non-empty group (takes of one recording) never count."""

    name: str
    paths: tuple[str, ...]
    labels: tuple[str, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Measure:
    """A macro average, with the bounds of its 95 % bootstrap interval over clips."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ClassScore:
    """One class: how many clips, their mean measures, and what their nearest clips are instead.

    `confused_with` names other classes with the share of this one's clips whose nearest clip is
    theirs, most first.
    """

    label: str
    n_clips: int
    map: float
    precision_at_1: float
    recall_at_10: float
    confused_with: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Evaluation:
    """How one model or baseline did on one labelled set."""

    model: str
    n_clips: int
    n_classes: int
    map: Measure
    precision_at_1: Measure
    recall_at_10: Measure
    reciprocal_rank: Measure
    classes: tuple[ClassScore, ...]
    failures: tuple[Failure, ...]


def load_labelled_set(manifest: str | os.PathLike[str]) -> LabelledSet:
    """Read a CSV with the columns `path`, `label` and, if wanted, `group`.

    Paths are relative to the CSV's folder.

    Raises
    ------
    QueryError
        The file cannot be read, lacks a column or a value, or has fewer than two clips.
    """
    manifest = Path(manifest)
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise QueryError(f"{manifest}: {error.strerror or error}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise QueryError(f"{manifest}: not a CSV file ({error})") from error
    if not rows or not {"path", "label"} <= rows[0].keys():
        raise QueryError(f"{manifest}: it needs a header with path and label, and rows below")
    for number, row in enumerate(rows, 2):
        if not row["path"] or not row["label"]:
            raise QueryError(f"{manifest}: line {number} lacks its path or label")
    if len(rows) < 2:
        raise QueryError(f"{manifest}: it needs at least two clips")
    return LabelledSet(
        name=manifest.stem,
        paths=tuple(str(manifest.parent / row["path"]) for row in rows),
        labels=tuple(row["label"] for row in rows),
        groups=tuple(row.get("group") or "" for row in rows),
    )


def evaluate_model(
    labelled: LabelledSet,
    model: str | os.PathLike[str],
    *,
    on_progress: Callable[[int, int], None] = ignore,
) -> Evaluation:
    """Embed every clip with a model, or a baseline by its name, and measure.

    Raises
    ------
    SoundkinError
        There is no such model, or fewer than two clips could be read.
    """
    name = os.fspath(model)
    embed = _embed_baseline if name in BASELINES else _embed_with_model
    vectors, failures = embed(labelled, name, on_progress)
    kept = [place for place, vector in enumerate(vectors) if vector is not None]
    if len(kept) < 2:
        raise QueryError(f"{labelled.name}: fewer than two clips could be read")
    stacked = np.array([vectors[place] for place in kept], np.float32)
    labels = [labelled.labels[place] for place in kept]
    groups = [labelled.groups[place] for place in kept]
    title = name if name in BASELINES else Path(name).name.removesuffix(".onnx")
    return measure_vectors(stacked, labels, groups, title, failures)


def measure_vectors(
    vectors: Vectors,
    labels: Sequence[str],
    groups: Sequence[str],
    model: str = "vectors",
    failures: Sequence[Failure] = (),
) -> Evaluation:
    """Measure clips' unit vectors `(n_clips, n)` by their labels and groups."""
    names, classes = np.unique(np.array(labels), return_inverse=True)
    values, nearest = _query_all(vectors, classes, np.array(groups))
    counted = values["n_relevant"] > 0  # alone in its class: nothing to find
    measures = {
        name: _average_over_classes(values[name][counted], classes[counted]) for name in MEASURES
    }
    scores = [
        _score_class(names, number, classes, values, nearest)
        for number in range(len(names))
        if (classes[counted] == number).any()
    ]
    return Evaluation(
        model=model,
        n_clips=len(labels),
        n_classes=len(names),
        classes=tuple(scores),
        failures=tuple(failures),
        **measures,
    )


def _query_all(
    vectors: Vectors, classes: npt.NDArray[np.int64], groups: npt.NDArray[np.str_]
) -> tuple[dict[str, npt.NDArray[np.float64]], npt.NDArray[np.int64]]:
    """Rank all clips for every clip; returns each measure per clip, and the nearest's class."""
    collected: dict[str, list[npt.NDArray[np.float64]]] = {}
    nearest = []
    for start in range(0, len(vectors), QUERY_BLOCK):
        block = slice(start, start + QUERY_BLOCK)
        scores = vectors[block] @ vectors.T
        left_out = (groups[block, None] == groups[None, :]) & (groups[block, None] != "")
        left_out[np.arange(len(scores)), np.arange(start, start + len(scores))] = True
        scores[left_out] = -np.inf
        order = np.argsort(-scores, axis=1, kind="stable")
        relevant = (classes[order] == classes[block, None]) & ~np.take_along_axis(
            left_out, order, axis=1
        )
        n_relevant = relevant.sum(axis=1)
        for name, column in {
            "n_relevant": n_relevant.astype(np.float64),
            "map": metrics.compute_average_precision(relevant, n_relevant),
            "precision_at_1": metrics.compute_precision_at(relevant, 1),
            "recall_at_10": metrics.compute_recall_at(relevant, n_relevant, RECALL_RANK),
            "reciprocal_rank": metrics.compute_reciprocal_rank(relevant),
        }.items():
            collected.setdefault(name, []).append(column)
        nearest.append(classes[order[:, 0]])
    values = {name: np.concatenate(columns) for name, columns in collected.items()}
    return values, np.concatenate(nearest)


def _average_over_classes(
    values: npt.NDArray[np.float64], classes: npt.NDArray[np.int64]
) -> Measure:
    """Average per class, then over classes; the interval resamples clips within their classes."""
    if not len(values):
        return Measure(0.0, 0.0, 0.0)
    generator = np.random.default_rng(BOOTSTRAP_SEED)
    means, rounds = [], []
    for number in np.unique(classes):
        own = values[classes == number]
        draws = generator.integers(0, len(own), (BOOTSTRAP_ROUNDS, len(own)))
        means.append(own.mean())
        rounds.append(own[draws].mean(axis=1))
    low, high = np.percentile(np.mean(rounds, axis=0), [2.5, 97.5])
    return Measure(float(np.mean(means)), float(low), float(high))


def _score_class(
    names: npt.NDArray[np.str_],
    number: int,
    classes: npt.NDArray[np.int64],
    values: dict[str, npt.NDArray[np.float64]],
    nearest: npt.NDArray[np.int64],
) -> ClassScore:
    own = classes == number
    found, counts = np.unique(nearest[own], return_counts=True)
    others = [
        (str(names[f]), c / own.sum()) for f, c in zip(found, counts, strict=True) if f != number
    ]
    return ClassScore(
        label=str(names[number]),
        n_clips=int(own.sum()),
        map=float(values["map"][own].mean()),
        precision_at_1=float(values["precision_at_1"][own].mean()),
        recall_at_10=float(values["recall_at_10"][own].mean()),
        confused_with=tuple(sorted(others, key=lambda other: (-other[1], other[0]))),
    )


def _embed_with_model(
    labelled: LabelledSet, model: str, on_progress: Callable[[int, int], None]
) -> tuple[list[Vectors | None], list[Failure]]:
    vectors: list[Vectors | None] = []
    failures: list[Failure] = []
    with WorkerPool(find_model(model)) as pool:
        futures = [pool.submit(path) for path in labelled.paths]
        for path, future in zip(labelled.paths, futures, strict=True):
            try:
                vectors.append(_average(future.result().vectors))
            except (AudioError, WorkerError) as error:
                vectors.append(None)
                failures.append(Failure.of(path, error))
            on_progress(len(vectors), len(labelled.paths))
    return vectors, failures


def _embed_baseline(
    labelled: LabelledSet, name: str, on_progress: Callable[[int, int], None]
) -> tuple[list[Vectors | None], list[Failure]]:
    """Compute a baseline's statistics of every segment, and standardise them over the whole set."""
    embedder = Embedder(BASELINES[name], measures=False)
    failures: list[Failure] = []

    def embed(path: str) -> Vectors | None:
        try:
            return embedder.embed_file(path).vectors
        except SoundkinError as error:
            failures.append(Failure.of(path, error))
            return None

    segments: list[Vectors | None] = []
    with ThreadPoolExecutor(count_processors()) as threads:
        for found in threads.map(embed, labelled.paths):
            segments.append(found)
            on_progress(len(segments), len(labelled.paths))
    standardised = standardise([s for s in segments if s is not None])
    readable = iter(standardised)
    return [None if s is None else _average(next(readable)) for s in segments], failures


def _average(vectors: Vectors) -> Vectors:
    """Average a clip's segments to a unit vector, or zeros, so that every readable clip counts."""
    mean: Vectors = average_runs(vectors, np.zeros(1, np.int64))[0]
    return mean
