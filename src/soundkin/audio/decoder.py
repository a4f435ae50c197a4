"""Sound files opened for decoding: any format, from any sample on, as mono blocks.

libsndfile decodes WAV, AIFF, FLAC, Ogg and MP3; what it refuses (M4A, WMA, the sound of a video)
goes to FFmpeg through PyAV.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from soundkin.errors import AudioError
from soundkin.system.worker_child import heartbeat

Samples = npt.NDArray[np.float32]
Arrange = Callable[[Samples], Samples]  # what is made of the channels `(n_samples, n_channels)`

BLOCK_S = 20.0
MAX_AMPLITUDE = 1e10  # integers written as floats stay below; squares and their sums stay numbers
MAX_BLOCK_SAMPLES = 1 << 22
NO_MEMORY = "it takes more memory than a sound should"


@dataclass(frozen=True)
class AudioInfo:
    """What a file's headers say. `duration_s` is None where they do not say it."""

    duration_s: float | None
    sample_rate: int
    n_channels: int
    format: str


class Decoder(Protocol):
    """An open sound: its info, and its blocks at its own sample rate from any frame on.

    A block is mono, `(n_samples,)`, or `(n_samples, n_channels)` where the channels are kept.
    """

    info: AudioInfo

    def decode_from(self, frame: int, block_s: float = BLOCK_S) -> Iterator[Samples]:
        """Yield blocks of about `block_s`, the first sample being sample number `frame`."""
        ...


def join_pieces(
    pieces: Iterator[Samples], info: AudioInfo, block_s: float, name: str
) -> Iterator[Samples]:
    """Join pieces to blocks of at least `block_s`; what came before an error is not lost.

    Raises
    ------
    AudioError
        Decoding failed, for whatever reason a native library gave.
    """
    n_block = compute_block_length(info, block_s)
    parts: list[Samples] = []
    n_parts = 0
    try:
        for piece in pieces:
            heartbeat()
            parts.append(piece)
            n_parts += len(piece)
            if n_parts >= n_block:
                yield np.concatenate(parts)
                parts, n_parts = [], 0
    except Exception as error:  # the libraries' errors share no other root
        if n_parts:
            yield np.concatenate(parts)
        raise AudioError(f"{name}: decoding stopped ({read_reason(error)})") from error
    if n_parts:
        yield np.concatenate(parts)


def compute_block_length(info: AudioInfo, block_s: float) -> int:
    """Compute samples a block, bounded whatever rate and channels a header claims."""
    return max(1, min(int(block_s * info.sample_rate), MAX_BLOCK_SAMPLES // info.n_channels))


def mix_to_mono(block: npt.NDArray[np.float32]) -> Samples:
    """Average the channels of `(n_samples, n_channels)`; what is no sample of sound becomes 0."""
    n_channels = block.shape[1]
    with np.errstate(over="ignore", invalid="ignore"):
        mono = block[:, 0].copy() if n_channels == 1 else block[:, 0] + block[:, 1]
        for channel in range(2, n_channels):
            mono += block[:, channel]
        if n_channels > 1:
            mono *= np.float32(1 / n_channels)
        energy = float(np.dot(mono, mono))
    if not energy <= MAX_AMPLITUDE**2:  # so some may lie beyond, or be no number
        _silence_odd(mono)
    return mono


def copy_channels(block: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Leave `(n_samples, n_channels)` as they are, but for what is no sample of sound."""
    kept = block.copy()
    _silence_odd(kept)
    return kept


def _silence_odd(samples: npt.NDArray[np.float32]) -> None:
    samples[~(np.abs(samples) <= MAX_AMPLITUDE)] = 0.0


def read_reason(error: Exception) -> str:
    if isinstance(error, MemoryError):  # FFmpeg's is one too
        return NO_MEMORY
    reason = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return " ".join(str(reason).split()).rstrip(".") or type(error).__name__
