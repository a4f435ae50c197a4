"""The conv net g: log-mel segments to unit vectors; and the same as an ONNX graph.

A small residual net (He et al. 2016) that keeps the frequency axis to its end, pooled over time by
mean and maximum: what is where in the spectrum tells timbre, when it happens matters less.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from soundkin.config import EMBEDDING_SIZE, ModelConfig, NetworkConfig
from soundkin.errors import ModelError
from soundkin.model import CONFIG_KEY, PROVENANCE_KEY

OPSET = 18
IR_VERSION = 9
BATCH_NORM_EPSILON = 1e-5


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

    def clear_finish(self) -> None:
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


class _Graph:
    """An ONNX graph being written, node by node; weights keep the names they have in torch."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        self._weights = weights
        self._n_values = 0
        self.nodes: list[Any] = []
        self.constants = [
            numpy_helper.from_array(value.detach().cpu().float().contiguous().numpy(), name)
            for name, value in weights.items()
        ]

    def add_constant(self, value: npt.NDArray[Any]) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        self._n_values += 1
        name = f"value{self._n_values}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def add_norm(self, layer: str, values: str) -> str:
        names = [f"{layer}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
        return self.add("BatchNormalization", values, *names, epsilon=BATCH_NORM_EPSILON)

    def add_conv_norm(self, layer: str, maps: str, stride: int) -> str:
        weights = f"{layer}.conv.weight"
        size = self._weights[weights].shape[2]
        shape: dict[str, Any] = {"kernel_shape": [size, size], "strides": [stride, stride]}
        maps = self.add("Conv", maps, weights, pads=[size // 2] * 4, **shape)
        return self.add_norm(f"{layer}.norm", maps)

    def add_plain(self, layer: str, maps: str) -> str:
        names = f"{layer}.conv.weight", f"{layer}.conv.bias"
        maps = self.add("Conv", maps, *names, kernel_shape=[13, 3], pads=[6, 1, 6, 1])
        size: dict[str, Any] = {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}
        return self.add("MaxPool", self.add("Relu", maps), **size)

    def add_normalise(self, vectors: str) -> str:
        norm = self.add("ReduceL2", vectors, self.add_constant(np.array([1])), keepdims=1)
        safe = self.add("Max", norm, self.add_constant(np.array(1e-12, np.float32)))
        return self.add("Div", vectors, safe)

    def add_residual(self, layer: str, maps: str) -> str:
        inner = self.add("Relu", self.add_conv_norm(f"{layer}.first", maps, 2))
        inner = self.add_conv_norm(f"{layer}.second", inner, 1)
        return self.add(
            "Relu", self.add("Add", inner, self.add_conv_norm(f"{layer}.around", maps, 2))
        )


def export_network(network: Network, config: ModelConfig, provenance: str) -> bytes:
    """Write a trained network as a model file: ONNX, with config and provenance inside.

    The weights stand in it as training has them, so that training can go on from the file
    (`load_weights`); onnxruntime folds the batch normalisations into the convolutions.
    """
    weights = {n: w for n, w in network.state_dict().items() if w.is_floating_point()}
    graph = _Graph(weights)
    axis = graph.add_constant(np.array([1]))
    maps = graph.add("Unsqueeze", graph.add_norm("bands", "log_mel"), axis)
    if network.kind == "plain":
        maps, add_block = graph.add_plain("stem", maps), graph.add_plain
    else:
        maps = graph.add("Relu", graph.add_conv_norm("stem", maps, 2))
        add_block = graph.add_residual
    for number in range(len(network.blocks)):
        maps = add_block(f"blocks.{number}", maps)
    time_axis = graph.add_constant(np.array([3]))
    mean = graph.add("ReduceMean", maps, time_axis, keepdims=0)
    pooled = graph.add("Concat", mean, graph.add("ReduceMax", maps, time_axis, keepdims=0), axis=1)
    flat = graph.add("Flatten", pooled)
    vectors = graph.add("Gemm", flat, "project.weight", "project.bias", transB=1)
    moved = graph.add("Sub", graph.add_normalise(vectors), "centre")
    moved = graph.add("MatMul", moved, "spread")
    loudest = graph.add("ReduceMax", "log_mel", graph.add_constant(np.array([1, 2])), keepdims=0)
    is_silent = graph.add("Unsqueeze", graph.add("Less", loudest, "floor"), axis)
    choice = [is_silent, "silence", graph.add_normalise(moved)]
    graph.nodes.append(helper.make_node("Where", choice, ["embedding"]))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            config.name,
            [_describe("log_mel", config.mel.n_mels, config.n_frames)],
            [_describe("embedding", EMBEDDING_SIZE)],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    helper.set_model_props(model, {CONFIG_KEY: config.to_json(), PROVENANCE_KEY: provenance})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _describe(name: str, *shape: int) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])


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
