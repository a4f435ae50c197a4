"""A stretch of a recording as it is, and as a WAV file to be taken away."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from soundkin.audio.decoders.open import open_decoder
from soundkin.audio.read import stream_audio
from soundkin.errors import AudioError


def read_frames(
    path: str | Path, start_s: float, end_s: float, name: str = ""
) -> tuple[npt.NDArray[np.float32], int]:
    """Read a stretch, float32 `(n_frames, n_channels)`, at the recording's own rate in Hz.

    Errors call it by its path, or `name`.

    Raises
    ------
    AudioError
        The file cannot be read, or has nothing there.
    """
    with open_decoder(path, keep_channels=True) as decoder:
        rate = decoder.info.sample_rate
        blocks = list(stream_audio(decoder, rate, start_s, end_s))
    if not blocks:
        raise AudioError(f"{name or path}: no sound from {start_s:g} s")
    return np.concatenate(blocks), rate


def read_wav(path: str, start_s: float, end_s: float) -> bytes:
    """Read a stretch as the bytes of a WAV file, of the recording's own rate and channels, 24 bits.

    What goes beyond full scale is made softer as a whole.

    Raises
    ------
    AudioError
        The file cannot be read, or has nothing there.
    """
    frames, rate = read_frames(path, start_s, end_s)
    frames /= max(1.0, float(np.abs(frames).max()))  # what goes beyond full scale would be cut
    file = io.BytesIO()
    soundfile.write(file, frames, rate, format="WAV", subtype="PCM_24")
    return file.getvalue()
