"""The last step of training: what is done to the embedding once the network's weights are settled.

It needs no label and no step of learning, only the network's own vectors of training sounds.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from soundkin.network import Network
from soundkin.pairs import PairDrawer

BATCH_SIZE = 256
SPREAD_POWER = 0.75  # 0 leaves the embedding as it is, 1 makes all directions deform alike
SMALLEST_SPREAD = 1e-3  # of the mean one
SILENT_RISE = 1.0  # of log-mel above its floor, in silence at most


def finish_network(
    network: Network,
    plain: PairDrawer,
    deformed: PairDrawer,
    log_offset: float,
    n_batches: int,
    generator: Generator,
) -> None:
    """Measure a network's mean vector and what deformations do to it; tell it what silence is.

    Silence gets the direction in which sounds differ least, so that it is like none of them.

    Parameters
    ----------
    plain, deformed
        Draw training sounds as they are, and pairs as they were trained on.
    log_offset
        The log-mel's.
    n_batches
        How many are drawn of each; 64 (16,384 pairs) are enough for covariances to settle.
    """
    network.clear_finish()
    with torch.no_grad():
        sounds = [network(plain.draw(BATCH_SIZE, generator).anchors) for _ in range(n_batches)]
        network.centre.copy_(torch.cat(sounds).mean(dim=0))
        pairs = (deformed.draw(BATCH_SIZE, generator) for _ in range(n_batches))
        moves = torch.cat([network(pair.anchors) - network(pair.positives) for pair in pairs])
        network.spread.copy_(compute_spread(moves))
        sounds = [network(plain.draw(BATCH_SIZE, generator).anchors) for _ in range(n_batches)]
        network.silence.copy_(find_emptiest(torch.cat(sounds)))
        network.floor.fill_(math.log(log_offset) + SILENT_RISE)


def compute_spread(moves: Tensor) -> Tensor:
    """Compute what evens out the directions in which a sound's likenesses differ from it.

    The within-class covariance to the power of -3/8: three quarters of the normalisation of Hatch,
    Kajarekar and Stolcke (Interspeech 2006), a sound and its deformed likeness being a class.

    Parameters
    ----------
    moves
        `(n, 128)`: from one to the other.

    Returns
    -------
    `(128, 128)`, symmetric; where nothing moves the identity.
    """
    covariance = (moves.T @ moves).double() / len(moves)
    spreads, directions = torch.linalg.eigh(covariance)
    if not float(spreads.mean()) > 0:
        return torch.eye(moves.shape[1])
    scales = (spreads / spreads.mean()).clamp(min=SMALLEST_SPREAD) ** (-SPREAD_POWER / 2)
    spread: Tensor = (directions * scales @ directions.T).float()
    return spread


def find_emptiest(vectors: Tensor) -> Tensor:
    """Find the direction, a unit vector `(128,)`, in which vectors `(n, 128)` have least."""
    _, directions = torch.linalg.eigh((vectors.T @ vectors).double())
    emptiest: Tensor = directions[:, 0].float()
    return emptiest * torch.sign(emptiest[emptiest.abs().argmax()])
