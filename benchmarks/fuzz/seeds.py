"""Small sound files in every container and codec that can be made here, for mutants to come from.

They are the same at every run: FFmpeg is told to write no times and random numbers, and makes the
Ogg files too, since libsndfile numbers their streams at random.
"""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile

from benchmarks.fuzz.odd_structures import make_odd_structures

SECONDS = 0.3
RATE = 44_100
LEFT_OUT = {"MP3", "OGG", "RAW", "SD2"}  # made by FFmpeg, without headers, or in two files
MAT5, MAT5_HEADER = b"MATLAB 5.0 MAT-file", 116

# The extension that a format goes by; the rest are told by their content, and called .wav here.
SNDFILE_SUFFIXES = {
    "AIFF": ".aiff", "AU": ".au", "CAF": ".caf", "FLAC": ".flac", "MP3": ".mp3", "RF64": ".rf64",
    "VOC": ".voc", "W64": ".w64", "WAVEX": ".wave",
}  # fmt: skip

# Extension, container, codec, sample rate, channels.
FFMPEG_SEEDS = [
    (".m4a", "ipod", "aac", 44_100, 2),
    (".m4a", "ipod", "alac", 44_100, 2),
    (".m4b", "mp4", "aac", 22_050, 1),
    (".m4v", "mp4", "ac3", 48_000, 2),
    (".mp4", "mp4", "libmp3lame", 44_100, 2),
    (".mp4", "mp4", "flac", 44_100, 2),
    (".mp4", "mp4", "libopus", 48_000, 2),
    (".mov", "mov", "pcm_s16le", 44_100, 2),
    (".mov", "mov", "pcm_f32be", 44_100, 1),
    (".mov", "mov", "adpcm_ima_qt", 44_100, 2),
    (".3gp", "3gp", "libopencore_amrnb", 8_000, 1),
    (".3gp", "3gp", "aac", 44_100, 1),
    (".amr", "amr", "libopencore_amrnb", 8_000, 1),
    (".alac", "caf", "alac", 44_100, 2),
    (".aac", "adts", "aac", 44_100, 2),
    (".ac3", "ac3", "ac3", 48_000, 2),
    (".eac3", "eac3", "eac3", 48_000, 2),
    (".wma", "asf", "wmav1", 44_100, 2),
    (".wma", "asf", "wmav2", 44_100, 2),
    (".wmv", "asf", "libmp3lame", 44_100, 2),
    (".mka", "matroska", "aac", 44_100, 2),
    (".mka", "matroska", "flac", 44_100, 2),
    (".mkv", "matroska", "vorbis", 44_100, 2),
    (".mkv", "matroska", "libopus", 48_000, 2),
    (".mkv", "matroska", "alac", 44_100, 2),
    (".mkv", "matroska", "wavpack", 44_100, 2),
    (".mkv", "matroska", "tta", 44_100, 2),
    (".mkv", "matroska", "eac3", 48_000, 2),
    (".mkv", "matroska", "pcm_f32le", 44_100, 2),
    (".webm", "webm", "libopus", 48_000, 2),
    (".webm", "webm", "vorbis", 44_100, 2),
    (".3g2", "3g2", "aac", 44_100, 1),
    (".asf", "asf", "wmav2", 44_100, 2),
    (".m2ts", "mpegts", "ac3", 48_000, 2),
    (".vob", "vob", "mp2", 48_000, 2),
    (".weba", "webm", "libopus", 48_000, 2),
    (".qt", "mov", "pcm_s16le", 44_100, 2),
    (".tta", "tta", "tta", 44_100, 2),
    (".wv", "wv", "wavpack", 44_100, 2),
    (".mp2", "mp2", "mp2", 44_100, 2),
    (".mp3", "mp3", "libmp3lame", 44_100, 2),
    (".flv", "flv", "aac", 44_100, 2),
    (".flv", "flv", "libmp3lame", 44_100, 2),
    (".flv", "flv", "nellymoser", 22_050, 1),
    (".flv", "flv", "adpcm_swf", 22_050, 1),
    (".avi", "avi", "mp2", 44_100, 2),
    (".avi", "avi", "pcm_s16le", 44_100, 2),
    (".avi", "avi", "adpcm_ms", 44_100, 2),
    (".avi", "avi", "wmav2", 44_100, 2),
    (".ts", "mpegts", "aac", 44_100, 2),
    (".mts", "mpegts", "ac3", 48_000, 2),
    (".ts", "mpegts", "libopus", 48_000, 2),
    (".mpg", "mpeg", "mp2", 44_100, 2),
    (".mpeg", "vob", "pcm_dvd", 48_000, 2),
    (".ogg", "ogg", "vorbis", 44_100, 2),
    (".oga", "ogg", "flac", 44_100, 2),
    (".opus", "ogg", "libopus", 48_000, 1),
    (".ogv", "ogg", "vorbis", 22_050, 2),
    (".wma", "asf", "adpcm_ima_wav", 44_100, 2),  # what FFmpeg tells by content, whatever the name
    (".mka", "nut", "pcm_s24le", 44_100, 2),
    (".mka", "rm", "real_144", 8_000, 1),
    (".mka", "wtv", "mp2", 44_100, 2),
    (".mka", "adx", "adpcm_adx", 44_100, 2),
    (".mka", "sox", "pcm_s32le", 44_100, 2),
    (".mka", "mmf", "adpcm_yamaha", 44_100, 1),
    (".mka", "sbc", "sbc", 44_100, 2),
    (".mka", "g722", "g722", 16_000, 1),
    (".mka", "swf", "libmp3lame", 44_100, 2),
    (".mka", "kvag", "adpcm_ima_ssi", 22_050, 1),
    (".mka", "argo_asf", "adpcm_argo", 22_050, 1),
]
# Nothing here writes these, or they are other names of what is made.
# fmt: off
NOT_MADE = (
    ".ape", ".mpc", ".sd2", ".spx",
    ".bw64", ".aa3", ".adts", ".awb", ".dff", ".divx", ".dsf", ".dts", ".dtshd", ".f4a", ".f4v",
    ".gsm", ".m2a", ".m2t", ".m4r", ".mlp", ".mpa", ".mxf", ".nut", ".ogm", ".ogx", ".oma", ".ra",
    ".rm", ".rmvb", ".shn", ".tak", ".thd", ".vqf", ".wtv",
)
# fmt: on


@dataclass(frozen=True)
class Seed:
    """A sound file that is in order: what it is, the extension it goes by, its bytes."""

    name: str
    suffix: str
    content: bytes


def make_sound(rate: int, n_channels: int, seconds: float = SECONDS) -> npt.NDArray[np.float32]:
    """Make a sweep over some noise, `(n_samples, n_channels)`, the channels a little different."""
    generator = np.random.default_rng(rate)
    t = np.arange(round(seconds * rate)) / rate
    sweep = 0.3 * np.sin(2 * np.pi * (200 + 0.02 * rate * t) * t)
    noise = 0.02 * generator.standard_normal((len(t), n_channels))
    return (sweep[:, None] + noise).astype(np.float32)


def make_seeds() -> list[Seed]:
    """Make them all, those of odd structure too, in the same order at every run."""
    odd = (Seed(*one) for one in make_odd_structures())
    return [*_make_with_sndfile(), *_make_with_ffmpeg(), *odd]


def _make_with_sndfile() -> list[Seed]:
    made = []
    for kind in sorted(soundfile.available_formats()):
        if kind in LEFT_OUT:
            continue
        for subtype in sorted(soundfile.available_subtypes(kind)):
            for rate, n_channels in ((RATE, 2), (8_000, 1)):  # some codecs take only one of these
                file = io.BytesIO()
                try:
                    soundfile.write(
                        file, make_sound(rate, n_channels), rate, subtype=subtype, format=kind
                    )
                except soundfile.LibsndfileError:
                    continue
                name = f"{kind} {subtype}"
                content = _take_time_out(file.getvalue())
                made.append(Seed(name, SNDFILE_SUFFIXES.get(kind, ".wav"), content))
                break
    return made


def _take_time_out(content: bytes) -> bytes:
    """Leave out when a file was written."""
    if content.startswith(MAT5):
        return MAT5.ljust(MAT5_HEADER) + content[MAT5_HEADER:]
    peak = content.find(b"PEAK", 0, 256)
    if peak < 0:
        return content
    time = peak + 12
    return content[:time] + bytes(4) + content[time + 4 :]


def _make_with_ffmpeg() -> list[Seed]:
    made = []
    with tempfile.TemporaryDirectory(prefix="soundkin-seeds-") as folder:
        for number, (suffix, container, codec, rate, n_channels) in enumerate(FFMPEG_SEEDS):
            path = Path(folder) / f"{number}{suffix}"
            try:
                write_with_ffmpeg(path, container, codec, make_sound(rate, n_channels), rate)
            except (av.error.FFmpegError, ValueError):  # another build of FFmpeg may lack some
                continue
            made.append(Seed(f"{container} {codec}", suffix, path.read_bytes()))
    return made


def write_with_ffmpeg(
    path: Path, container: str, codec: str, sound: npt.NDArray[np.float32], rate: int
) -> None:
    """Write a file through FFmpeg, the same bytes at every run."""
    layout = "mono" if sound.shape[1] == 1 else "stereo"
    options = {"fflags": "+bitexact"}
    with av.open(str(path), "w", format=container, options=options) as opened:
        stream = opened.add_stream(codec, rate=rate, layout=layout)
        stream.bit_rate = 64_000 if rate > 16_000 else 12_200
        context = stream.codec_context
        context.options = {"flags": "+bitexact", "strict": "experimental"}
        context.open()
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T), "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        size = context.frame_size or 1024
        resampler = av.AudioResampler(context.format, layout, rate, frame_size=size)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            opened.mux(stream.encode(part))
        opened.mux(stream.encode(None))
