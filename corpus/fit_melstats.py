"""Fit the constants of `melstats` on a person's folders of sounds and write it as a model file.

    python -m corpus.fit_melstats FOLDER... --output src/soundkin/embedding/models/melstats.onnx

`melstats` is the mean and the standard deviation over time of every band of a log-scaled mel
spectrogram, standardised, at unit norm: no training, and the baseline that learned models are
measured against. At most 20 s from the middle of each of at most 1,500 files count, so that no
long recording dominates.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from soundkin.audio.mel import compute_log_mel
from soundkin.audio.read import probe_audio, read_audio
from soundkin.audio.walk import FoundFile, walk_audio
from soundkin.config import EMBEDDING_SIZE, MelConfig, ModelConfig, SegmentConfig
from soundkin.embedding.model import CONFIG_KEY, PROVENANCE_KEY
from soundkin.errors import AudioError

MAX_FILES = 1500
MAX_STRETCH_S = 20.0
CONFIG = ModelConfig(
    name="melstats",
    version=1,
    segments=SegmentConfig(sample_rate=32_000, segment_s=1.0, hop_s=0.5),
    mel=MelConfig(
        n_fft=1024,
        win_length=1024,
        hop_length=640,
        n_mels=EMBEDDING_SIZE // 2,
        f_min=50.0,
        f_max=15_000.0,
        log_offset=1e-10,
    ),
)


def compute_statistics(path: str) -> npt.NDArray[np.float32]:
    """Compute mean and standard deviation per band of each second of a file, `(n_seconds, 128)`."""
    segments = CONFIG.segments
    duration_s = probe_audio(path).duration_s or 0.0
    start_s = max(0.0, (duration_s - MAX_STRETCH_S) / 2)
    waveform = read_audio(path, segments.sample_rate, start_s, start_s + MAX_STRETCH_S)
    if len(waveform) < segments.segment_length:
        waveform = np.resize(waveform, segments.segment_length)
    n_segments = len(waveform) // segments.segment_length
    parts = waveform[: n_segments * segments.segment_length].reshape(n_segments, -1)
    log_mels = [compute_log_mel(part, CONFIG.mel, segments.sample_rate) for part in parts]
    return np.array([np.concatenate([m.mean(axis=1), m.std(axis=1)]) for m in log_mels])


def build_graph(mean: npt.NDArray[np.float32], scale: npt.NDArray[np.float32]) -> onnx.ModelProto:
    """Build the graph: log-mel `(batch, n_mels, n_frames)` to unit vectors `(batch, 128)`."""
    constants = {"time": np.array([2]), "row": np.array([1]), "mean": mean, "scale": scale}
    constants["tiny"] = np.array(1e-12, np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["log_mel", "time"], ["average"], keepdims=1),
        helper.make_node("Sub", ["log_mel", "average"], ["centred"]),
        helper.make_node("Mul", ["centred", "centred"], ["squared"]),
        helper.make_node("ReduceMean", ["squared", "time"], ["variance"], keepdims=1),
        helper.make_node("Sqrt", ["variance"], ["deviation"]),
        helper.make_node("Concat", ["average", "deviation"], ["both"], axis=1),
        helper.make_node("Squeeze", ["both", "time"], ["statistics"]),
        helper.make_node("Sub", ["statistics", "mean"], ["shifted"]),
        helper.make_node("Mul", ["shifted", "scale"], ["standardised"]),
        helper.make_node("ReduceL2", ["standardised", "row"], ["norm"], keepdims=1),
        helper.make_node("Max", ["norm", "tiny"], ["safe_norm"]),
        helper.make_node("Div", ["standardised", "safe_norm"], ["embedding"]),
    ]
    shape = ["batch", CONFIG.mel.n_mels, CONFIG.n_frames]
    graph = helper.make_graph(
        nodes,
        "melstats",
        [helper.make_tensor_value_info("log_mel", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", EMBEDDING_SIZE])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    found = [file for folder in arguments.folders for file in walk_audio(folder)]
    paths = sorted(file.path for file in found if isinstance(file, FoundFile))
    random.Random(0).shuffle(paths)
    statistics = []
    for path in paths[:MAX_FILES]:
        try:
            statistics.append(compute_statistics(path))
        except AudioError as error:
            print(f"skipped: {error}")
    table = np.concatenate(statistics).astype(np.float64)
    mean, scale = table.mean(axis=0), 1 / table.std(axis=0)
    model = build_graph(mean.astype(np.float32), scale.astype(np.float32))
    provenance = f"constants fitted on {len(table)} s of {len(statistics)} recordings, no labels"
    helper.set_model_props(model, {CONFIG_KEY: CONFIG.to_json(), PROVENANCE_KEY: provenance})
    onnx.checker.check_model(model)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_bytes(model.SerializeToString(deterministic=True))
    print(f"{arguments.output}: {provenance}")


if __name__ == "__main__":
    main()
