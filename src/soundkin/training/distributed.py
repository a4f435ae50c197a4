"""Workers that train one network together: each embeds its share, all mine in the whole batch.

Every worker computes the loss of the whole batch, of which only its own vectors carry a gradient.
The sum of what workers then find for the weights is the gradient of one machine with that batch, so
negatives are as many as one machine's would be (as in SimCLR, arXiv 2002.05709, section 2.1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass

import torch
from torch import Tensor, nn

from soundkin.errors import TrainingError
from soundkin.training.network import Network
from soundkin.training.validation import HeldOutScore


@dataclass(frozen=True)
class WorkerGroup:
    """The workers of a run, and which of them this is; one alone needs no other's word."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that measures, writes and tells."""
        return self.rank == 0

    def split_batch(self, batch_size: int) -> int:
        """Compute how many pairs of a batch each worker draws.

        Raises
        ------
        TrainingError
            They cannot be shared out evenly.
        """
        if batch_size % self.size:
            raise TrainingError(
                f"batch_size {batch_size} cannot be shared by {self.size} workers; take as many "
                "that divide it"
            )
        return batch_size // self.size

    def seed(self, seed: int, step: int) -> list[int]:
        """Make the seed of this worker's share of a step; one alone has the recipe's own."""
        return [seed, step] if self.size == 1 else [seed, step, self.rank]

    def wrap(self, network: Network) -> nn.Module:
        """Make of a network, alike in all workers, one whose gradients are averaged over them.

        On GPUs its batch normalisation sees the whole batch; on processors each worker's own share.
        """
        if self.size == 1:
            return network
        return nn.parallel.DistributedDataParallel(network)

    def synchronise_norms(self, network: Network, device: str) -> Network:
        """Have batch normalisation see the whole batch, where torch can do that."""
        if self.size == 1 or device != "cuda":
            return network
        convert: Callable[[Network], Network] = nn.SyncBatchNorm.convert_sync_batchnorm
        return convert(network)

    def gather(self, rows: Tensor) -> Tensor:
        """Put the rows of all workers together, `(n, …)` of each; gradients reach this one's."""
        if self.size == 1:
            return rows
        parts = [torch.empty_like(rows) for _ in range(self.size)]
        torch.distributed.all_gather(parts, rows.detach().contiguous())
        parts[self.rank] = rows
        return torch.cat(parts)

    def broadcast(self, score: HeldOutScore | None, device: str) -> HeldOutScore:
        """Give every worker the score that the first has."""
        if self.size == 1:
            assert score is not None  # the first always has one
            return score
        given = astuple(score) if score is not None else [0.0] * 5
        values = torch.tensor(given, dtype=torch.float64, device=device)
        torch.distributed.broadcast(values, 0)
        return HeldOutScore(*values.tolist())
