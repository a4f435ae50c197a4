"""Small sounds made for the tests, and files of them in any format."""

from __future__ import annotations

import fractions
import os
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile

RATE = 44_100


def make_noise(seconds: float = 1.0, seed: int = 0, rate: int = RATE) -> npt.NDArray[np.float32]:
    """Make noise that is the same for the same seed."""
    generator = np.random.default_rng(seed)
    noise = 0.1 * generator.standard_normal(max(1, round(seconds * rate)))
    return noise.astype(np.float32)


def make_tone(hz: float, seconds: float = 1.0, rate: int = RATE) -> npt.NDArray[np.float32]:
    """Make a sine with two overtones, decaying."""
    t = np.arange(round(seconds * rate)) / rate
    partials = sum(np.sin(2 * np.pi * hz * k * t) / k for k in (1, 2, 3))
    return (0.3 * partials * np.exp(-t)).astype(np.float32)


def make_sweep(seconds: float, rate: int = RATE) -> npt.NDArray[np.float32]:
    """Make a rising sine over a little noise, of which no two places are alike."""
    t = np.arange(round(seconds * rate)) / rate
    sweep = 0.3 * np.sin(2 * np.pi * (200 + 1500 * t / seconds) * t)
    return (sweep + 0.02 * make_noise(seconds, 1, rate)[: len(t)]).astype(np.float32)


def write_sound(
    path: Path, waveform: npt.NDArray[np.float32], rate: int = RATE, subtype: str | None = None
) -> Path:
    """Write a file through libsndfile."""
    container = "OGG" if path.suffix in {".ogg", ".opus"} else None
    format_ = container or path.suffix[1:].upper()
    soundfile.write(os.fsencode(path), waveform, rate, subtype=subtype, format=format_)
    return path


def write_ffmpeg(
    path: Path, waveform: npt.NDArray[np.float32], codec: str, rate: int = RATE
) -> Path:
    """Write a stereo file through FFmpeg, with a picture stream where it is a video."""
    stereo = np.stack([waveform, waveform])
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.layout = "stereo"
        stream.bit_rate = 160_000
        video = container.add_stream("mpeg4", rate=25) if path.suffix in {".mp4", ".avi"} else None
        if video is not None:
            video.width = video.height = 64
            video.pix_fmt = "yuv420p"
            for number in range(max(1, round(25 * len(waveform) / rate))):
                picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
                picture.pts = number
                container.mux(video.encode(picture))
            container.mux(video.encode(None))
        for start in range(0, stereo.shape[1], 4096):
            part = np.ascontiguousarray(stereo[:, start : start + 4096])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = rate, start
            frame.time_base = fractions.Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
