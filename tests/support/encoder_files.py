"""Small encoders as others would export them: ONNX graphs from waveform to vectors, by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

RATE = 16_000
LENGTH = 8_000
FRAME = 400
SIZE = 48


def make_filters(size: int = SIZE, frame: int = FRAME) -> npt.NDArray[np.float32]:
    """Make random filters `(frame, size)`, the same each time."""
    return np.random.default_rng(7).standard_normal((frame, size)).astype(np.float32)


def write_encoder(
    path: Path,
    shape: tuple[int | str, ...] = ("batch", LENGTH),
    *,
    size: int = SIZE,
    frame: int = FRAME,
    toml: str | None = f"sample_rate = {RATE}\nlength = {LENGTH}\n",
    offset: float = 0.0,
    tail: str = "Sqrt",
    kind: int = TensorProto.FLOAT,
) -> Path:
    """Write an encoder: the magnitudes of framed samples behind filters, one vector a frame.

    A graph whose first axis is free gives `(batch, frames, size)`, any other `(frames, size)`.
    """
    is_batched = len(shape) > 1 and shape[0] != 1
    framed = [0, -1, frame] if is_batched else [-1, frame]
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    constants = [
        numpy_helper.from_array(np.array(framed), "framed"),
        numpy_helper.from_array(make_filters(size, frame).astype(dtype), "filters"),
        numpy_helper.from_array(np.array(offset, dtype), "offset"),
    ]
    nodes = [
        helper.make_node("Reshape", ["waveform", "framed"], ["frames"]),
        helper.make_node("MatMul", ["frames", "filters"], ["filtered"]),
        helper.make_node("Mul", ["filtered", "filtered"], ["powers"]),
        helper.make_node("Add", ["powers", "offset"], ["raised"]),
        helper.make_node(tail, ["raised"], ["embeddings"]),
        helper.make_node("ReduceSum", ["embeddings"], ["loudness"]),
    ]
    rows = ["batch", "frames"] if is_batched else ["frames"]
    graph = helper.make_graph(
        nodes,
        "others",
        [helper.make_tensor_value_info("waveform", kind, shape)],
        [
            helper.make_tensor_value_info("embeddings", kind, [*rows, size]),
            helper.make_tensor_value_info("loudness", kind, None),
        ],
        constants,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9, producer_name="another"
    )
    onnx.save(model, path)
    if toml is not None:
        path.with_suffix(".toml").write_text(f'output = "embeddings"\n{toml}')
    return path
