"""A sound transposed and stretched, to be heard at a project's tempo and at the query's note."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile

from soundkin.audio.decoders.open import open_decoder
from soundkin.audio.deformations import tune
from soundkin.audio.read import stream_audio
from soundkin.errors import AudioError
from soundkin.server.problems import ProblemError

LONGEST_S = 60.0


def read_tuned(path: Path, start_s: float, end_s: float, semitones: float, stretch: float) -> bytes:
    """Read a stretch of a sound as the bytes of a WAV file, tuned.

    Raises
    ------
    ProblemError
        It is longer than a minute.
    AudioError
        The file cannot be read, or has nothing there.
    """
    if end_s - start_s > LONGEST_S:
        raise ProblemError(422, f"up to {LONGEST_S:g} s can be tuned; take a region of it")
    with open_decoder(path, keep_channels=True) as decoder:
        rate = decoder.info.sample_rate
        blocks = list(stream_audio(decoder, rate, start_s, end_s))
    if not blocks:
        raise AudioError(f"{path.name}: no sound from {start_s:g} s")
    file = io.BytesIO()
    tuned = tune(np.concatenate(blocks), rate, semitones, stretch)
    soundfile.write(file, tuned, rate, format="WAV", subtype="FLOAT")
    return file.getvalue()
