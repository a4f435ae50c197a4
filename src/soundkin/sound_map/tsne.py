"""Points laid out in the plane so that neighbours among vectors are neighbours there: t-SNE.

Every point is pulled towards its neighbours and pushed away by all points, by the gradient of the
Kullback-Leibler divergence (van der Maaten and Hinton 2008, JMLR 9), from a start by principal
components and with the learning rate n / exaggeration (Kobak and Berens 2019, Nature
Communications 10). The pushes come from `fft_repulsion`.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from soundkin.progress import ignore
from soundkin.sound_map.fft_repulsion import Grid, compute_self_repulsion
from soundkin.sound_map.neighbour_graph import Graph

EARLY_STEPS, LATE_STEPS = 150, 300
EARLY_EXAGGERATION = 12.0
EARLY_MOMENTUM, LATE_MOMENTUM = 0.5, 0.8
MIN_GAIN = 0.01
MAX_STEP = np.float32(5)  # else small sets fly apart
START_SPREAD = 1e-4
EXACT_POINTS = 500  # up to so many a grid is slower
BLOCK_ROWS = 8192  # so much stays in the cache of a core
PLACE_STEPS = 100
PLACE_RATE = 0.5
PLACE_MOMENTUM = 0.5

Floats = npt.NDArray[np.float32]
OnCount = Callable[[int, int], None]


def compute_start(vectors: Floats, generator: np.random.Generator) -> Floats:
    """Project vectors `(n, size)` on their two principal components, as a start `(n, 2)`.

    Equal vectors start a little apart, or nothing would ever part them.
    """
    centred = vectors - vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    _, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    axes = axes[:, :-3:-1]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])  # else it hangs on the machine
    start: Floats = centred @ axes.astype(np.float32)
    start *= START_SPREAD / max(float(start.std(axis=0).max()), 1e-9)
    start += generator.standard_normal(start.shape, np.float32) * np.float32(START_SPREAD / 100)
    return start


def lay_out(graph: Graph, start: Floats, on_count: OnCount) -> Floats:
    """Lay points out from a start `(n, 2)`; returns positions `(n, 2)`, in the kernel's unit."""
    n_steps = EARLY_STEPS + LATE_STEPS

    def report(step: int) -> None:
        on_count(step, n_steps)

    points = _descend(start, graph, EARLY_STEPS, EARLY_EXAGGERATION, EARLY_MOMENTUM, report)
    if float(points.std()) < START_SPREAD:  # so few, or so alike, that all were pulled together
        points = start
    return _descend(
        points, graph, LATE_STEPS, 1.0, LATE_MOMENTUM, lambda step: report(EARLY_STEPS + step)
    )


def _descend(
    start: Floats,
    graph: Graph,
    n_steps: int,
    exaggeration: float,
    momentum: float,
    report: Callable[[int], None],
) -> Floats:
    """Follow the gradient, pulls being exaggerated; every coordinate has its own gain."""
    points, n_points = start.copy(), len(start)
    speed, gains = np.zeros_like(points), np.ones_like(points)
    pull_factor = np.float32(exaggeration / n_points)
    rate = np.float32(4 * n_points / exaggeration)
    with ThreadPoolExecutor(1) as other_core:
        for step in range(n_steps):
            pulling = other_core.submit(_pull, points, graph)
            pushes = _push(points)
            force = pull_factor * pulling.result() + pushes
            is_same_way = (force > 0) == (speed > 0)
            gains = np.where(is_same_way, gains + np.float32(0.2), gains * np.float32(0.8))
            np.maximum(gains, np.float32(MIN_GAIN), out=gains)
            speed *= np.float32(momentum)
            speed += rate * gains * force
            np.clip(speed, -MAX_STEP, MAX_STEP, out=speed)
            points += speed
            points -= points.mean(axis=0)
            report(step + 1)
    return points


def place_among(points: Floats, graph: Graph, on_count: OnCount = ignore) -> Floats:
    """Place new points among others `(n, 2)`, which stay where they are.

    A new point starts where its nearest neighbour is, and is pulled and pushed from there.

    Parameters
    ----------
    graph
        The neighbours of each new point among the others.

    Returns
    -------
    Positions of the new points `(m, 2)`, in the kernel's unit, within the others' bounds.
    """
    fresh = points[graph.neighbours[:, 0]]
    low, high = points.min(axis=0), points.max(axis=0)
    grid = Grid.around(points)
    stencil = grid.locate(points)
    field = grid.convolve(stencil)
    total = (field.sample(stencil) - compute_self_repulsion(stencil, grid.spacing))[0].sum(
        dtype=np.float64
    )
    share, speed = np.float32(len(points) / max(total, 1.0)), np.zeros_like(fresh)
    for step in range(PLACE_STEPS):
        slopes = field.sample(grid.locate(fresh))[1:].T
        speed *= np.float32(PLACE_MOMENTUM)
        speed += np.float32(PLACE_RATE) * (_pull_new(points, fresh, graph) + share * slopes)
        fresh = np.clip(fresh + speed, low, high)
        on_count(step + 1, PLACE_STEPS)
    return fresh


def _push(points: Floats) -> Floats:
    """Compute how much all others push each point away, `(n, 2)`; of few by all their pairs."""
    if len(points) <= EXACT_POINTS:
        ways = points[:, None] - points
        kernel = 1 / (1 + np.square(ways).sum(axis=2))
        pairs = float(kernel.sum(dtype=np.float64)) - len(points)
        exact: Floats = np.einsum("ijd,ij->id", ways, np.square(kernel)) / np.float32(pairs)
        return exact
    grid = Grid.around(points)
    stencil = grid.locate(points)
    sums = grid.convolve(stencil).sample(stencil)
    pushes: Floats = sums - compute_self_repulsion(stencil, grid.spacing)
    return pushes[1:].T / np.float32(pushes[0].sum(dtype=np.float64))


def _pull(points: Floats, graph: Graph) -> Floats:
    """Compute how much neighbours pull each other together, `(n, 2)`."""
    n_points = len(points)
    xs, ys = np.ascontiguousarray(points.T)
    pulls = np.zeros((2, n_points))
    for first in range(0, n_points, BLOCK_ROWS):
        rows = slice(first, first + BLOCK_ROWS)
        neighbours = graph.neighbours[rows]
        dx, dy = xs[neighbours] - xs[rows, None], ys[neighbours] - ys[rows, None]
        strength = graph.weights[rows] / (1 + dx * dx + dy * dy)
        for pull, way in zip(pulls, (dx, dy), strict=True):
            way *= strength
            pull[rows] += way.sum(axis=1)
            pull -= np.bincount(neighbours.ravel(), way.ravel(), n_points)
    return (pulls.T / 2).astype(np.float32)


def _pull_new(points: Floats, fresh: Floats, graph: Graph) -> Floats:
    """Compute how much neighbours pull new points, `(m, 2)`."""
    ways = points[graph.neighbours] - fresh[:, None]
    strength = graph.weights / (1 + np.square(ways).sum(axis=2))
    pull: Floats = np.einsum("nkd,nk->nd", ways, strength)
    return pull
