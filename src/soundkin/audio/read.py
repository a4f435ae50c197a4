"""Sound files to waveforms: whole or a region, as a stream or an array, mono, resampled."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from soundkin.audio.decoders.decoder import BLOCK_S, AudioInfo, Decoder, Samples
from soundkin.audio.decoders.downmix import mix_to_mono
from soundkin.audio.decoders.open import open_decoder
from soundkin.audio.resample import resample_blocks
from soundkin.errors import AudioError

PREROLL_S = 0.25  # lets decoders and the resampling filter settle before a region begins


def probe_audio(path: str | os.PathLike[str]) -> AudioInfo:
    """Read a sound file's headers without decoding it.

    Raises
    ------
    AudioError
        The file is not sound that can be read.
    """
    with open_decoder(path) as decoder:
        return decoder.info


def stream_audio(
    decoder: Decoder,
    sample_rate: int,
    start_s: float = 0.0,
    end_s: float | None = None,
    block_s: float = BLOCK_S,
) -> Iterator[Samples]:
    """Yield a sound, or a region of it, as mono blocks at `sample_rate`, in bounded memory.

    A region's samples are those that slicing the whole decoded sound would give: decoding starts
    a little earlier, on a sample where both rates' grids meet, and what came before is dropped.

    Parameters
    ----------
    decoder
        From `open_decoder`.
    sample_rate
        Wanted rate in Hz.
    start_s, end_s
        Region in seconds from the recording's start; None means to the end.
    block_s
        How long blocks are, about.

    Yields
    ------
    float32 `(n_samples,)`, nominally within [-1, 1].
    """
    rate_in = decoder.info.sample_rate
    divisor = math.gcd(rate_in, sample_rate)
    up, down = sample_rate // divisor, rate_in // divisor
    first = round(start_s * sample_rate)
    aligned = max(0, first - round(PREROLL_S * sample_rate)) // up * up
    n_left = math.inf if end_s is None else round(end_s * sample_rate) - first
    skip = first - aligned
    if end_s is not None:
        block_s = min(block_s, end_s - start_s + 2 * PREROLL_S)
    blocks = decoder.decode_from(aligned // up * down, block_s)
    for resampled in resample_blocks(blocks, rate_in, sample_rate):
        block = resampled[skip:]
        skip -= len(resampled) - len(block)
        block = block[: int(min(n_left, len(block)))]
        n_left -= len(block)
        if len(block):
            yield block
        if n_left <= 0:
            return


def check_region(name: str, duration_s: float | None, start_s: float, end_s: float | None) -> None:
    """Refuse a region that is empty or lies after a sound's end, as far as that is known.

    Raises
    ------
    AudioError
        It is such a region.
    """
    if not 0 <= start_s < math.inf or (end_s is not None and not start_s < end_s < math.inf):
        raise AudioError(f"{name}: the region {start_s:g}-{end_s} s is empty; give from < to")
    if duration_s is not None and start_s >= duration_s > 0:
        raise AudioError(f"{name}: it ends at {duration_s:.2f} s, before {start_s:g} s")


def read_audio(
    path: str | os.PathLike[str],
    sample_rate: int,
    start_s: float = 0.0,
    end_s: float | None = None,
) -> Samples:
    """Decode a sound file, or a region of it, into one mono waveform.

    Returns
    -------
    float32 `(n_samples,)` at `sample_rate` Hz.

    Raises
    ------
    AudioError
        The file is not sound that can be read, or the region holds none of it.
    """
    with open_decoder(path) as decoder:
        return read_region(decoder, path, sample_rate, start_s, end_s)


def read_region(
    decoder: Decoder,
    path: str | os.PathLike[str],
    sample_rate: int,
    start_s: float = 0.0,
    end_s: float | None = None,
) -> Samples:
    """Decode as `read_audio` does what is open already; `path` is what errors call it."""
    name = os.fsdecode(path)
    check_region(name, decoder.info.duration_s, start_s, end_s)
    blocks = list(stream_audio(decoder, sample_rate, start_s, end_s))
    if not blocks:
        raise AudioError(f"{name}: no sound there")
    return np.concatenate(blocks)


def convert_waveform(
    waveform: npt.NDArray[np.floating[Any]], rate_in: int, rate_out: int
) -> Samples:
    """Bring an array, `(n_samples,)` or `(n_samples, n_channels)`, to a mono waveform.

    Raises
    ------
    AudioError
        The array is empty, has another shape, or holds no floating-point numbers.
    """
    waveform = np.asarray(waveform)
    if waveform.ndim not in (1, 2) or not waveform.size:
        raise AudioError(
            f"a waveform is (n_samples,) or (n_samples, n_channels), not {waveform.shape}"
        )
    if not np.issubdtype(waveform.dtype, np.floating):
        raise AudioError(f"a waveform holds floats within [-1, 1], not {waveform.dtype}")
    columns = waveform.astype(np.float32, copy=False).reshape(len(waveform), -1)
    return np.concatenate(list(resample_blocks(iter([mix_to_mono(columns)]), rate_in, rate_out)))
