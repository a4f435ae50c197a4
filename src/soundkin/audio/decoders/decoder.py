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

from soundkin.audio.decoders.downmix import silence_odd
from soundkin.errors import AudioError
from soundkin.system.worker_child import heartbeat

Samples = npt.NDArray[np.float32]
Arrange = Callable[[Samples], Samples]  # what is made of the channels `(n_samples, n_channels)`

BLOCK_S = 20.0
CHUNK_S = 1.0  # arranged at once
MAX_BLOCK_SAMPLES = 1 << 22
MIN_RATE_HZ, MAX_RATE_HZ = 100, 10_000_000  # seconds of what is slower would be years
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
    `warning` says what of the file is not as it should be, as far as that is known by now: all of
    it once the last block was taken.
    """

    info: AudioInfo
    warning: str | None

    def decode_from(self, frame: int, block_s: float = BLOCK_S) -> Iterator[Samples]:
        """Yield blocks of about `block_s`, the first sample being sample number `frame`."""
        ...


def join_pieces(
    pieces: Iterator[Samples], info: AudioInfo, block_s: float, name: str, arrange: Arrange
) -> Iterator[Samples]:
    """Join pieces to blocks of at least `block_s`, arranged; what came before an error is not lost.

    Raises
    ------
    AudioError
        Decoding failed, for whatever reason a native library gave.
    """
    n_block = compute_block_length(info, block_s)
    n_chunk = min(n_block, compute_block_length(info, CHUNK_S))
    raw: list[Samples] = []  # not arranged yet: a chunk at once, while it is in the cache
    parts: list[Samples] = []
    n_raw = n_parts = 0

    def arrange_raw() -> None:
        nonlocal n_raw, n_parts
        if n_raw:
            parts.append(arrange(raw[0] if len(raw) == 1 else np.concatenate(raw)))
            n_parts += n_raw
            raw.clear()
            n_raw = 0

    try:
        for piece in pieces:
            heartbeat()
            raw.append(piece)
            n_raw += len(piece)
            if n_raw >= n_chunk or n_parts + n_raw >= n_block:
                arrange_raw()
            if n_parts >= n_block:
                yield np.concatenate(parts)
                parts.clear()
                n_parts = 0
    except Exception as error:  # the libraries' errors share no other root
        arrange_raw()
        if n_parts:
            yield np.concatenate(parts)
        raise AudioError(f"{name}: decoding stopped ({read_reason(error)})") from error
    arrange_raw()
    if n_parts:
        yield np.concatenate(parts)


def compute_block_length(info: AudioInfo, block_s: float) -> int:
    """Compute samples a block, bounded whatever rate and channels a header claims."""
    return max(1, min(int(block_s * info.sample_rate), MAX_BLOCK_SAMPLES // info.n_channels))


def check_rate(name: str, rate: int) -> None:
    """Refuse what no sound is sampled at; AudioError."""
    if not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
        raise AudioError(f"{name}: {rate} Hz is no sample rate of sound")


def copy_channels(block: Samples) -> Samples:
    """Leave `(n_samples, n_channels)` as they are, but for what is no sample of sound."""
    return silence_odd(block.copy())


def read_reason(error: Exception) -> str:
    """Say in a few words why a native library gave up."""
    if isinstance(error, MemoryError):  # FFmpeg's is one too
        return NO_MEMORY
    reason = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return " ".join(str(reason).split()).rstrip(".") or type(error).__name__
