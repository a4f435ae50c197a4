"""What to train and how: the recipe, frozen dataclasses read from TOML."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from soundkin.config import DeformationConfig, MelConfig, ModelConfig
from soundkin.errors import ModelError

Count = Annotated[int, Field(ge=1)]
NotNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]


def _check_deformations(config: DeformationConfig) -> DeformationConfig:
    """Refuse what no pair can be drawn with; `soundkin.config` is loaded without pydantic."""
    for name, value in vars(config).items():
        if name.endswith("_share") and not 0 <= value <= 1:
            raise ValueError(f"{name} must lie within 0 and 1, not {value:g}")
    for name in ("pitch_semitones", "mixture", "proximity_s", "gain_db", "channel_db", "place_s"):
        if getattr(config, name) < 0:
            raise ValueError(f"{name} must be 0 or more, not {getattr(config, name):g}")
    if config.stretch < 1:
        raise ValueError(f"stretch must be 1 or more, not {config.stretch:g}")
    if not (len(config.floor_db) == 2 and config.floor_db[0] <= config.floor_db[1] <= 0):
        raise ValueError(
            f"floor_db must be two numbers, low ≤ high ≤ 0, not {list(config.floor_db)}"
        )
    levels = config.noise_levels
    if levels and not (len(levels) == 2 and 0 <= levels[0] <= levels[1]):
        raise ValueError(f"noise_levels must be two numbers, 0 ≤ low ≤ high, not {list(levels)}")
    return config


@dataclass(frozen=True)
class NetworkConfig:
    """The conv net: widths of the stem, then of each block; all halve both axes.

    Blocks of kind `residual` have two 3×3 convolutions and a way around them, with `inner_share` of
    the block's width between the two; of kind `plain` one of 13 bands × 3 frames and max-pooling.
    """

    kind: Literal["residual", "plain"] = "residual"
    channels: Annotated[tuple[Count, ...], Field(min_length=1)] = (16, 48, 96, 192)
    inner_share: Annotated[float, Field(gt=0, le=1)] = 0.667


@dataclass(frozen=True)
class TrainingConfig:
    """How to train: `loss` is `contrastive` (with `temperature`) or `triplet` (with `margin`).

    Every `checkpoint_every` steps the state is saved and measured on held-out recordings; after
    `patience` such times in a row without a better score training stops, 0 being never.
    """

    steps: Count = 6000
    batch_size: Annotated[int, Field(ge=2)] = 256
    learning_rate: Positive = 2e-3
    weight_decay: NotNegative = 1e-4
    warmup_steps: Annotated[int, Field(ge=0)] = 200
    loss: Literal["triplet", "contrastive"] = "contrastive"
    margin: NotNegative = 0.2
    temperature: Positive = 0.05
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.05
    checkpoint_every: Count = 200
    patience: Annotated[int, Field(ge=0)] = 10
    seed: Annotated[int, Field(ge=0)] = 0
    deformations: Annotated[DeformationConfig, AfterValidator(_check_deformations)] = field(
        default_factory=DeformationConfig
    )
    network: NetworkConfig = field(default_factory=NetworkConfig)


# Not what `MelConfig` has by itself: that is what older models mean, whose files say less.
DEFAULT_MEL = MelConfig(log_offset=3e-10, peak_db=-18.0)


@dataclass(frozen=True)
class Recipe:
    """All that training needs to be told: what model to make, and how."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    model: ModelConfig
    training: TrainingConfig = field(default_factory=TrainingConfig)

    @classmethod
    def from_toml(cls, text: str, name: str = "recipe") -> Recipe:
        """Read a recipe, called `name` in errors; what it leaves out has its default.

        Raises
        ------
        ModelError
            It is no TOML, or has a name or a value that a recipe cannot have.
        """
        try:
            given = tomllib.loads(text)
            if isinstance(given.get("model"), dict):
                given["model"].setdefault("mel", dataclasses.asdict(DEFAULT_MEL))
            values = json.dumps(given, default=str)  # dates, which fit nowhere
        except ValueError as error:
            raise ModelError(f"{name}: the recipe cannot be read ({error})") from error
        try:
            # As JSON, for in it even strict types have numbers without a point, and lists.
            return TypeAdapter(cls).validate_json(values)
        except ValidationError as error:
            raise ModelError(f"{name}: {_describe(error.errors()[0])}") from error
        except ModelError as error:
            raise ModelError(f"{name}: {error}") from error


def _describe(error: Mapping[str, Any]) -> str:
    """Put one of pydantic's errors into words: the key, what it may be, and what it is."""
    *tables, key = error["loc"]
    where, given = ".".join(map(str, error["loc"])), f"{error['input']!r:.60}"
    match error["type"]:
        case "unexpected_keyword_argument":
            kind: Any = Recipe
            for table in tables:
                kind = get_type_hints(kind)[table]
            names = ", ".join(get_type_hints(kind))
            return f"{where}: no {key!r} in {kind.__name__}; it may have {names}"
        case "missing":
            return f"{where}: it is missing; without [model] and its name the recipe cannot be read"
        case "literal_error":
            return f"{where}: {key} must be one of {error['ctx']['expected']}, not {given}"
        case "too_short":
            return f"{where}: it must have {error['ctx']['min_length']} or more values"
        case "value_error":
            return f"{where}: {error['ctx']['error']}"
    return f"{where}: {error['msg'].replace('Input', 'it', 1)}, not {given}"
