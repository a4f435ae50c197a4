"""Numbers drawn by chance, one for each sound of a batch."""

from __future__ import annotations

import torch
from torch import Generator, Tensor


def draw_between(low: float, high: float, count: int, generator: Generator) -> Tensor:
    """Draw `count` numbers from `low` to `high`, float64 on the generator's device."""
    drawn = torch.rand(count, dtype=torch.float64, device=generator.device, generator=generator)
    return low + (high - low) * drawn


def draw_whether(share: float, count: int, generator: Generator) -> Tensor:
    """Choose a share of `count` sounds, bool."""
    return draw_between(0, 1, count, generator) < share


def draw_within(reach: float, share: float, count: int, generator: Generator) -> Tensor:
    """Draw `count` numbers from `-reach` to `reach`, all but a share of them 0."""
    drawn = draw_between(-reach, reach, count, generator)
    return torch.where(draw_whether(share, count, generator), drawn, 0) if share < 1 else drawn


def make_column(values: Tensor) -> Tensor:
    """Bring one number per sound to a shape that multiplies spectrograms."""
    return values.float()[:, None, None]
