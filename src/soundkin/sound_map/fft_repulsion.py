"""How many points push each other apart: sums over all pairs, from a grid and Fourier transforms.

The kernel is the potential 1 / (1 + d²) of t-SNE. Points are spread onto a grid by cubic Lagrange
polynomials, the grid is convolved with the kernel and its slopes, and the results are read back at
the points the same way, so that n points cost about n and not n² (Linderman et al. 2019, Nature
Methods 16, FIt-SNE). With the slopes convolved too, one grid of points is enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import numpy as np
import numpy.typing as npt

SPACING = 0.3  # of knots, in the kernel's unit; pushes of near points are 5 % too weak
MAX_CELLS = 2000  # each way; where points lie farther apart the grid is coarser
MARGIN = 2  # cells that the polynomials reach beyond a point
SMALL_FACTORS: list[int] = [3**i * 5**j for i in range(4) for j in range(3)]

Floats = npt.NDArray[np.float32]
Transforms = npt.NDArray[np.complexfloating[Any, Any]]


@dataclass(frozen=True)
class Stencil:
    """Where points lie on a grid: 16 flat places of each and their weights, `(16, n)` both."""

    places: npt.NDArray[np.intp]
    weights: Floats


@dataclass(frozen=True)
class Grid:
    """A square of `n_cells` by `n_cells` knots from `origin` on, so far apart as `spacing`."""

    origin: Floats
    n_cells: int
    spacing: float

    @classmethod
    def around(cls, points: Floats) -> Self:
        """Lay a grid around points `(n, 2)`."""
        low = points.min(axis=0)
        span = float(np.ptp(points, axis=0).max())
        spacing = max(SPACING, span / MAX_CELLS)
        n_cells = _round_up(int(span / spacing) + 2 + 2 * MARGIN)
        return cls(low - np.float32(MARGIN * spacing), n_cells, spacing)

    def locate(self, points: Floats) -> Stencil:
        """Find the knots around points `(n, 2)`; such as lie outside are taken to the border."""
        steps = (points - self.origin) / np.float32(self.spacing)
        np.clip(steps, 1, self.n_cells - 2 - 1e-3, out=steps)
        cells = steps.astype(np.intp)
        rest = steps - cells
        along, across = _weigh(rest[:, 0]), _weigh(rest[:, 1])
        reach = np.arange(-1, 3)
        offsets = (reach[:, None] * self.n_cells + reach).reshape(16, 1)
        places = cells[:, 0] * self.n_cells + cells[:, 1] + offsets
        return Stencil(places, (along[:, None] * across).reshape(16, -1))

    def convolve(self, stencil: Stencil) -> RepulsionField:
        """Sum the kernel and its slopes over all points of a stencil, at every knot."""
        n_knots = self.n_cells**2
        spread = np.bincount(stencil.places.ravel(), stencil.weights.ravel(), n_knots)
        shape = (2 * self.n_cells, 2 * self.n_cells)  # twice as wide: borders must not meet
        density = spread.astype(np.float32).reshape(self.n_cells, self.n_cells)
        transform = np.fft.rfft2(density, shape)
        kernels = _transform_kernels(self.n_cells, self.spacing)
        return RepulsionField(*(self._convolve(transform, kernel) for kernel in kernels))

    def _convolve(self, transform: Transforms, kernel: Transforms) -> Floats:
        shape = (2 * self.n_cells, 2 * self.n_cells)
        wide = np.fft.irfft2(transform * kernel, shape)
        return wide[: self.n_cells, : self.n_cells].astype(np.float32).ravel()


@dataclass(frozen=True)
class RepulsionField:
    """RepulsionField over all points at every knot: 1 / (1 + d²), and dx and dy over (1 + d²)²."""

    potential: Floats
    slope_x: Floats
    slope_y: Floats

    def sample(self, stencil: Stencil) -> Floats:
        """Read the potential and the slopes, the push away from all points, at points, `(3, n)`."""
        columns = (self.potential, self.slope_x, self.slope_y)
        return np.stack([_weigh_up(column[stencil.places], stencil) for column in columns])


def compute_self_repulsion(stencil: Stencil, spacing: float) -> Floats:
    """Compute what each point adds to the sums where it is itself, as `sample` reads.

    On a grid a point seems to push itself a little, which throws points apart where they are few.
    """
    steps = np.arange(4)
    x, y = (axis.ravel() for axis in np.meshgrid(steps, steps, indexing="ij"))
    kernels = _evaluate(spacing * (x[:, None] - x), spacing * (y[:, None] - y))
    return np.stack([_weigh_up(kernel @ stencil.weights, stencil) for kernel in kernels])


def _weigh_up(values: Floats, stencil: Stencil) -> Floats:
    weighed: Floats = np.einsum("kn,kn->n", values, stencil.weights)
    return weighed


def _evaluate(dx: npt.NDArray[np.floating[Any]], dy: npt.NDArray[np.floating[Any]]) -> list[Floats]:
    """Evaluate the kernel and its slopes."""
    kernel = 1 / (1 + dx * dx + dy * dy)
    return [k.astype(np.float32) for k in (kernel, dx * kernel * kernel, dy * kernel * kernel)]


def _weigh(rest: Floats) -> Floats:
    """Weigh the four knots around a place by its way from the second to the third, `(4, n)`."""
    before, after, far = rest + 1, rest - 1, rest - 2
    return np.stack(
        [
            -rest * after * far / 6,
            before * after * far / 2,
            -before * rest * far / 2,
            before * rest * after / 6,
        ]
    ).astype(np.float32)


@lru_cache(maxsize=1)
def _transform_kernels(n_cells: int, spacing: float) -> tuple[Transforms, Transforms, Transforms]:
    steps = np.fft.fftfreq(2 * n_cells, 1 / (2 * n_cells))
    kernels = _evaluate(spacing * steps[:, None], spacing * steps[None])
    by_all, by_x, by_y = (np.fft.rfft2(kernel) for kernel in kernels)
    return by_all, by_x, by_y


def _round_up(n_cells: int) -> int:
    """Round up to a number that Fourier transforms take quickly."""
    powers = [max(0, (-(-n_cells // factor) - 1).bit_length()) for factor in SMALL_FACTORS]
    return min(factor << power for factor, power in zip(SMALL_FACTORS, powers, strict=True))
