"""Triplets: which negatives a batch holds, and the loss (Jansen et al. 2018, arXiv 1711.02209).

Distances are cosine distances, 1 - cos, within [0, 2]. Row i of a batch has an anchor and its
positive; every other row's positive is a candidate for its negative, unless both rows come from one
recording.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class MiningStatistics:
    """What mining met: shares of candidates by kind, and mean distances before and after it.

    A negative is hard when it is nearer than the positive, semi-hard when it is further, but by
    less than the margin, easy beyond.
    """

    hard: float
    semi_hard: float
    easy: float
    positive_distance: float
    random_negative_distance: float
    mined_negative_distance: float


def compute_distances(anchors: Tensor, others: Tensor) -> Tensor:
    """Compute cosine distances of unit vectors, `(n, d)` and `(m, d)` to `(n, m)`."""
    return 1.0 - anchors @ others.T


def mine_semi_hard(distances: Tensor, recordings: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    """Choose each anchor's negative within the batch.

    The nearest of the semi-hard candidates (further than the positive, by less than the margin);
    where there is none, the nearest that is further than the positive; where there is none of those
    either, the furthest, the least hard. Ties go to the lower row.

    Parameters
    ----------
    distances
        `(n, n)`: from anchor i to the positive of row j; the diagonal is anchor to own positive.
    recordings
        `(n,)`: which recording each row is from; rows of the same are no candidates.

    Returns
    -------
    The chosen rows, int64 `(n,)`, and whether each has any candidate at all, bool `(n,)`.
    """
    positive = distances.diagonal()[:, None]
    candidates = recordings[:, None] != recordings[None, :]
    further = candidates & (distances > positive)
    nearest = torch.where(further, distances, torch.inf).argmin(dim=1)
    furthest = torch.where(candidates, distances, -torch.inf).argmax(dim=1)
    chosen = torch.where(further.any(dim=1), nearest, furthest)
    return chosen, candidates.any(dim=1)


def compute_triplet_loss(
    anchors: Tensor, positives: Tensor, recordings: Tensor, margin: float
) -> tuple[Tensor, MiningStatistics]:
    """Average [d(a, p) - d(a, n) + margin]+ over semi-hard triplets (the paper's equation 1)."""
    distances = compute_distances(anchors, positives)
    with torch.no_grad():
        chosen, usable = mine_semi_hard(distances, recordings, margin)
        statistics = _describe(distances, recordings, chosen, margin)
    positive = distances.diagonal()
    negative = distances.gather(1, chosen[:, None])[:, 0]
    losses = torch.relu(positive - negative + margin) * usable
    return losses.sum() / usable.sum().clamp(min=1), statistics


def compute_contrastive_loss(
    anchors: Tensor, positives: Tensor, recordings: Tensor, temperature: float
) -> Tensor:
    """Cross entropy of finding each anchor's positive in the batch (InfoNCE, arXiv 1807.03748)."""
    logits = anchors @ positives.T / temperature
    own = recordings[:, None] == recordings[None, :]
    own.fill_diagonal_(False)
    logits = logits.masked_fill(own, -torch.inf)
    rows = torch.arange(len(logits), device=logits.device)
    forth = torch.nn.functional.cross_entropy(logits, rows)
    back = torch.nn.functional.cross_entropy(logits.T, rows)
    return (forth + back) / 2


def _describe(
    distances: Tensor, recordings: Tensor, chosen: Tensor, margin: float
) -> MiningStatistics:
    candidates = recordings[:, None] != recordings[None, :]
    gaps = distances - distances.diagonal()[:, None]
    count = candidates.sum().clamp(min=1)
    found = [
        (candidates & (gaps <= 0)).sum() / count,
        (candidates & (gaps > 0) & (gaps < margin)).sum() / count,
        (candidates & (gaps >= margin)).sum() / count,
        distances.diagonal().mean(),
        (distances * candidates).sum() / count,
        distances.gather(1, chosen[:, None]).mean(),
    ]
    return MiningStatistics(*torch.stack(found).tolist())  # a GPU is waited for once
