"""Blocks of a sound brought to another sample rate (soxr)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import soxr

from soundkin.audio.decoders.decoder import Samples

HOLD_S = 0.02


def resample_blocks(blocks: Iterator[Samples], rate_in: int, rate_out: int) -> Iterator[Samples]:
    """Resample block by block; `n` samples in give `ceil(n * rate_out / rate_in)` out.

    The filter sees the first and last sample held, not silence, beyond the ends: a constant stays
    a constant, with no click where it starts.
    """
    if rate_in == rate_out:
        yield from blocks
        return
    divisor = math.gcd(rate_in, rate_out)
    up, down = rate_out // divisor, rate_in // divisor
    n_hold = math.ceil(HOLD_S * rate_in / down)
    stream = soxr.ResampleStream(rate_in, rate_out, num_channels=1, dtype="float32")
    skip, n_in, n_out = n_hold * up, 0, 0
    last = np.zeros(1, np.float32)
    for block in blocks:
        if not len(block):
            continue
        if not n_in:
            skip -= len(stream.resample_chunk(np.repeat(block[:1], n_hold * down)))
        n_in += len(block)
        last = block[-1:].copy()
        resampled = stream.resample_chunk(block)
        kept = resampled[skip:]
        skip -= len(resampled) - len(kept)
        n_out += len(kept)
        yield kept
    if n_in:
        tail = stream.resample_chunk(np.repeat(last, n_hold * down), last=True)
        yield tail[skip : skip + math.ceil(n_in * up / down) - n_out]
