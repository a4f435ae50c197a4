"""How well a network finds held-out sounds again: a score without labels.

Held-out recordings give pairs as training draws them; the network has to find, among the positives
of all recordings, the one that belongs to each anchor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from soundkin.config import ModelConfig
from soundkin.embedding.baselines import compute_log_mel_statistics, standardise
from soundkin.training.excerpts import Excerpts
from soundkin.training.pairs import PairDrawer, make_generator
from soundkin.training.recipe import TrainingConfig

N_PAIRS = 1024
BATCH_SIZE = 128


@dataclass(frozen=True)
class HeldOutScore:
    """Of the held-out anchors, what share has its own positive nearest, or among the nearest 10.

    `median_rank` is 1 at best; distances are mean cosine distances to the own positive and to those
    of other recordings.
    """

    found: float
    found_in_10: float
    median_rank: float
    positive_distance: float
    negative_distance: float


class Validation:
    """Pairs of held-out recordings, drawn once and the same for every network."""

    def __init__(
        self,
        excerpts: Excerpts,
        recordings: npt.NDArray[np.int64],
        model: ModelConfig,
        config: TrainingConfig,
    ) -> None:
        drawer = PairDrawer(excerpts, recordings, model, config.deformations)
        generator = make_generator([config.seed, 1 << 40], excerpts.device)
        self._batches = [drawer.draw(BATCH_SIZE, generator) for _ in range(N_PAIRS // BATCH_SIZE)]

    def score(self, embed: Callable[[Tensor], Tensor]) -> HeldOutScore:
        """Score what maps log-mels `(batch, n_mels, n_frames)` to unit vectors `(batch, n)`."""
        with torch.no_grad():
            anchors = torch.cat([embed(batch.anchors) for batch in self._batches])
            positives = torch.cat([embed(batch.positives) for batch in self._batches])
        return self._score_vectors(anchors, positives)

    def score_statistics(self) -> HeldOutScore:
        """Score what needs no learning: the log-mel baseline, standardised over all pairs."""
        halves = [half for batch in self._batches for half in (batch.anchors, batch.positives)]
        statistics = [compute_log_mel_statistics(half.cpu().numpy()) for half in halves]
        vectors = [torch.from_numpy(own) for own in standardise(statistics)]
        return self._score_vectors(torch.cat(vectors[::2]), torch.cat(vectors[1::2]))

    def _score_vectors(self, anchors: Tensor, positives: Tensor) -> HeldOutScore:
        recordings = torch.cat([batch.recordings for batch in self._batches]).to(anchors.device)
        return _score_pairs(anchors @ positives.T, recordings)


def _score_pairs(scores: Tensor, recordings: Tensor) -> HeldOutScore:
    """Rank each anchor's own positive among those of other recordings; scores are `(n, n)`."""
    others = recordings[:, None] != recordings[None, :]
    own = scores.diagonal()
    ranks = 1 + ((scores >= own[:, None]) & others).sum(dim=1)
    return HeldOutScore(
        found=float((ranks == 1).float().mean()),
        found_in_10=float((ranks <= 10).float().mean()),
        median_rank=float(ranks.float().median()),
        positive_distance=float(1 - own.mean()),
        negative_distance=float(1 - scores[others].mean()),
    )
