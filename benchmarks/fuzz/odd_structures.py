"""Small files of odd structure, for mutants to come from: joined, chained, late, holed, missized.

Sound is missed in such files more easily than in others. They are the same at every run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.fuzz.odd_files import (
    LIST,
    PICTURE,
    RATE,
    Samples,
    aiff_without_sizes,
    encode,
    file_bytes,
    make_clicks,
    mp3_bytes,
    patch_sizes,
    renumber_ogg,
    spread_ogg_headers,
    strip_mp3_table,
    wav_bytes,
)

LONG, SHORT = make_clicks(0.6, (0.1, 0.4)), make_clicks(0.3, (0.1,))
HOLE = ((0.3, 0.8),)
VIDEO_S = 1.2
WAV = wav_bytes(LONG)
LATE_SAMPLES = 9


def make_odd_structures() -> list[tuple[str, str, bytes]]:
    """Make them all: what each is, the extension it goes by, its bytes."""
    made = [(name, f".{name.rsplit('.', 1)[1]}", make()) for name, make in _IN_MEMORY.items()]
    with tempfile.TemporaryDirectory(prefix="soundkin-structures-") as folder:
        for name, write in _BY_FFMPEG.items():
            path = Path(folder) / name
            write(path)
            made.append((name, path.suffix, path.read_bytes()))
    return made


def _ogg(samples: Samples, serial: int = 1, subtype: str = "VORBIS", rate: int = RATE) -> bytes:
    return renumber_ogg(file_bytes(samples, "OGG", subtype, rate), serial)


def _stereo(left: Samples, right: Samples) -> Samples:
    return np.stack([left, right], axis=1)


def _opus(serial: int) -> bytes:
    return _ogg(make_clicks(0.3, (0.1,), 48_000), serial, "OPUS", 48_000)


_IN_MEMORY: dict[str, Callable[[], bytes]] = {
    "vbr-without-table.mp3": lambda: strip_mp3_table(mp3_bytes(LONG)),
    "cbr-behind-a-picture.mp3": lambda: (
        PICTURE[:6] + b"\0\0\x10\0" + bytes(2048) + strip_mp3_table(mp3_bytes(LONG, "CONSTANT"))
    ),
    "before-tags.mp3": lambda: mp3_bytes(LONG) + b"TAG" + bytes(125) + bytes(900),
    "joined.mp3": lambda: mp3_bytes(LONG) + mp3_bytes(SHORT),
    "joined-without-tables.mp3": lambda: (
        strip_mp3_table(mp3_bytes(SHORT)) + strip_mp3_table(mp3_bytes(SHORT, "CONSTANT"))
    ),
    "headers-spread.ogg": lambda: spread_ogg_headers(_ogg(LONG)),
    "chained.ogg": lambda: _ogg(LONG) + _ogg(SHORT, 2),
    "chained.opus": lambda: _opus(1) + _opus(2),
    "chained-rates.ogg": lambda: (
        _ogg(SHORT) + _ogg(make_clicks(0.3, (0.1,), 22_050), 2, rate=22_050)
    ),
    "joined.flac": lambda: b"".join(file_bytes(x, "FLAC", "PCM_16") for x in (LONG, SHORT)),
    "size-0.wav": lambda: patch_sizes(WAV, 0, 0),
    "size-unknown.wav": lambda: patch_sizes(WAV, -1, -1),
    "size-of-a-third.wav": lambda: patch_sizes(WAV, len(WAV) // 3),
    "24-bits-size-0.wav": lambda: patch_sizes(wav_bytes(LONG, subtype="PCM_24"), 0, 0),
    "adpcm-size-0.wav": lambda: patch_sizes(wav_bytes(LONG, subtype="IMA_ADPCM"), 0, 0),
    "before-a-list.wav": lambda: WAV + LIST,
    "before-zeros.wav": lambda: WAV + bytes(9000),
    "cut.wav": lambda: WAV[: len(WAV) // 2],
    "sizes-0.aiff": lambda: aiff_without_sizes(LONG),
    "opposite-phase.wav": lambda: wav_bytes(_stereo(LONG, -LONG)),
    "one-side-late.flac": lambda: file_bytes(
        _stereo(LONG, np.roll(LONG, LATE_SAMPLES)), "FLAC", "PCM_16"),
}  # fmt: skip
_HALVES = (make_clicks(0.6, (0.1,)), make_clicks(0.6, (0.4,)))
_BY_FFMPEG: dict[str, Callable[[Path], None]] = {
    "fragmented.m4a": lambda path: encode(
        path, [("aac", LONG, 0)], container="mp4",
        options={"movflags": "frag_keyframe+empty_moov"}),
    "late.mkv": lambda path: encode(path, [("aac", LONG, 0.5)], video_s=VIDEO_S),
    "late.mp4": lambda path: encode(path, [("aac", LONG, 0.5)], video_s=VIDEO_S),
    "hole.mkv": lambda path: encode(path, [("aac", LONG, 0)], holes=HOLE),
    "hole.mp4": lambda path: encode(path, [("aac", LONG, 0)], holes=HOLE),
    "hole.ts": lambda path: encode(path, [("aac", LONG, 0)], holes=HOLE, container="mpegts"),
    "first-silent.mkv": lambda path: encode(
        path, [("aac", np.zeros_like(LONG), 0), ("aac", LONG, 0)]),
    "two-streams.mp4": lambda path: encode(path, [("aac", half, 0) for half in _HALVES]),
    "two-streams.ts": lambda path: encode(
        path, [("aac", half, 0) for half in _HALVES], container="mpegts"),
}  # fmt: skip
