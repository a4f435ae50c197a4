"""What to train and how: the recipe, frozen dataclasses read from TOML."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from soundkin.config import DeformationConfig, ModelConfig
from soundkin.errors import ModelError

LOSSES = ("triplet", "contrastive")
NETWORK_KINDS = ("residual", "plain")


@dataclass(frozen=True)
class NetworkConfig:
    """The conv net: widths of the stem, then of each block; all halve both axes.

    Blocks of kind `residual` have two 3×3 convolutions and a way around them, with `inner_share` of
    the block's width between the two; of kind `plain` one of 13 bands × 3 frames and max-pooling.
    """

    kind: str = "residual"
    channels: tuple[int, ...] = (16, 48, 96, 192)
    inner_share: float = 0.667


@dataclass(frozen=True)
class TrainingConfig:
    """How to train: `loss` is `contrastive` (with `temperature`) or `triplet` (with `margin`).

    Every `checkpoint_every` steps the state is saved and measured on held-out recordings; after
    `patience` such times in a row without a better score training stops, 0 being never.
    """

    steps: int = 6000
    batch_size: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    warmup_steps: int = 200
    loss: str = "contrastive"
    margin: float = 0.2
    temperature: float = 0.05
    held_out: float = 0.05
    checkpoint_every: int = 200
    patience: int = 10
    seed: int = 0
    deformations: DeformationConfig = field(default_factory=DeformationConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)


@dataclass(frozen=True)
class Recipe:
    """All that training needs to be told: what model to make, and how."""

    model: ModelConfig
    training: TrainingConfig = field(default_factory=TrainingConfig)

    @classmethod
    def from_toml(cls, text: str) -> Recipe:
        """Read a recipe; what it leaves out has its default.

        Raises
        ------
        ModelError
            It is no TOML, or has a name or a value that a recipe cannot have.
        """
        try:
            values = tomllib.loads(text)
            recipe: Recipe = _fill(cls, values)
        except (tomllib.TOMLDecodeError, TypeError, ValueError) as error:
            raise ModelError(f"the recipe cannot be read ({error})") from error
        if recipe.training.loss not in LOSSES:
            raise ModelError(f"the recipe's loss must be one of {', '.join(LOSSES)}")
        if recipe.training.network.kind not in NETWORK_KINDS:
            raise ModelError(f"the recipe's network must be one of {', '.join(NETWORK_KINDS)}")
        return recipe


def _fill(kind: Any, values: Any) -> Any:
    """Make a dataclass of nested tables."""
    kinds = get_type_hints(kind)
    filled: dict[str, Any] = {}
    for name, value in values.items():
        if name not in kinds:
            raise ValueError(f"no {name!r} in {kind.__name__}; it may have {', '.join(kinds)}")
        if isinstance(value, dict):
            value = _fill(kinds[name], value)
        filled[name] = tuple(value) if isinstance(value, list) else value
    return kind(**filled)
