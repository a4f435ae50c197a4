"""What training minimises: mining against a slow reference, and both losses as equations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from soundkin.training.losses import compute_contrastive_loss, compute_triplet_loss, mine_semi_hard


def mine_slowly(distances: np.ndarray, recordings: list[int], margin: float) -> list[int]:
    """Choose negatives as the words say, one at a time."""
    chosen = []
    for row in range(len(distances)):
        positive = distances[row, row]
        candidates = [c for c in range(len(distances)) if recordings[c] != recordings[row]]
        semi_hard = [c for c in candidates if positive < distances[row, c] < positive + margin]
        further = [c for c in candidates if distances[row, c] > positive]
        if semi_hard:
            chosen.append(min(semi_hard, key=lambda c: (distances[row, c], c)))
        elif further:
            chosen.append(min(further, key=lambda c: (distances[row, c], c)))
        elif candidates:
            chosen.append(min(candidates, key=lambda c: (-distances[row, c], c)))
        else:
            chosen.append(-1)
    return chosen


@pytest.mark.parametrize("seed", range(20))
def test_mining_is_the_slow_reference_with_ties_and_rows_without_candidates(seed: int) -> None:
    generator = np.random.default_rng(seed)
    size = int(generator.integers(2, 24))
    distances = np.round(generator.uniform(0, 2, (size, size)), 1)  # rounded, so that many tie
    n_recordings = 1 if seed == 0 else int(generator.integers(1, size + 1))
    recordings = generator.integers(0, n_recordings, size)
    chosen, usable = mine_semi_hard(
        torch.from_numpy(distances), torch.from_numpy(recordings), margin=0.2
    )
    expected = mine_slowly(distances, recordings.tolist(), 0.2)
    for row, slow in enumerate(expected):
        assert bool(usable[row]) == (slow >= 0)
        if slow >= 0:
            assert int(chosen[row]) == slow
            assert recordings[slow] != recordings[row]


def test_the_triplet_loss_is_its_equation() -> None:
    generator = torch.Generator().manual_seed(0)
    unit = torch.nn.functional.normalize
    anchors, positives = unit(torch.randn(2, 16, 8, generator=generator), dim=2)
    recordings = torch.arange(16) // 2
    loss, statistics = compute_triplet_loss(anchors, positives, recordings, 0.3)
    distances = 1 - anchors @ positives.T
    chosen = mine_slowly(distances.numpy(), recordings.tolist(), 0.3)
    hinges = [
        max(0.0, float(distances[i, i] - distances[i, n]) + 0.3) for i, n in enumerate(chosen)
    ]
    assert float(loss) == pytest.approx(np.mean(hinges), abs=1e-6)
    assert statistics.hard + statistics.semi_hard + statistics.easy == pytest.approx(1)


def test_the_contrastive_loss_leaves_out_the_anchors_own_recording() -> None:
    vectors = torch.nn.functional.normalize(torch.ones(4, 3), dim=1)
    alone = compute_contrastive_loss(vectors, vectors, torch.zeros(4, dtype=torch.int64), 0.1)
    assert float(alone) == pytest.approx(0)
    apart = compute_contrastive_loss(vectors, vectors, torch.arange(4), 0.1)
    assert float(apart) == pytest.approx(np.log(4), abs=1e-4)
