"""What a sound looks like: peaks of its waveform, and its spectrogram; kept once computed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from soundkin.audio.decoders.decoder import BLOCK_S, Samples
from soundkin.audio.decoders.open import open_decoder
from soundkin.audio.mel import compute_log_mel
from soundkin.audio.read import check_region, stream_audio
from soundkin.audio.spectrogram_png import draw_spectrogram
from soundkin.config import MelConfig, SegmentConfig
from soundkin.errors import AudioError


def compute_peaks(
    path: Path, duration_s: float, n: int, start_s: float = 0.0, end_s: float | None = None
) -> npt.NDArray[np.float32]:
    """Compute the least and greatest sample in each of `n` equal stretches of a region, mono.

    Returns
    -------
    float32 `(2, m)`, nominally within [-1, 1]; `m` is `n`, or the number of samples if less.

    Raises
    ------
    AudioError
        The file is not sound that can be read, or the region holds none of it.
    """
    with open_decoder(path) as decoder:
        rate = decoder.info.sample_rate
        stop_s = _clip_region(path, duration_s, start_s, end_s)
        n_samples = max(1, round((stop_s - start_s) * rate))
        edges = np.linspace(0, n_samples, min(n, n_samples) + 1).astype(np.int64)
        peaks = np.zeros((2, len(edges) - 1), np.float32)
        is_new = np.ones(len(edges) - 1, np.bool_)
        position = 0
        for block in stream_audio(decoder, rate, start_s, stop_s):
            _add_peaks(peaks, is_new, edges, position, block)
            position += len(block)
    if not position:
        raise AudioError(f"{path.name}: no sound there")
    return peaks


def _add_peaks(
    peaks: npt.NDArray[np.float32],
    is_new: npt.NDArray[np.bool_],
    edges: npt.NDArray[np.int64],
    position: int,
    block: Samples,
) -> None:
    """Take in a block whose first sample is number `position`."""
    first = int(np.searchsorted(edges, position, side="right")) - 1
    last = int(np.searchsorted(edges, position + len(block), side="left"))
    last = min(last, len(is_new))
    if first >= last:
        return
    starts = np.maximum(edges[first:last] - position, 0)
    block = block[: edges[last] - position]
    least, most = np.minimum.reduceat(block, starts), np.maximum.reduceat(block, starts)
    part = slice(first, last)
    peaks[0, part] = np.where(is_new[part], least, np.minimum(peaks[0, part], least))
    peaks[1, part] = np.where(is_new[part], most, np.maximum(peaks[1, part], most))
    is_new[part] = False


def draw_sound(
    path: Path,
    duration_s: float,
    width: int,
    height: int,
    start_s: float,
    end_s: float | None,
    slow: float = 1.0,
) -> bytes:
    """Draw the log-mel spectrogram of a sound's region, a frame for each column; returns a PNG.

    It is drawn as it is heard, `slow` times slower: all frequencies are so many times lower.
    Memory goes with the width only, however long the sound is.

    Raises
    ------
    AudioError
        The file is not sound that can be read, or the region holds none of it.
    """
    mel, rate = MelConfig(), SegmentConfig().sample_rate
    stop_s = _clip_region(path, duration_s, start_s, end_s)
    n_samples = max(1, round((stop_s - start_s) * slow * rate))
    starts = (np.arange(width) * (n_samples / width)).astype(np.int64)
    with open_decoder(path) as decoder:
        blocks = stream_audio(decoder, round(slow * rate), start_s, stop_s, BLOCK_S / slow)
        frames = _gather_frames(blocks, starts, mel.n_fft)
    side_by_side = MelConfig(hop_length=mel.n_fft)
    log_mel = compute_log_mel(frames.reshape(-1), side_by_side, rate)
    return draw_spectrogram(log_mel, width, height)


def _gather_frames(
    blocks: Iterator[Samples], starts: npt.NDArray[np.int64], length: int
) -> npt.NDArray[np.float32]:
    """Cut frames centred at some samples out of a stream, silence beyond its ends."""
    frames = np.zeros((len(starts), length), np.float32)
    silence = np.zeros(length, np.float32)
    carried, position, n_done = silence[: length // 2], 0, 0
    for block in chain(blocks, [silence, silence]):
        stretch = np.concatenate([carried, block])
        n_ready = int(np.searchsorted(starts, position + len(stretch) - length, side="right"))
        if n_ready > n_done:
            views = np.lib.stride_tricks.sliding_window_view(stretch, length)
            frames[n_done:n_ready] = views[starts[n_done:n_ready] - position]
            n_done = n_ready
        n_kept = min(len(stretch), length - 1)
        position += len(stretch) - n_kept
        carried = stretch[len(stretch) - n_kept :]
    return frames


def _clip_region(path: Path, duration_s: float, start_s: float, end_s: float | None) -> float:
    """Check a region, and tell where it ends."""
    check_region(path.name, duration_s, start_s, end_s)
    return duration_s if end_s is None else min(end_s, duration_s)
