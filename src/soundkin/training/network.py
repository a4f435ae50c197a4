"""The conv net g: log-mel segments to unit vectors; and the same as an ONNX graph.

A small residual net (He et al. 2016) that keeps the frequency axis to its end, pooled over time by
mean and maximum: what is where in the spectrum tells timbre, when it happens matters less.
"""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from torch import Tensor, nn

from soundkin.config import EMBEDDING_SIZE, ModelConfig
from soundkin.embedding.model import CONFIG_KEY
from soundkin.errors import ModelError
from soundkin.training.recipe import NetworkConfig


class ConvNorm(nn.Module):
    """A convolution with batch normalisation behind it, one convolution when the model is run."""

    def __init__(self, n_in: int, n_out: int, size: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, size, stride, size // 2, bias=False)
        self.norm = nn.BatchNorm2d(n_out)

    def forward(self, maps: Tensor) -> Tensor:
        """Map `(batch, n_in, height, width)` to `(batch, n_out, …)`."""
        normalised: Tensor = self.norm(self.conv(maps))
        return normalised


class Residual(nn.Module):
    """Two convolutions and a way around them; the first halves both axes."""

    def __init__(self, n_in: int, n_inner: int, n_out: int) -> None:
        super().__init__()
        self.first = ConvNorm(n_in, n_inner, 3, 2)
        self.second = ConvNorm(n_inner, n_out, 3, 1)
        self.around = ConvNorm(n_in, n_out, 1, 2)

    def forward(self, maps: Tensor) -> Tensor:
        """Map `(batch, n_in, height, width)` to half the size."""
        return torch.relu(self.second(torch.relu(self.first(maps))) + self.around(maps))


class Plain(nn.Module):
    """A convolution of 13 bands by 3 frames, then the maximum of every two by two."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, (13, 3), padding=(6, 1))

    def forward(self, maps: Tensor) -> Tensor:
        """Map `(batch, n_in, height, width)` to half the size."""
        return nn.functional.max_pool2d(torch.relu(self.conv(maps)), 2, ceil_mode=True)


def _make_block(config: NetworkConfig, n_in: int, n_out: int) -> Residual | Plain:
    if config.kind == "plain":
        return Plain(n_in, n_out)
    return Residual(n_in, max(1, round(config.inner_share * n_out)), n_out)


class Network(nn.Module):
    """g: log-mel `(batch, n_mels, n_frames)` to unit vectors `(batch, 128)`.

    `centre`, the mean vector of many sounds, is taken off at the end: what all sounds share tells
    nothing about any (Mu and Viswanath 2018, arXiv 1702.01417). Then `spread` `(128, 128)` makes
    smaller those directions in which a sound and its deformed likeness differ (within-class
    covariance normalisation, Hatch et al. 2006). They are 0 and 1 while training goes on.
    A segment that is nowhere above `floor` is silence and has a vector of its own, `silence`: no
    network learns from silence, and what one makes of it is chance.
    """

    def __init__(self, config: NetworkConfig, n_mels: int) -> None:
        super().__init__()
        self.kind = config.kind
        self.bands = nn.BatchNorm1d(n_mels)
        self.stem: ConvNorm | Plain = ConvNorm(1, config.channels[0], 5, 2)
        if config.kind == "plain":
            self.stem = Plain(1, config.channels[0])
        pairs = zip(config.channels, config.channels[1:], strict=False)
        self.blocks = nn.ModuleList(_make_block(config, *pair) for pair in pairs)
        n_rows = n_mels
        for _ in config.channels:
            n_rows = (n_rows + 1) // 2
        self.project = nn.Linear(2 * config.channels[-1] * n_rows, EMBEDDING_SIZE)
        self.centre: Tensor
        self.spread: Tensor
        self.silence: Tensor
        self.floor: Tensor
        self.register_buffer("centre", torch.zeros(EMBEDDING_SIZE))
        self.register_buffer("spread", torch.eye(EMBEDDING_SIZE))
        self.register_buffer("silence", torch.full((EMBEDDING_SIZE,), EMBEDDING_SIZE**-0.5))
        self.register_buffer("floor", torch.full((1,), -torch.inf))

    def reset_whitening(self) -> None:
        """Forget what was done to the embedding after training."""
        self.centre.zero_()
        self.spread.copy_(torch.eye(EMBEDDING_SIZE))

    def forward(self, log_mels: Tensor) -> Tensor:
        """Embed a batch."""
        maps = torch.relu(self.stem(self.bands(log_mels)[:, None]))
        for block in self.blocks:
            maps = block(maps)
        pooled = torch.cat([maps.mean(dim=3), maps.amax(dim=3)], dim=1)
        vectors = nn.functional.normalize(self.project(pooled.flatten(1)), dim=1)
        vectors = nn.functional.normalize((vectors - self.centre) @ self.spread, dim=1)
        is_silent = log_mels.amax(dim=(1, 2)) < self.floor
        return torch.where(is_silent[:, None], self.silence, vectors)


def load_weights(network: Network, path: Path, config: ModelConfig) -> None:
    """Give a network the weights of a model file that `export_network` wrote.

    Raises
    ------
    ModelError
        The file is no such model, of a network of another shape, or one that hears otherwise: its
        segments or mel bands are not those of `config`.
    """
    try:
        model = onnx.load(path, load_external_data=False)  # all is inside of soundkin's own
        facts = {prop.key: prop.value for prop in model.metadata_props}
        origin = ModelConfig.from_json(facts[CONFIG_KEY])
        if (origin.segments, origin.mel) != (config.segments, config.mel):
            raise ValueError("it has other segments or mel bands")
        constants = model.graph.initializer
        found = {c.name: torch.from_numpy(numpy_helper.to_array(c).copy()) for c in constants}
        wanted = network.state_dict()
        later = ("centre", "spread", "silence", "floor")  # not in older ones
        found = {name: wanted[name] for name in later} | found
        kept = {name: found[name] if w.is_floating_point() else w for name, w in wanted.items()}
        network.load_state_dict(kept)
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from error
    except (DecodeError, KeyError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"{path}: not a model of the recipe's network; give one that training made with the "
            "same channels, segments and mel bands"
        ) from error
