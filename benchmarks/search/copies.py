"""Copies of a sound as people make them: other levels, trims, formats, rates, widths, speeds."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile
import soxr

Samples = npt.NDArray[np.float32]
Change = Callable[[Samples, int, np.random.Generator], Samples]


def _gain(db: float) -> Change:
    return lambda x, rate, rng: x * np.float32(10 ** (db / 20))


def _pad(before_s: float, after_s: float) -> Change:
    return lambda x, rate, rng: np.pad(x, ((round(before_s * rate), round(after_s * rate)), (0, 0)))


def _cut(before_s: float, after_s: float) -> Change:
    def cut(x: Samples, rate: int, rng: np.random.Generator) -> Samples:
        return x[round(before_s * rate) : len(x) - round(after_s * rate)]

    return cut


def _speed(ratio: float) -> Change:
    return lambda x, rate, rng: soxr.resample(x, rate * ratio, rate)


def _noise(db: float) -> Change:
    return lambda x, rate, rng: (
        x + np.float32(10 ** (db / 20)) * rng.standard_normal(x.shape, np.float32)
    )


def _fade(in_s: float, out_s: float) -> Change:
    def fade(x: Samples, rate: int, rng: np.random.Generator) -> Samples:
        gains = np.ones(len(x), np.float32)
        n_in, n_out = (min(round(s * rate), len(x) // 2) for s in (in_s, out_s))
        gains[:n_in] = np.linspace(0, 1, n_in)
        gains[len(x) - n_out :] *= np.linspace(1, 0, n_out)
        return x * gains[:, None]

    return fade


def _same(x: Samples, rate: int, rng: np.random.Generator) -> Samples:
    return x


def _to_mono(x: Samples, rate: int, rng: np.random.Generator) -> Samples:
    return x.mean(axis=1, keepdims=True)


def _to_stereo(x: Samples, rate: int, rng: np.random.Generator) -> Samples:
    return np.repeat(x.mean(axis=1, keepdims=True), 2, axis=1)


def _mixed(x: Samples, rate: int, rng: np.random.Generator) -> Samples:
    return _pad(0.3, 0.0)(_gain(-6)(x, rate, rng), rate, rng)


MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
AAC_RATES = (*MP3_RATES, 7_350, 64_000, 88_200, 96_000)
OTHER_RATE = 44_100  # for what a codec does not take

# A change of the samples, a rate (None: as it is), a format, a subtype, and for lossy ones kbit/s.
VARIANTS: dict[str, tuple[Change, int | None, str, str, int | None]] = {
    "-1 dB": (_gain(-1), None, "wav", "PCM_16", None),
    "-3 dB": (_gain(-3), None, "wav", "PCM_16", None),
    "-6 dB": (_gain(-6), None, "wav", "PCM_16", None),
    "-20 dB": (_gain(-20), None, "wav", "PCM_16", None),
    "20 ms off the start": (_cut(0.02, 0.0), None, "wav", "PCM_16", None),
    "20 ms off the end": (_cut(0.0, 0.02), None, "wav", "PCM_16", None),
    "20 ms of silence before": (_pad(0.02, 0), None, "wav", "PCM_16", None),
    "300 ms of silence before": (_pad(0.3, 0), None, "wav", "PCM_16", None),
    "2 s of silence after": (_pad(0, 2.0), None, "wav", "PCM_16", None),
    "MP3 128": (_same, None, "mp3", "MPEG_LAYER_III", 128),
    "MP3 80": (_same, None, "mp3", "MPEG_LAYER_III", 80),
    "Ogg Vorbis": (_same, None, "ogg", "VORBIS", 112),
    "Opus 96": (_same, 48_000, "opus", "OPUS", 96),
    "M4A 128": (_same, None, "m4a", "AAC", 128),
    "FLAC, 24 bit": (_same, None, "flac", "PCM_24", None),
    "8 bit": (_same, None, "wav", "PCM_U8", None),
    "24 bit, 96 kHz": (_same, 96_000, "wav", "PCM_24", None),
    "44.1 kHz": (_same, 44_100, "wav", "PCM_16", None),
    "22.05 kHz": (_same, 22_050, "wav", "PCM_16", None),
    "mono": (_to_mono, None, "wav", "PCM_16", None),
    "stereo": (_to_stereo, None, "wav", "PCM_16", None),
    "0.5 % faster": (_speed(1.005), None, "wav", "PCM_16", None),
    "0.5 % slower": (_speed(1 / 1.005), None, "wav", "PCM_16", None),
    "noise at -60 dBFS": (_noise(-60), None, "wav", "PCM_16", None),
    "a constant of 0.02": (lambda x, rate, rng: x + 0.02, None, "wav", "PCM_16", None),
    "other polarity": (lambda x, rate, rng: -x, None, "wav", "PCM_16", None),
    "faded 5 ms in, 100 ms out": (_fade(0.005, 0.1), None, "wav", "PCM_16", None),
    "-6 dB, 300 ms before, MP3 128": (_mixed, None, "mp3", "MPEG_LAYER_III", 128),
}


def write_copy(name: str, x: Samples, rate: int, folder: Path, stem: str) -> Path:
    """Write a variant of samples `(n_samples, n_channels)`; returns its file."""
    change, new_rate, extension, subtype, kbps = VARIANTS[name]
    rng = np.random.default_rng(len(x))
    changed = np.clip(change(x, rate, rng), -1, 1).astype(np.float32)
    if rate not in {"mp3": MP3_RATES, "m4a": AAC_RATES}.get(extension, (rate,)):
        new_rate = OTHER_RATE
    if new_rate is not None and new_rate != rate:
        changed, rate = soxr.resample(changed, rate, new_rate), new_rate
    path = folder / f"{stem}.{extension}"
    if extension == "m4a":
        _write_aac(path, changed, rate, (kbps or 128) * 1000)
        return path
    formats = {"mp3": "MP3", "ogg": "OGG", "opus": "OGG", "wav": "WAV", "flac": "FLAC"}
    options = {} if kbps is None else {"compression_level": _choose_level(subtype, kbps)}
    if subtype == "MPEG_LAYER_III":
        options["bitrate_mode"] = "CONSTANT"
    with soundfile.SoundFile(
        path, "w", rate, changed.shape[1], subtype, None, formats[extension], **options
    ) as file:
        for start in range(0, len(changed), rate):  # libsndfile's Vorbis overflows on long writes
            file.write(changed[start : start + rate])
    return path


def _choose_level(subtype: str, kbps: int) -> float:
    """Choose libsndfile's compression, 0-1, for about so many kbit/s."""
    return {"MPEG_LAYER_III": {128: 0.67, 80: 0.85}, "VORBIS": {112: 0.6}, "OPUS": {96: 0.83}}[
        subtype
    ][kbps]


def _write_aac(path: Path, x: Samples, rate: int, bit_rate: int) -> None:
    with av.open(str(path), "w") as container:
        layout = "mono" if x.shape[1] == 1 else "stereo"
        stream = container.add_stream("aac", rate, layout=layout, bit_rate=bit_rate)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(x.T), "fltp", layout)
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
