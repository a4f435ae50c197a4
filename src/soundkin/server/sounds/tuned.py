"""A sound transposed and stretched, to be heard at a project's tempo and at the query's note."""

from __future__ import annotations

import io
from pathlib import Path

import soundfile

from soundkin.audio.deformations import tune
from soundkin.search.wav import read_frames
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
    frames, rate = read_frames(path, start_s, end_s, path.name)
    file = io.BytesIO()
    soundfile.write(
        file, tune(frames, rate, semitones, stretch), rate, format="WAV", subtype="FLOAT"
    )
    return file.getvalue()
