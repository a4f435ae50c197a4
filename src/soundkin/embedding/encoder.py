"""Encoders that others made: an ONNX graph from waveform to vector, described by a TOML beside it.

`encoder.toml` says what the graph of `encoder.onnx` does not: the sample rate, how long a segment
is, and which output to take. What one may hold is in docs/encoders.md.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from soundkin.config import MAX_SEGMENT_S, MelConfig, SegmentConfig
from soundkin.errors import ModelError

DEFAULT_HOP_S = 0.5
MIN_HOP_S = 0.01
MIN_RATE, MAX_RATE = 1_000, 384_000
PROBE_LEVEL = 0.1
BATCH_TOLERANCE = 1e-3  # half-precision graphs round so coarsely; what depends on a batch, more

KEYS: dict[str, tuple[tuple[type, ...], str]] = {
    "sample_rate": ((int,), "a whole number of Hz"),
    "length": ((int,), "a whole number of samples"),
    "segment_s": ((int, float), "a number of seconds"),
    "hop_s": ((int, float), "a number of seconds"),
    "input": ((str,), "a name"),
    "output": ((str,), "a name"),
}
FLOATS: dict[str, npt.DTypeLike] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
}

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class EncoderConfig:
    """How to cut for an encoder, and which of its graph's inputs and outputs to use, if several."""

    segments: SegmentConfig
    input: str | None = None
    output: str | None = None

    @classmethod
    def load(cls, path: Path) -> EncoderConfig:
        """Read a TOML; `hop_s` may be left out, `input` and `output` where the graph has one.

        Raises
        ------
        ModelError
            There is none, or a key is unknown, missing, of a wrong type or out of range.
        """
        try:
            values = tomllib.loads(path.read_text("utf-8"))
        except FileNotFoundError as error:
            raise ModelError(
                f"{path.with_suffix('.onnx')}: soundkin did not make this model; describe it in"
                f" {path.name} beside it, at least: sample_rate = 16000 and segment_s = 1.0"
                " (see docs/encoders.md)"
            ) from error
        except OSError as error:
            raise ModelError(f"{path}: {error.strerror or error}") from error
        except ValueError as error:
            raise ModelError(f"{path}: not TOML ({error})") from error
        try:
            _check_keys(values)
            return cls(_settle_segments(values), values.get("input"), values.get("output"))
        except ValueError as error:
            raise ModelError(f"{path}: {error}") from error


def _check_keys(values: dict[str, Any]) -> None:
    for name, value in values.items():
        if name not in KEYS:
            raise ValueError(f"no key {name!r}; it may have {', '.join(KEYS)}")
        kinds, words = KEYS[name]
        if type(value) not in kinds:  # True is no number here
            raise ValueError(f"{name} must be {words}, not {value!r}")
    if "sample_rate" not in values:
        raise ValueError("sample_rate is missing: the Hz of the waveforms that the encoder takes")
    if ("length" in values) == ("segment_s" in values):
        raise ValueError("give the segment as either length (samples) or segment_s (seconds)")


def _settle_segments(values: dict[str, Any]) -> SegmentConfig:
    """Bring the sizes to whole samples, so that seconds and samples never drift apart."""
    rate = values["sample_rate"]
    if not MIN_RATE <= rate <= MAX_RATE:
        raise ValueError(f"sample_rate must lie within {MIN_RATE} and {MAX_RATE} Hz")
    segment_s = values["length"] / rate if "length" in values else values["segment_s"]
    if not MIN_HOP_S <= segment_s <= MAX_SEGMENT_S:
        raise ValueError(f"a segment must last {MIN_HOP_S:g} to {MAX_SEGMENT_S:g} s")
    hop_s = values.get("hop_s", min(DEFAULT_HOP_S, segment_s))
    if not MIN_HOP_S <= hop_s <= segment_s:
        raise ValueError(f"hop_s must lie within {MIN_HOP_S:g} s and the segment's length")
    return SegmentConfig(rate, round(segment_s * rate) / rate, round(hop_s * rate) / rate)


class Encoder:
    """An encoder ready to run on one thread; its vectors are brought to norm 1.

    The graph takes waveforms as `(n_samples,)`, `(batch, n_samples)` or `(batch, 1, n_samples)`
    and gives a vector for each, or one a frame, of which the mean is taken.
    """

    hop_unit = 1

    def __init__(self, session: Any, config: EncoderConfig, path: Path) -> None:
        self.name = path.stem
        self.config = config
        self.mel: MelConfig | None = None  # it takes waveforms
        self.segments = config.segments
        self._path = path
        self._session = session
        source = _choose(session.get_inputs(), config.input, "input", path)
        self._output = _choose(session.get_outputs(), config.output, "output", path).name
        self._input: str = source.name
        self._dtype = FLOATS[source.type]
        self._shape = _check_shape(source.shape, config.segments, path)
        self._takes_batches = len(self._shape) > 1 and source.shape[0] != 1
        others = [i.name for i in session.get_inputs() if i.name != source.name]
        if others:
            raise ModelError(f"{path}: it also needs the input {others[0]!r}, which sounds lack")
        self.embedding_size = self._probe()

    def cut(self, stretch: Array, hop: int) -> tuple[Array, None]:
        """View a stretch as segments `(n_segments, segment_length)`, one every `hop` samples."""
        windows = np.lib.stride_tricks.sliding_window_view(stretch, self.segments.segment_length)
        return windows[::hop], None

    def embed(self, waveforms: Array) -> Array:
        """Map segments `(batch, segment_length)` to unit vectors `(batch, embedding_size)`.

        Where the graph gives zero or no number, the vector is NaN.

        Raises
        ------
        ModelError
            The graph fails, or its output is no vector a segment.
        """
        if self._takes_batches:
            vectors = self._run(waveforms)
        else:
            vectors = np.concatenate([self._run(waveform[None]) for waveform in waveforms])
        norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
        norms[~(np.isfinite(norms) & (norms > 0))] = np.nan
        unit: Array = (vectors / norms).astype(np.float32)
        return unit

    def _run(self, waveforms: Array) -> Array:
        feed = waveforms.reshape(self._shape).astype(self._dtype, copy=False)
        try:
            (output,) = self._session.run([self._output], {self._input: feed})
        except Exception as error:  # onnxruntime's errors share no root but Exception
            n_samples = waveforms.shape[1]
            raise ModelError(f"{self._path}: it fails on {n_samples} samples ({error})") from error
        return self._pool(np.asarray(output, np.float32), len(waveforms))

    def _pool(self, output: Array, n_waveforms: int) -> Array:
        """Average a graph's output over its frames: `(n_waveforms, embedding_size)`."""
        if not self._takes_batches:
            while output.ndim > 2 and output.shape[0] == 1:
                output = output[0]
            output = output[None] if output.ndim else output
        if output.ndim not in (2, 3) or len(output) != n_waveforms or not output.size:
            raise ModelError(
                f"{self._path}: its output {self._output!r} is {output.shape} for"
                f" {n_waveforms} waveforms; it should be (batch, n) or (batch, frames, n)"
            )
        return output if output.ndim == 2 else output.mean(axis=1)

    def _probe(self) -> int:
        """Embed noise, to see that the graph does what it should; returns its vectors' size."""
        generator = np.random.default_rng(0)
        shape = 2, self.segments.segment_length
        noise = (PROBE_LEVEL * generator.standard_normal(shape)).astype(np.float32)
        together = self.embed(noise)
        if together.shape[1] < 2:
            raise ModelError(
                f"{self._path}: its output {self._output!r} has one number a segment, no vector"
            )
        if not np.isfinite(together).all():
            raise ModelError(
                f"{self._path}: its output {self._output!r} is zero, or no number, for noise"
            )
        apart = np.abs(self.embed(noise[:1]) - together[:1]).max()
        if self._takes_batches and apart > BATCH_TOLERANCE:
            raise ModelError(
                f"{self._path}: its vectors depend on what else is in a batch; export it for"
                " evaluation, or with a batch of 1"
            )
        return int(together.shape[1])


def _choose(ports: Any, name: str | None, kind: str, path: Path) -> Any:
    """Choose the input or output of that name, or the only one."""
    names = ", ".join(port.name for port in ports)
    if name is None and len(ports) > 1:
        raise ModelError(f'{path}: it has several {kind}s ({names}); write {kind} = "…" beside it')
    found = [port for port in ports if name in (None, port.name)]
    if not found:
        raise ModelError(f"{path}: it has no {kind} {name!r}; it has {names}")
    if found[0].type not in FLOATS:
        raise ModelError(
            f"{path}: its {kind} {found[0].name!r} is {found[0].type}; floats are wanted"
        )
    return found[0]


def _check_shape(
    declared: list[int | str | None], segments: SegmentConfig, path: Path
) -> tuple[int, ...]:
    """Work out the shape to give waveforms in: `(n,)`, `(-1, n)` or `(-1, 1, n)`."""
    length = segments.segment_length
    shapes = {1: (length,), 2: (-1, length), 3: (-1, 1, length)}
    one_channel = len(declared) < 3 or declared[1] == 1 or not isinstance(declared[1], int)
    if len(declared) not in shapes or not one_channel:
        shown = ", ".join("?" if size is None else str(size) for size in declared)
        raise ModelError(
            f"{path}: its input is ({shown}); waveforms are (n_samples,), (batch, n_samples) or"
            " (batch, 1, n_samples)"
        )
    if len(declared) > 1 and isinstance(declared[0], int) and declared[0] != 1:
        raise ModelError(f"{path}: its batch is fixed to {declared[0]}; export it free, or with 1")
    if isinstance(declared[-1], int) and declared[-1] != length:
        raise ModelError(
            f"{path}: it takes {declared[-1]} samples, not the {length} of a segment;"
            f" write length = {declared[-1]} beside it"
        )
    return shapes[len(declared)]
