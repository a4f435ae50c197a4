"""Sounds to embeddings: a file, a region or an array in, one unit vector per segment out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from soundkin.audio import check_region, convert_waveform, stream_audio
from soundkin.config import ModelConfig, SegmentConfig
from soundkin.decoders import BLOCK_S, AudioInfo, Waveform, open_decoder
from soundkin.errors import AudioError
from soundkin.features import compute_log_mel
from soundkin.model import ModelFile, load_model

SILENCE_DB = -80.0
LOWEST_LEVEL_DB = -200.0


@dataclass(frozen=True)
class Embeddings:
    """The segments of one sound.

    `vectors` is float32 `(n_segments, 128)` of norm 1; `levels_db` is float32 `(n_segments,)`,
    each segment's RMS around its mean in dB of full scale; `duration_s` is what was decoded, and
    `warning` says why where that is less than the file promised.
    """

    vectors: npt.NDArray[np.float32]
    levels_db: npt.NDArray[np.float32]
    duration_s: float
    info: AudioInfo | None = None
    warning: str | None = None

    @property
    def silent(self) -> npt.NDArray[np.bool_]:
        """Which segments hold nothing to hear: silence, or a constant."""
        return self.levels_db < SILENCE_DB


def compute_starts(
    n_segments: int, duration_s: float, config: SegmentConfig
) -> npt.NDArray[np.float64]:
    """Compute each segment's start in seconds: one every `hop_s`, the last at the sound's end."""
    starts = config.hop_s * np.arange(n_segments, dtype=np.float64)
    return np.minimum(starts, max(0.0, duration_s - config.segment_s))


class SegmentModel(Protocol):
    """What an `Embedder` runs: a `soundkin.model.Model`, or whatever can stand in its place."""

    @property
    def config(self) -> ModelConfig:
        """How to cut and what to compute."""
        ...

    @property
    def embed(self) -> Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]:
        """Map log-mel segments `(batch, n_mels, n_frames)` to vectors `(batch, n)`."""
        ...


class Embedder:
    """Runs one model over sounds, on one thread, in memory bounded whatever their length."""

    def __init__(self, model: SegmentModel) -> None:
        self.model = model
        self._segments = model.config.segments
        self._mel = model.config.mel

    @classmethod
    def load(cls, name: str | os.PathLike[str] | ModelFile) -> Embedder:
        """Load the model of that name or file; see `soundkin.model.load_model`."""
        return cls(load_model(name))

    def embed_file(
        self, path: str | os.PathLike[str], start_s: float = 0.0, end_s: float | None = None
    ) -> Embeddings:
        """Embed a sound file, or the region of it from `start_s` to `end_s` seconds.

        Raises
        ------
        AudioError
            The file is not sound that can be read, or the region holds none of it. Damage after
            the first readable block is not raised but said in `Embeddings.warning`.
        """
        name = os.fsdecode(path)
        with open_decoder(name) as decoder:
            check_region(name, decoder.info.duration_s, start_s, end_s)
            blocks = stream_audio(decoder, self._segments.sample_rate, start_s, end_s)
            first = next(blocks, None)
            if first is None:
                where = f"after {start_s:g} s" if start_s else "in it"
                raise AudioError(f"{name}: there is no sound {where}")
            guarded = _GuardedBlocks(chain([first], blocks), name)
            vectors, levels_db, n_samples = self._embed_blocks(guarded)
            duration_s = n_samples / self._segments.sample_rate
            warning = guarded.warning
            if warning is None and not start_s and end_s is None:
                warning = _check_length(decoder.info.duration_s, duration_s)
            return Embeddings(vectors, levels_db, duration_s, decoder.info, warning)

    def embed_waveform(
        self, waveform: npt.NDArray[np.floating[Any]], sample_rate: int
    ) -> Embeddings:
        """Embed an array of floats, `(n_samples,)` or `(n_samples, n_channels)`.

        Raises
        ------
        AudioError
            The array is empty or of another shape or kind.
        """
        mono = convert_waveform(waveform, sample_rate, self._segments.sample_rate)
        n_block = round(BLOCK_S * self._segments.sample_rate)
        blocks = (mono[start : start + n_block] for start in range(0, len(mono), n_block))
        vectors, levels_db, n_samples = self._embed_blocks(blocks)
        return Embeddings(vectors, levels_db, n_samples / self._segments.sample_rate)

    def _embed_blocks(
        self, blocks: Iterator[Waveform]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], int]:
        """Embed every segment of a stream; memory holds one block and the vectors."""
        length, hop = self._segments.segment_length, self._segments.segment_hop
        vectors: list[npt.NDArray[np.float32]] = []
        levels: list[npt.NDArray[np.float32]] = []
        rest = last = np.zeros(0, np.float32)  # not embedded yet; the last segment's worth so far
        n_samples = 0
        for block in blocks:
            n_samples += len(block)
            last = np.concatenate([last, block[-length:]])[-length:]
            rest = np.concatenate([rest, block]) if len(rest) else block
            n_ready = max(0, (len(rest) - length) // hop + 1)
            if n_ready:
                vectors.append(self._embed_stretch(rest[: (n_ready - 1) * hop + length]))
                levels.append(_compute_levels(rest, length, hop, n_ready))
                rest = rest[n_ready * hop :]
        n_embedded = sum(map(len, vectors))
        if n_embedded == 0 or n_samples > (n_embedded - 1) * hop + length:
            segment = last if len(last) == length else _fill_segment(last, length)
            vectors.append(self._embed_stretch(segment))
            levels.append(_compute_levels(segment, length, hop, 1))
        return np.concatenate(vectors), np.concatenate(levels), n_samples

    def _embed_stretch(self, stretch: Waveform) -> npt.NDArray[np.float32]:
        """Embed a stretch that whole segments cover; frames that they share are computed once."""
        config = self.model.config
        log_mel = compute_log_mel(stretch, self._mel, self._segments.sample_rate)
        step = self._segments.segment_hop // self._mel.hop_length
        windows = np.lib.stride_tricks.sliding_window_view(log_mel, config.n_frames, axis=1)
        return self.model.embed(np.ascontiguousarray(windows[:, ::step].transpose(1, 0, 2)))


class _GuardedBlocks:
    """Passes blocks on until the decoder fails, then ends, and remembers why."""

    def __init__(self, blocks: Iterator[Waveform], name: str) -> None:
        self._blocks = blocks
        self._name = name
        self.warning: str | None = None

    def __iter__(self) -> Iterator[Waveform]:
        return self

    def __next__(self) -> Waveform:
        try:
            return next(self._blocks)
        except AudioError as error:
            self.warning = str(error).removeprefix(f"{self._name}: ")
            raise StopIteration from error


def _fill_segment(waveform: Waveform, length: int) -> Waveform:
    """Repeat a sound shorter than a segment until it fills one."""
    return np.resize(waveform, length)


def _compute_levels(
    stretch: Waveform, length: int, hop: int, n_segments: int
) -> npt.NDArray[np.float32]:
    segments = np.lib.stride_tricks.sliding_window_view(stretch, length)[::hop][:n_segments]
    rms = segments.std(axis=1)
    lowest = 10 ** (LOWEST_LEVEL_DB / 20)
    levels: npt.NDArray[np.float32] = (20 * np.log10(np.maximum(rms, lowest))).astype(np.float32)
    return levels


def _check_length(promised_s: float | None, decoded_s: float) -> str | None:
    """Tell a recording that ends well before its headers say from one that is whole."""
    if promised_s is None or promised_s - decoded_s <= max(1.0, 0.02 * promised_s):
        return None
    return f"cut short: {decoded_s:.1f} s of {promised_s:.1f} s could be decoded"


def compute_mean_vector(embeddings: Embeddings) -> npt.NDArray[np.float32] | None:
    """Average a sound's audible segments to one unit vector `(128,)`; None if all are silent."""
    return average_vectors(embeddings.vectors[~embeddings.silent])


def average_vectors(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32] | None:
    """Average unit vectors `(n, 128)` to one `(128,)`; None if there are none, or they cancel."""
    if not len(vectors):
        return None
    mean = vectors.mean(axis=0, dtype=np.float64)
    norm = float(np.linalg.norm(mean))
    if norm < 1e-9:
        return None
    unit: npt.NDArray[np.float32] = (mean / norm).astype(np.float32)
    return unit
