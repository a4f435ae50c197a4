"""Every second of every file is heard, at the time at which a player plays it.

Clicks lie at known times in files of all kinds, odd ones too. Found must be: the length that there
is, each click at its time when all is decoded, and each again when a region around it is.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.decoding.referee import decode, find_loss
from benchmarks.fuzz.odd_files import (
    LIST,
    PICTURE,
    RATE,
    Samples,
    aiff_without_sizes,
    encode,
    file_bytes,
    find_clicks,
    make_clicks,
    mp3_bytes,
    patch_sizes,
    spread_ogg_headers,
    strip_mp3_table,
    wav_bytes,
)
from soundkin.audio.containers.mpeg import parse_header
from soundkin.audio.decoders import choose
from soundkin.audio.decoders.decoder import copy_channels
from soundkin.audio.decoders.open import open_decoder
from soundkin.audio.read import read_audio

TIMES = (0.5, 2.2, 3.9, 5.6, 7.3, 9.0)
MORE = (0.5, 2.2)
WITHIN_S = 0.05
BRIEF = make_clicks(0.8, (0.3,))
LONG, SHORT = make_clicks(10.0, TIMES), make_clicks(4.0, MORE)
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


def _ogg(samples: Samples) -> bytes:
    return file_bytes(samples, "OGG", "VORBIS")


def _opus(duration_s: float, times: tuple[float, ...]) -> bytes:
    return file_bytes(make_clicks(duration_s, times, 48_000), "OGG", "OPUS", 48_000)


def _part_frames(data: bytes) -> bytes:
    """Put what is no frame behind every second frame of an MP3."""
    parted, place, number = b"", 0, 0
    while place + 4 <= len(data):
        header = parse_header(int.from_bytes(data[place : place + 4], "big"))
        assert header is not None
        parted += data[place : place + header.n_bytes] + (STRAY if number % 2 else b"")
        place, number = place + header.n_bytes, number + 1
    return parted


def _au(data_size: int, start: int | None = None) -> bytes:
    data = file_bytes(LONG, "AU", "PCM_16")
    head = struct.pack(">I", int.from_bytes(data[4:8], "big") if start is None else start)
    return data[:4] + head + struct.pack(">I", data_size) + data[12:]


def _joined_ts(path: Path, *parts: tuple[Samples, float]) -> None:
    """Write streams, each beginning at some time of its own clock, one after the other."""
    joined = b""
    for samples, start_s in parts:
        encode(path, [("mp2", samples, start_s)], container="mpegts")
        joined += path.read_bytes()
    path.write_bytes(joined)


def _bytes(data: Callable[[], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data())


def _container(*tracks: tuple[str, Samples, float], **options: object) -> Callable[[Path], object]:
    return lambda path: encode(path, tracks, **options)  # type: ignore[arg-type]


WAV = wav_bytes(LONG)
SHORT_WAV = wav_bytes(SHORT)
ODD_WAV = wav_bytes(LONG[:-1], subtype="PCM_U8")[:-1]  # without its padding
RF64 = file_bytes(LONG, "RF64", "PCM_16")
CODED = wav_bytes(LONG, subtype="IMA_ADPCM")
AIFF = file_bytes(LONG, "AIFF", "PCM_16")
FOLLOWS = "another {} file follows at byte {}; only the first is heard"
HEADER = "its header is wrong"
JOINED = (*TIMES, *(10 + time for time in MORE))
# Players play what an encoder puts before a part that is not the first: two frames.
STRAY = b"\x55\xaa" * 150
JOINED_MP3 = (*TIMES, *(10.055 + time for time in MORE))
HALVES = make_clicks(10.0, TIMES[:3]), make_clicks(10.0, TIMES[3:])

FILES = {
    "vbr.mp3": Odd(_bytes(lambda: mp3_bytes(LONG))),
    "vbr-without-table.mp3": Odd(_bytes(lambda: strip_mp3_table(mp3_bytes(LONG)))),
    "cbr-behind-a-picture.mp3": Odd(
        _bytes(lambda: PICTURE + strip_mp3_table(mp3_bytes(LONG, "CONSTANT")))),
    "before-tags.mp3": Odd(_bytes(lambda: mp3_bytes(LONG) + b"TAG" + bytes(125) + bytes(9000))),
    "joined.mp3": Odd(
        _bytes(lambda: mp3_bytes(LONG) + mp3_bytes(SHORT)), JOINED_MP3, 14.0, more_s=0.2),
    "headers-spread.ogg": Odd(_bytes(lambda: spread_ogg_headers(_ogg(LONG)))),
    "chained.ogg": Odd(_bytes(lambda: _ogg(LONG) + _ogg(SHORT)), JOINED, 14.0),
    "chained.opus": Odd(_bytes(lambda: _opus(10.0, TIMES) + _opus(4.0, MORE)), JOINED, 14.0),
    "chained-rates.ogg": Odd(
        _bytes(lambda: _ogg(LONG) + file_bytes(
            make_clicks(4.0, MORE, 22_050), "OGG", "VORBIS", 22_050)), JOINED, 14.0),
    "joined.flac": Odd(
        _bytes(lambda: b"".join(file_bytes(x, "FLAC", "PCM_16") for x in (LONG, SHORT))),
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
    "sizes-0.aiff": Odd(_bytes(lambda: aiff_without_sizes(LONG)), warns=HEADER),
    "size-0.au": Odd(_bytes(lambda: _au(0)), warns=HEADER),
    "size-unknown.au": Odd(_bytes(lambda: _au(0xFFFFFFFF))),
    "size-of-3-s.au": Odd(_bytes(lambda: _au(6 * RATE)), warns=HEADER),
    "size-of-3-s-start-0.au": Odd(_bytes(lambda: _au(6 * RATE, 0)), warns=HEADER),
    "cut.au": Odd(
        _bytes(lambda: _au(20 * RATE)[:10 * RATE + 24]), TIMES[:3], 5.0,
        "cut short: 5.0 s of 10.0 s"),
    "plain.m4a": Odd(_container(("aac", LONG, 0))),
    "fragmented.m4a": Odd(_container(("aac", LONG, 0), container="mp4",
                                     options={"movflags": "frag_keyframe+empty_moov"})),
    "late.mkv": Odd(_container(("aac", LONG, 2.0), video_s=12), LATE, 12.0),
    "late.mp4": Odd(_container(("aac", LONG, 2.0), video_s=12), LATE, 12.0),
    "hole.mkv": Odd(_container(("aac", LONG, 0), holes=HOLE), AFTER_HOLE, 13.0),
    "hole.mp4": Odd(_container(("aac", LONG, 0), holes=HOLE), AFTER_HOLE, 13.0),
    "hole.ts": Odd(_container(("aac", LONG, 0), holes=HOLE, container="mpegts"), AFTER_HOLE, 13.0),
    "joined.ts": Odd(
        lambda path: _joined_ts(path, (LONG, 0), (SHORT, 0)), JOINED, 14.0),
    "joined-short.ts": Odd(
        lambda path: _joined_ts(path, (BRIEF, 0), (BRIEF, 0)), (0.3, 1.1), 1.6),
    "joined-overlapping.ts": Odd(
        lambda path: _joined_ts(path, (SHORT, 0), (SHORT, 3.4)), (*MORE, 5.6), 7.4,
        "0.6 s are left out"),
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


def test_lone_frames_of_a_damaged_mp3_are_heard_as_far_as_ffmpeg_decodes_them(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.mp3"
    lone = _part_frames(strip_mp3_table(mp3_bytes(LONG, "CONSTANT")))
    path.write_bytes(mp3_bytes(SHORT) + STRAY + lone)
    with open_decoder(path) as decoder:
        n_samples = sum(map(len, decoder.decode_from(0)))
    verdict = decode(str(path))
    assert verdict is not None
    assert verdict.seconds > 8
    assert find_loss(n_samples / RATE, RATE, verdict) is None


def test_bare_samples_are_told_of_and_other_files_of_that_name_are_not_taken_for_them(
    tmp_path: Path,
) -> None:
    bare, named = tmp_path / "bare.snd", tmp_path / "named.snd"
    bare.write_bytes(file_bytes(LONG, "WAV", "ULAW")[58:])
    encode(tmp_path / "a.mka", [("aac", LONG, 0)])
    named.write_bytes((tmp_path / "a.mka").read_bytes())
    with open_decoder(bare) as decoder:
        assert decoder.info.format == "RAW ULAW"
        assert decoder.warning == "it has no header: taken for ULAW"
    with open_decoder(named) as decoder:
        assert decoder.info.format == "MATROSKA AAC"


def test_what_is_another_sound_to_ffmpeg_rescues_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    encode(path, [("aac", half, 0) for half in HALVES])
    stereo = np.stack([SHORT, SHORT], axis=1)
    sound = file_bytes(stereo, "WAV", "PCM_16")
    with ExitStack() as stack, path.open("rb") as file:
        (tmp_path / "b.wav").write_bytes(sound)
        other = stack.enter_context(soundfile.SoundFile(tmp_path / "b.wav"))
        choice = choose._Choice(file, str(path), stack, copy_channels)
        assert not list(choice._rescue(other, 0))


def test_a_stream_that_cannot_be_decoded_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    encode(path, [("aac", LONG, 0), ("aac", SHORT, 0)])
    data = path.read_bytes()
    place = data.rindex(b"A_AAC")  # the second track's codec
    path.write_bytes(data[:place] + b"A_XYZ" + data[place + 5 :])
    with open_decoder(path) as decoder:
        assert sum(map(len, decoder.decode_from(0))) >= len(LONG)
        assert decoder.warning == "1 of 2 sound streams could not be decoded"
