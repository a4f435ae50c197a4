"""Workers that share a batch find the gradient that one machine finds with all of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from soundkin.errors import TrainingError
from soundkin.training.distributed import WorkerGroup
from soundkin.training.losses import compute_contrastive_loss, compute_triplet_loss
from soundkin.training.validation import HeldOutScore

N_PAIRS, SIZE = 24, 2


def make_network() -> nn.Module:
    """Make a network that is the same in every process."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 8))


def make_batch() -> tuple[Tensor, Tensor, Tensor]:
    """Make anchors, positives, and recordings of which some have several rows."""
    generator = torch.Generator().manual_seed(1)
    anchors = torch.randn(N_PAIRS, 6, generator=generator)
    positives = anchors + 0.7 * torch.randn(N_PAIRS, 6, generator=generator)
    return anchors, positives, torch.arange(N_PAIRS) % 17


def compute_gradient(group: WorkerGroup, loss_name: str) -> Tensor:
    """Take one step's gradient, as training does, from this worker's share."""
    network = make_network()
    joined = group.wrap(network)  # type: ignore[arg-type]
    share = group.split_batch(N_PAIRS)
    rows = slice(group.rank * share, (group.rank + 1) * share)
    parts = [part[rows] for part in make_batch()]
    vectors = nn.functional.normalize(joined(torch.cat(parts[:2])), dim=1)
    anchors, positives = map(group.gather, vectors.chunk(2))
    recordings = group.gather(parts[2])
    if loss_name == "triplet":
        loss, _ = compute_triplet_loss(anchors, positives, recordings, 0.3)
    else:
        loss = compute_contrastive_loss(anchors, positives, recordings, 0.1)
    (loss * group.size).backward()  # type: ignore[no-untyped-call]
    return torch.cat([weights.grad.flatten() for weights in network.parameters()])


def work(rank: int, folder: str, loss_name: str) -> None:
    """Be one of the workers."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=SIZE
    )
    group = WorkerGroup(rank, SIZE)
    gradient = compute_gradient(group, loss_name)
    score = HeldOutScore(0.5, 0.75, 3.0, 0.1, 0.9) if group.is_first else None
    told = group.broadcast(score, "cpu")
    torch.save({"gradient": gradient, "found": told.found}, f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("loss_name", ["triplet", "contrastive"])
def test_shares_of_a_batch_give_the_gradient_of_the_whole(tmp_path: Path, loss_name: str) -> None:
    wanted = compute_gradient(WorkerGroup(), loss_name)
    assert float(wanted.norm()) > 0
    torch.multiprocessing.spawn(work, (str(tmp_path), loss_name), nprocs=SIZE)  # type: ignore[no-untyped-call]
    for rank in range(SIZE):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        torch.testing.assert_close(found["gradient"], wanted)
        assert found["found"] == 0.5


def test_mining_within_a_share_alone_would_be_another_gradient() -> None:
    anchors, positives, recordings = make_batch()
    network = make_network()
    losses = []
    for rows in (slice(0, 12), slice(12, 24)):
        vectors = nn.functional.normalize(network(torch.cat([anchors[rows], positives[rows]])))
        losses.append(compute_triplet_loss(*vectors.chunk(2), recordings[rows], 0.3)[0])
    (sum(losses) / 2).backward()  # type: ignore[union-attr]
    alone = torch.cat([weights.grad.flatten() for weights in network.parameters()])
    whole = compute_gradient(WorkerGroup(), "triplet")
    assert float((alone - whole).norm()) > 0.05 * float(whole.norm())


def test_a_batch_that_cannot_be_shared_evenly_is_refused() -> None:
    assert WorkerGroup(0, 4).split_batch(32) == 8
    with pytest.raises(TrainingError, match="batch_size 32 cannot be shared by 3 workers"):
        WorkerGroup(0, 3).split_batch(32)


def test_workers_draw_different_pairs_and_one_alone_the_recipes_own() -> None:
    seeds = [WorkerGroup(rank, 2).seed(7, 3) for rank in range(2)]
    assert seeds[0] != seeds[1]
    assert WorkerGroup().seed(7, 3) == [7, 3]
