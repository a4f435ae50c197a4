"""A training run saved, resumed and logged."""

from __future__ import annotations

import dataclasses
import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from soundkin.errors import TrainingError
from soundkin.system.files import write_aside
from soundkin.training.network import Network
from soundkin.training.validation import HeldOutScore

CHECKPOINT = "checkpoint.pt"
LOG = "log.jsonl"


@dataclass(frozen=True)
class BestNetwork:
    """The network with the best held-out score so far, and the step it is of."""

    step: int
    score: HeldOutScore
    weights: dict[str, torch.Tensor]

    @classmethod
    def of(cls, step: int, score: HeldOutScore, network: Network) -> BestNetwork:
        """Copy a network's weights as they are now."""
        state = network.state_dict().items()
        return cls(step, score, {name: weights.detach().clone() for name, weights in state})


@dataclass(frozen=True)
class Checkpoint:
    """How far a run of a `recipe` is; `before` is the score that it began with."""

    recipe: str
    step: int
    before: HeldOutScore
    best: BestNetwork

    @classmethod
    def load(
        cls, folder: Path, recipe: str, network: Network, optimizer: torch.optim.Optimizer
    ) -> Checkpoint | None:
        """Bring a network and its optimizer to where a run was; None where there was none.

        Makes the folder.

        Raises
        ------
        TrainingError
            It is of another recipe, or damaged, or it cannot be read.
        """
        path = folder / CHECKPOINT
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                return None
            device = next(network.parameters()).device
            state = torch.load(path, map_location=device, weights_only=True)
            if state["recipe"] != recipe:
                raise TrainingError(f"{path}: of another recipe; give another output, or delete it")
            network.load_state_dict(state["network"])
            optimizer.load_state_dict(state["optimizer"])
            best = state["best"]
            best = BestNetwork(best["step"], HeldOutScore(**best["score"]), best["weights"])
            return cls(recipe, state["step"], HeldOutScore(**state["before"]), best)
        except OSError as error:
            raise TrainingError(f"{path}: {error.strerror or error}") from error
        except (RuntimeError, KeyError, TypeError, ValueError, pickle.UnpicklingError) as error:
            raise TrainingError(f"{path}: damaged; delete it to start anew") from error

    def save(
        self, folder: Path, network: Network, optimizer: torch.optim.Optimizer, report: Any
    ) -> None:
        """Write it, and a line of the log: the report of its step, a dataclass.

        Raises
        ------
        TrainingError
            It cannot be written.
        """
        state = {
            "recipe": self.recipe,
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "step": self.step,
            "before": dataclasses.asdict(self.before),
            "best": dataclasses.asdict(self.best),
        }
        try:
            with write_aside(folder / CHECKPOINT) as file:
                torch.save(state, file)
            with (folder / LOG).open("a", encoding="utf-8") as log:
                log.write(json.dumps(dataclasses.asdict(report)) + "\n")
        except (OSError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise TrainingError(f"{folder}: {reason}") from error
