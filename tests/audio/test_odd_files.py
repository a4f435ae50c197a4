"""Every second of every file is heard, at the time at which a player plays it.

Clicks lie at known times in files of all kinds, odd ones too. Found must be: the length that there
is, each click at its time when all is decoded, and each again when a region around it is.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from odd_files import (
    RATE,
    Samples,
    encode,
    find_clicks,
    make_clicks,
    patch_sizes,
    spread_ogg_headers,
    strip_mp3_table,
    wav_bytes,
)
from soundkin.audio.decoders.open import open_decoder
from soundkin.audio.read import read_audio

TIMES = (0.5, 2.2, 3.9, 5.6, 7.3, 9.0)
MORE = (0.5, 2.2)
WITHIN_S = 0.05
LONG, SHORT = make_clicks(10.0, TIMES), make_clicks(4.0, MORE)
PICTURE = b"ID3\x03\0\0\0\x12\x34\x56" + bytes((0x12 << 14) + (0x34 << 7) + 0x56)
HOLE = ((4.5, 7.5),)
AFTER_HOLE = tuple(time if time < 4.5 else time + 3 for time in TIMES)
LATE = tuple(time + 2 for time in TIMES)


@dataclass(frozen=True)
class Odd:
    """A file: who writes it, where its clicks are, how long it is, what it warns of."""

    write: Callable[[Path], object]
    times: tuple[float, ...] = TIMES
    duration_s: float = 10.0
    warns: str | None = None
    more_s: float = 0.1  # that its codec may add


def _encode_in_memory(samples: Samples, form: str, subtype: str, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=form, subtype=subtype)
    return file.getvalue()


def _mp3(samples: Samples, mode: str = "VARIABLE") -> bytes:
    file = io.BytesIO()
    options = {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": mode}
    soundfile.write(file, samples, RATE, compression_level=0.4, **options)
    return file.getvalue()


def _ogg(samples: Samples) -> bytes:
    return _encode_in_memory(samples, "OGG", "VORBIS")


def _opus(duration_s: float, times: tuple[float, ...]) -> bytes:
    return _encode_in_memory(make_clicks(duration_s, times, 48_000), "OGG", "OPUS", 48_000)


def _bytes(data: Callable[[], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data())


def _container(*tracks: tuple[str, Samples, float], **options: object) -> Callable[[Path], object]:
    return lambda path: encode(path, tracks, **options)  # type: ignore[arg-type]


def _aiff_without_sizes() -> bytes:
    data = bytearray(_encode_in_memory(LONG, "AIFF", "PCM_16"))
    place = data.index(b"SSND")
    data[place + 4 : place + 8] = data[4:8] = bytes(4)
    return bytes(data)


WAV = wav_bytes(LONG)
LIST = b"LIST" + struct.pack("<I", 4000) + b"INFOISFT" + bytes(range(250)) * 15 + bytes(242)
SHORT_WAV = wav_bytes(SHORT)
ODD_WAV = wav_bytes(LONG[:-1], subtype="PCM_U8")[:-1]  # without its padding
RF64 = _encode_in_memory(LONG, "RF64", "PCM_16")
CODED = wav_bytes(LONG, subtype="IMA_ADPCM")
AIFF = _encode_in_memory(LONG, "AIFF", "PCM_16")
FOLLOWS = "another {} file follows at byte {}; only the first is heard"
HEADER = "its header is wrong"
JOINED = (*TIMES, *(10 + time for time in MORE))
# Players play what an encoder puts before a part that is not the first: two frames.
JOINED_MP3 = (*TIMES, *(10.055 + time for time in MORE))
HALVES = make_clicks(10.0, TIMES[:3]), make_clicks(10.0, TIMES[3:])

FILES = {
    "vbr.mp3": Odd(_bytes(lambda: _mp3(LONG))),
    "vbr-without-table.mp3": Odd(_bytes(lambda: strip_mp3_table(_mp3(LONG)))),
    "cbr-behind-a-picture.mp3": Odd(
        _bytes(lambda: PICTURE + strip_mp3_table(_mp3(LONG, "CONSTANT")))),
    "before-tags.mp3": Odd(_bytes(lambda: _mp3(LONG) + b"TAG" + bytes(125) + bytes(9000))),
    "joined.mp3": Odd(_bytes(lambda: _mp3(LONG) + _mp3(SHORT)), JOINED_MP3, 14.0, more_s=0.2),
    "headers-spread.ogg": Odd(_bytes(lambda: spread_ogg_headers(_ogg(LONG)))),
    "chained.ogg": Odd(_bytes(lambda: _ogg(LONG) + _ogg(SHORT)), JOINED, 14.0),
    "chained.opus": Odd(_bytes(lambda: _opus(10.0, TIMES) + _opus(4.0, MORE)), JOINED, 14.0),
    "chained-rates.ogg": Odd(
        _bytes(lambda: _ogg(LONG) + _encode_in_memory(
            make_clicks(4.0, MORE, 22_050), "OGG", "VORBIS", 22_050)), JOINED, 14.0),
    "joined.flac": Odd(
        _bytes(lambda: b"".join(_encode_in_memory(x, "FLAC", "PCM_16") for x in (LONG, SHORT))),
        JOINED, 14.0),
    "size-0.wav": Odd(_bytes(lambda: patch_sizes(WAV, 0, 0)), warns=HEADER),
    "size-unknown.wav": Odd(_bytes(lambda: patch_sizes(WAV, -1, -1)), warns=HEADER),
    "size-of-3-s.wav": Odd(_bytes(lambda: patch_sizes(WAV, 6 * RATE)), warns=HEADER),
    "sizes-of-3-s.wav": Odd(
        _bytes(lambda: patch_sizes(WAV, 6 * RATE, 6 * RATE + 36)), warns=HEADER),
    "24-bits-size-0.wav": Odd(
        _bytes(lambda: patch_sizes(wav_bytes(LONG, subtype="PCM_24"), 0, 0)), warns=HEADER),
    "adpcm-size-0.wav": Odd(
        _bytes(lambda: patch_sizes(wav_bytes(LONG, subtype="IMA_ADPCM"), 0, 0)), warns=HEADER),
    "before-a-list.wav": Odd(_bytes(lambda: WAV + LIST)),
    "joined.wav": Odd(_bytes(lambda: WAV + SHORT_WAV), warns=FOLLOWS.format("WAV", len(WAV))),
    "joined-behind-a-list.wav": Odd(
        _bytes(lambda: WAV + LIST + SHORT_WAV),
        warns=FOLLOWS.format("WAV", len(WAV) + len(LIST))),
    "joined-without-padding.wav": Odd(
        _bytes(lambda: ODD_WAV + SHORT_WAV), warns=FOLLOWS.format("WAV", len(ODD_WAV))),
    "joined-with-padding.wav": Odd(
        _bytes(lambda: ODD_WAV + b"\0" + SHORT_WAV),
        warns=FOLLOWS.format("WAV", len(ODD_WAV) + 1)),
    "joined-rf64.wav": Odd(
        _bytes(lambda: RF64 + RF64), warns=FOLLOWS.format("WAV", len(RF64))),
    "joined-coded.wav": Odd(
        _bytes(lambda: CODED + SHORT_WAV), warns=FOLLOWS.format("WAV", len(CODED))),
    "joined.aiff": Odd(_bytes(lambda: AIFF + AIFF), warns=FOLLOWS.format("AIFF", len(AIFF))),
    "one-within-a-chunk.wav": Odd(
        _bytes(lambda: WAV + b"JUNK" + struct.pack("<I", len(SHORT_WAV)) + SHORT_WAV)),
    "odd-before-a-list.wav": Odd(_bytes(lambda: ODD_WAV + b"\0" + LIST)),
    "before-id3.aiff": Odd(_bytes(lambda: AIFF + b"ID3 " + struct.pack(">I", 20) + bytes(20))),
    "before-zeros.wav": Odd(_bytes(lambda: WAV + bytes(100_000))),
    "cut.wav": Odd(
        _bytes(lambda: WAV[: len(WAV) // 2]), TIMES[:3], 5.0, "cut short: 5.0 s of 10.0 s"),
    "sizes-0.aiff": Odd(_bytes(_aiff_without_sizes), warns=HEADER),
    "plain.m4a": Odd(_container(("aac", LONG, 0))),
    "fragmented.m4a": Odd(_container(("aac", LONG, 0), container="mp4",
                                     options={"movflags": "frag_keyframe+empty_moov"})),
    "late.mkv": Odd(_container(("aac", LONG, 2.0), video_s=12), LATE, 12.0),
    "late.mp4": Odd(_container(("aac", LONG, 2.0), video_s=12), LATE, 12.0),
    "hole.mkv": Odd(_container(("aac", LONG, 0), holes=HOLE), AFTER_HOLE, 13.0),
    "hole.mp4": Odd(_container(("aac", LONG, 0), holes=HOLE), AFTER_HOLE, 13.0),
    "hole.ts": Odd(_container(("aac", LONG, 0), holes=HOLE, container="mpegts"), AFTER_HOLE, 13.0),
    "first-silent.mkv": Odd(
        _container(("aac", np.zeros_like(LONG), 0), ("aac", LONG, 0)), warns="2 sound streams"),
    "two-streams.mp4": Odd(
        _container(*(("aac", half, 0) for half in HALVES)), warns="2 sound streams"),
    "two-streams.ts": Odd(
        _container(*(("aac", half, 0) for half in HALVES), container="mpegts"),
        warns="2 sound streams"),
    "plain.avi": Odd(_container(("mp3", LONG, 0))),
    "plain.wv": Odd(_container(("wavpack", LONG, 0))),
    "plain.caf": Odd(_container(("pcm_s16le", LONG, 0))),
    "plain.3gp": Odd(_container(("aac", LONG, 0))),
    "plain.weba": Odd(
        _container(
            ("libopus", make_clicks(10.0, TIMES, 48_000), 0), rate=48_000, container="webm")),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_all_of_a_file_is_heard_at_the_times_of_a_player(name: str, tmp_path: Path) -> None:
    odd, path = FILES[name], tmp_path / name
    odd.write(path)
    with open_decoder(path) as decoder:
        samples = np.concatenate(list(decoder.decode_from(0)))
        rate, warning = decoder.info.sample_rate, decoder.warning
    assert odd.duration_s - WITHIN_S <= len(samples) / rate <= odd.duration_s + odd.more_s
    assert find_clicks(samples, rate) == pytest.approx(odd.times, abs=WITHIN_S)
    assert (warning or "").startswith(odd.warns or "")
    assert (warning is None) == (odd.warns is None)
    for time_s in odd.times:
        start_s = max(0.0, time_s - 0.3)
        found = find_clicks(read_audio(path, rate, start_s, time_s + 0.3), rate)
        assert found[0] == pytest.approx(time_s - start_s, abs=WITHIN_S)
