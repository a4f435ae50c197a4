"""Figures of the index: how a forest cuts a plane, what indexes recall and how fast, what grows."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from docs.figure_style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PALE,
    PINK,
    RED,
    SKY,
    WIDTH,
    MissingDataError,
    Sources,
)
from docs.figures_of_learning import Numbers, project
from soundkin.config import SILENCE_DB
from soundkin.index.vector_index import EXACT_ROWS

SEED = 7
LEAF = 12
N_TREES = 8
N_OPENED = 4
N_NEAREST = 10
QUERY = "guit_harmonics"
GROWN = {"exact": RED, "scan": ORANGE, "lists": BLUE}
NO_LOSS = 1e-3  # what a recall of 1 is drawn as missing
RECALLS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 1)

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Leaf:
    """A cell of the plane, the points in it, and how surely the query belongs there.

    `margin` is the least distance by which the query lies on this cell's side of a cut; below 0 it
    lies on the other side.
    """

    corners: Numbers
    rows: Rows
    margin: float


def grow(places: Numbers, query: Numbers, leaf: Leaf, generator: np.random.Generator) -> list[Leaf]:
    """Cut a cell midway between two of its points, drawn at random, until few are in each."""
    points = places[leaf.rows]
    if len(points) <= LEAF or (points == points[0]).all():
        return [leaf]
    one, other = points[generator.choice(len(points), 2, replace=False)]
    while (one == other).all():
        one, other = points[generator.choice(len(points), 2, replace=False)]
    normal, middle = (other - one) / np.linalg.norm(other - one), (one + other) / 2
    is_beyond, leaves = (points - middle) @ normal > 0, []
    for part, towards in ((is_beyond, normal), (~is_beyond, -normal)):
        margin = min(leaf.margin, float((query - middle) @ towards))
        half = Leaf(clip(leaf.corners, middle, towards), leaf.rows[part], margin)
        leaves += grow(places, query, half, generator)
    return leaves


def clip(corners: Numbers, middle: Numbers, towards: Numbers) -> Numbers:
    """Keep the part of a convex polygon that lies on one side of a line."""
    heights = (corners - middle) @ towards
    kept = []
    for start, stop, low, high in zip(
        corners, np.roll(corners, -1, 0), heights, np.roll(heights, -1), strict=True
    ):
        if low >= 0:
            kept.append(start)
        if (low < 0) != (high < 0):
            kept.append(start + (stop - start) * low / (low - high))
    return np.array(kept).reshape(-1, 2)


def embed_segments(sources: Sources) -> tuple[Numbers, int]:
    """Embed all audible segments of the sounds; `(n, d)`, and the row of the query."""
    blocks: list[npt.NDArray[np.float32]] = []
    query = 0
    for path in sorted(sources.sounds.glob("*.flac")):
        found = sources.embedder.embed_file(str(path))
        audible = found.vectors[found.levels_db >= SILENCE_DB]
        if path.stem == QUERY:
            query = sum(map(len, blocks)) + len(audible) // 4
        blocks.append(audible)
    return np.concatenate(blocks).astype(np.float64), query


def draw_forest(sources: Sources) -> Figure:
    """Draw the cells that a query falls into: of one tree, of its next ones, of several trees."""
    vectors, query = embed_segments(sources)
    places, _ = project(vectors)
    generator = np.random.default_rng(SEED)
    low, high = places.min(axis=0), places.max(axis=0)
    low, high = low - 0.05 * (high - low), high + 0.05 * (high - low)
    corners = np.array([low, (high[0], low[1]), high, (low[0], high[1])])
    root = Leaf(corners, np.delete(np.arange(len(places)), query), np.inf)
    trees = [grow(places, places[query], root, generator) for _ in range(N_TREES)]
    queue = sorted(trees[0], key=lambda leaf: -leaf.margin)[:N_OPENED]
    own = [max(tree, key=lambda leaf: leaf.margin) for tree in trees]
    figure, grid = plt.subplots(1, 3, figsize=(WIDTH, 4.1), sharex=True, sharey=True)
    panels = (("One tree: its cell", queue[:1]), ("One tree: the next cells too", queue))
    panels += ((f"{N_TREES} trees: a cell of each", own),)
    for axes, (title, leaves) in zip(grid, panels, strict=True):
        if leaves is not own:
            for leaf in trees[0]:
                axes.fill(*leaf.corners.T, facecolor="none", edgecolor=GREY, linewidth=0.6)
        for leaf in leaves:
            axes.fill(*leaf.corners.T, color=SKY, alpha=0.55 if leaf is leaves[0] else 0.22)
        axes.set_title(title)
        _draw_points(axes, places, query, np.unique(np.concatenate([x.rows for x in leaves])))
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xticks=[], yticks=[])
    return figure


def _draw_points(axes: Axes, places: Numbers, query: int, opened: Rows) -> None:
    """Draw all points, the nearest ones to the query, and which of these were come across."""
    distances = np.linalg.norm(places - places[query], axis=1)
    nearest = np.argsort(distances, kind="stable")[1 : N_NEAREST + 1]
    found = nearest[np.isin(nearest, opened)]
    missed = nearest[~np.isin(nearest, opened)]
    axes.scatter(*places.T, s=5, color=GREY)
    axes.scatter(*places[found].T, s=22, color=GREEN, label="found")
    axes.scatter(*places[missed].T, s=22, color=RED, marker="X", label="missed")
    axes.scatter(*places[query], s=90, color=BLACK, marker="*", label="query")
    axes.set_xlabel(f"{len(found)} of {len(nearest)} nearest, {len(opened)} points compared")


@dataclass(frozen=True)
class Curve:
    """The rows of one index, as benchmarks/search/ann.py wrote them, in order of its knob."""

    name: str
    rows: Sequence[dict[str, str]]

    def get(self, column: str) -> list[float]:
        """List the numbers of a column."""
        return [float(row[column]) for row in self.rows]


def read_curves(path: Path, option: str) -> list[Curve]:
    """Read what benchmarks/search/ann.py wrote."""
    if not path.exists():
        raise MissingDataError(
            f"{path.name} is not there: python -m benchmarks.search.ann LIBRARY {option} writes it"
        )
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise MissingDataError(f"{path}: it has no rows")
    names = dict.fromkeys(row["index"] for row in rows)
    return [Curve(name, [row for row in rows if row["index"] == name]) for name in names]


def draw_neighbours(sources: Sources) -> Figure:
    """Draw recall against queries a second, a line for each index, a point for each setting."""
    curves = [
        curve
        for curve in read_curves(sources.neighbours, "--curve")
        if "recordings" not in curve.name
    ]
    figure, axes = plt.subplots(figsize=(WIDTH, 5.2))
    for curve in curves:
        color, line, marker = _choose_look(curve.name)
        rows = [row for row in curve.rows if int(row["value"])] or curve.rows
        drawn = Curve(curve.name, rows)
        axes.plot(
            drawn.get("queries_per_s"), drawn.get("recall"), line, color=color, marker=marker,
            markersize=4 if len(rows) > 1 else 9, linewidth=1.6, label=curve.name,
        )  # fmt: skip
        usual = [row for row in curve.rows if not int(row["value"])]
        if usual and len(rows) > 1:
            axes.plot(
                float(usual[0]["queries_per_s"]), float(usual[0]["recall"]), "*", color=color,
                markersize=17, label=f"{curve.name}, as it comes",
            )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("function", functions=(_stretch, _shrink))
    axes.set_yticks(RECALLS, [f"{recall:g}" for recall in RECALLS])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set(ylim=(0.3, 1.0002), xlabel="queries a second, one at a time on one core")
    axes.set_ylabel(f"recall of the {N_NEAREST} nearest")
    n_segments = int(curves[0].rows[0]["segments"])
    axes.set_title(f"{n_segments:,} segments; further right is faster, further up finds more")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def _stretch(recall: Numbers) -> Numbers:
    """Give .9 to .99 as much room as 0 to .9."""
    return -np.log10(np.maximum(1 + NO_LOSS - recall, NO_LOSS / 2))


def _shrink(stretched: Numbers) -> Numbers:
    return 1 + NO_LOSS - 10.0**-stretched


def _choose_look(name: str) -> tuple[str, str, str]:
    family, _, setting = name.partition(" ")
    if family == "soundkin":
        return GROWN[setting], "-", "o"
    if family == "Annoy":
        n_trees = int(setting.split()[0])
        return plt.get_cmap("YlOrBr")(0.35 + 0.1 * np.log2(n_trees)), "--", "^"
    looks = {"usearch": (GREEN, "s"), "hnswlib": (PINK, "D"), "FAISS": (BLACK, "v")}
    color, marker = looks.get(family, (GREY, "P"))
    return color, ":" if setting in ("M 16", "IVF_PQ") else "-", marker


def draw_growth(sources: Sources) -> Figure:
    """Draw what each kind of index costs as a library grows, and which one soundkin chooses."""
    curves = read_curves(sources.neighbours_growth, "--growth")
    figure, grid = plt.subplots(2, 2, figsize=(WIDTH, 6.4), sharex=True)
    panels = (
        ("p50_ms", "Median of a query", "milliseconds, one core"),
        ("build_s", "Building it", "seconds, all cores"),
        ("memory_mb", "Memory", "MB, vectors on disk not counted"),
        ("recall", f"Recall of the {N_NEAREST} nearest", "share found"),
    )
    for axes, (column, title, label) in zip(grid.flat, panels, strict=True):
        for curve in curves:
            _draw_growing(axes, curve, column)
        axes.axvline(EXACT_ROWS, color=GREY, linewidth=1, linestyle=":")
        axes.set_title(title)
        axes.set(ylabel=label, xscale="log")
        if column == "recall":
            axes.set_ylim(min(0.9, *(min(c.get(column)) for c in curves)) - 0.005, 1.005)
        else:
            axes.set_yscale("log")
    for axes in grid[1]:
        axes.set_xlabel("segments")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _draw_growing(axes: Axes, curve: Curve, column: str) -> None:
    """Draw one kind over sizes: a full point where it is the one that is chosen."""
    kind = curve.name.split()[1].rstrip(",")
    sizes, values = curve.get("segments"), curve.get(column)
    axes.plot(sizes, values, color=GROWN[kind], linewidth=1.4, label=kind, zorder=2)
    faces = [GROWN[kind] if row["chosen"] == "1" else PALE for row in curve.rows]
    axes.scatter(sizes, values, s=48, c=faces, edgecolors=GROWN[kind], linewidths=1.4, zorder=3)
