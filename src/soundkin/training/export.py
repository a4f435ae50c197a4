"""The last steps of training: the embedding whitened, and the network written as ONNX.

Whitening needs no label and no step of learning, only the network's own vectors of training sounds.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Generator, Tensor

from soundkin.config import EMBEDDING_SIZE, ModelConfig
from soundkin.embedding.model import CONFIG_KEY, PROVENANCE_KEY
from soundkin.training.network import Network
from soundkin.training.pairs import PairDrawer

BATCH_SIZE = 256
SPREAD_POWER = 0.75  # 0 leaves the embedding as it is, 1 makes all directions deform alike
MIN_SPREAD = 1e-3  # of the mean one
SILENT_RISE = 1.0  # of log-mel above its floor, in silence at most
OPSET = 18
IR_VERSION = 9
BATCH_NORM_EPSILON = 1e-5


def whiten_network(
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
    network.reset_whitening()
    with torch.no_grad():
        sounds = [network(plain.draw(BATCH_SIZE, generator).anchors) for _ in range(n_batches)]
        network.centre.copy_(torch.cat(sounds).mean(dim=0))
        pairs = (deformed.draw(BATCH_SIZE, generator) for _ in range(n_batches))
        moves = torch.cat([network(pair.anchors) - network(pair.positives) for pair in pairs])
        network.spread.copy_(compute_whitening(moves))
        sounds = [network(plain.draw(BATCH_SIZE, generator).anchors) for _ in range(n_batches)]
        network.silence.copy_(find_silence_direction(torch.cat(sounds)))
        network.floor.fill_(math.log(log_offset) + SILENT_RISE)


def compute_whitening(moves: Tensor) -> Tensor:
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
    scales = (spreads / spreads.mean()).clamp(min=MIN_SPREAD) ** (-SPREAD_POWER / 2)
    spread: Tensor = (directions * scales @ directions.T).float()
    return spread


def find_silence_direction(vectors: Tensor) -> Tensor:
    """Find the direction, a unit vector `(128,)`, in which vectors `(n, 128)` have least."""
    _, directions = torch.linalg.eigh((vectors.T @ vectors).double())
    emptiest: Tensor = directions[:, 0].float()
    return emptiest * torch.sign(emptiest[emptiest.abs().argmax()])


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
