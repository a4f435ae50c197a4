"""The conv net g: log-mel segments to unit vectors; and the same as an ONNX graph.

A small residual net (He et al. 2016) that keeps the frequency axis to its end, pooled over time by
mean and maximum: what is where in the spectrum tells timbre, when it happens matters less.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from soundkin.config import EMBEDDING_SIZE, ModelConfig, NetworkConfig
from soundkin.model import CONFIG_KEY, PROVENANCE_KEY

OPSET = 18
IR_VERSION = 9


class ConvNorm(nn.Module):
    """A convolution with batch normalisation behind it; exported as one convolution."""

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

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.first = ConvNorm(n_in, n_out, 3, 2)
        self.second = ConvNorm(n_out, n_out, 3, 1)
        self.around = ConvNorm(n_in, n_out, 1, 2)

    def forward(self, maps: Tensor) -> Tensor:
        """Map `(batch, n_in, height, width)` to half the size."""
        return torch.relu(self.second(torch.relu(self.first(maps))) + self.around(maps))


class Network(nn.Module):
    """g: log-mel `(batch, n_mels, n_frames)` to unit vectors `(batch, 128)`."""

    def __init__(self, config: NetworkConfig, n_mels: int) -> None:
        super().__init__()
        self.bands = nn.BatchNorm1d(n_mels)
        self.stem = ConvNorm(1, config.channels[0], 5, 2)
        pairs = zip(config.channels, config.channels[1:], strict=False)
        self.blocks = nn.ModuleList(Residual(n_in, n_out) for n_in, n_out in pairs)
        n_rows = n_mels
        for _ in config.channels:
            n_rows = (n_rows + 1) // 2
        self.project = nn.Linear(2 * config.channels[-1] * n_rows, EMBEDDING_SIZE)

    def forward(self, log_mels: Tensor) -> Tensor:
        """Embed a batch."""
        maps = torch.relu(self.stem(self.bands(log_mels)[:, None]))
        for block in self.blocks:
            maps = block(maps)
        pooled = torch.cat([maps.mean(dim=3), maps.amax(dim=3)], dim=1)
        return nn.functional.normalize(self.project(pooled.flatten(1)), dim=1)


class _Graph:
    """An ONNX graph being written, node by node."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add_constant(self, value: npt.NDArray[Any]) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def add_conv(self, layer: ConvNorm, maps: str) -> str:
        """Add a convolution with its batch normalisation folded into weights and bias."""
        scale, shift = _fold_norm(layer.norm)
        weights = layer.conv.weight.detach().cpu().numpy() * scale[:, None, None, None]
        size, stride = weights.shape[2], layer.conv.stride[0]
        return self.add(
            "Conv",
            maps,
            self.add_constant(weights),
            self.add_constant(shift),
            kernel_shape=[size, size],
            strides=[stride, stride],
            pads=[size // 2] * 4,
        )


def _fold_norm(
    norm: nn.BatchNorm1d | nn.BatchNorm2d,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Write a batch normalisation at rest as a scale and a shift per channel."""
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None
    assert variance is not None
    scale = norm.weight.detach() / torch.sqrt(variance + norm.eps)
    shift = norm.bias.detach() - mean * scale
    return scale.cpu().numpy(), shift.cpu().numpy()


def export_network(network: Network, config: ModelConfig, provenance: str) -> bytes:
    """Write a trained network as a model file: ONNX, with config and provenance inside."""
    graph = _Graph()
    scale, shift = _fold_norm(network.bands)
    maps = graph.add("Mul", "log_mel", graph.add_constant(scale[:, None]))
    maps = graph.add("Add", maps, graph.add_constant(shift[:, None]))
    maps = graph.add("Unsqueeze", maps, graph.add_constant(np.array([1])))
    maps = graph.add("Relu", graph.add_conv(network.stem, maps))
    for block in network.blocks:
        assert isinstance(block, Residual)
        inner = graph.add_conv(block.second, graph.add("Relu", graph.add_conv(block.first, maps)))
        maps = graph.add("Relu", graph.add("Add", inner, graph.add_conv(block.around, maps)))
    last = graph.add_constant(np.array([3]))
    mean = graph.add("ReduceMean", maps, last, keepdims=0)
    pooled = graph.add("Concat", mean, graph.add("ReduceMax", maps, last, keepdims=0), axis=1)
    weights = graph.add_constant(network.project.weight.detach().cpu().numpy())
    bias = graph.add_constant(network.project.bias.detach().cpu().numpy())
    vectors = graph.add("Gemm", graph.add("Flatten", pooled), weights, bias, transB=1)
    norm = graph.add("ReduceL2", vectors, graph.add_constant(np.array([1])), keepdims=1)
    safe = graph.add("Max", norm, graph.add_constant(np.array(1e-12, np.float32)))
    graph.nodes.append(helper.make_node("Div", [vectors, safe], ["embedding"]))
    shapes: list[list[str | int | None]] = [
        ["batch", config.mel.n_mels, config.n_frames],
        ["batch", EMBEDDING_SIZE],
    ]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            config.name,
            [helper.make_tensor_value_info("log_mel", TensorProto.FLOAT, shapes[0])],
            [
                helper.make_tensor_value_info(
                    "embedding", TensorProto.FLOAT, ["batch", EMBEDDING_SIZE]
                )
            ],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    helper.set_model_props(model, {CONFIG_KEY: config.to_json(), PROVENANCE_KEY: provenance})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))
