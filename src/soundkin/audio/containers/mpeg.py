"""How much sound an MPEG audio file (MP3, MP2) holds: its frames, walked one by one.

A file without a table of its own (Xing, Info, VBRI) has no length; one that was put together has a
length for its first part alone. Both are told by walking: every frame says how long it is.
Frame headers as in ISO/IEC 11172-3 and 13818-3, version 2.5 as its decoders have it.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from functools import lru_cache

TABLES = {b"Xing", b"Info", b"VBRI"}  # of contents, in a frame of silence
BLOCK = 1 << 20
SURE = 3  # frames in a row that are no chance

read_word = struct.Struct(">I").unpack_from

_V1 = {
    1: (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    2: (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_V2 = {
    1: (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    3: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44_100, 48_000, 32_000)


@dataclass(frozen=True)
class FrameHeader:
    """A frame: bytes in it, samples it decodes to, their rate in Hz, channels, and its layer.

    `table_at` is where in it a table of contents would have its name: behind its side information.
    """

    n_bytes: int
    n_samples: int
    sample_rate: int
    n_channels: int
    layer: int
    table_at: int


@dataclass(frozen=True)
class MpegFrames:
    """What frames a file has: samples in all, and how many parts were joined.

    `n_samples` counts no table of contents, which is a frame of silence to whoever does not know
    it; `is_uniform` tells whether all frames are of one rate, channels and layer. `stray_s` is how
    long frames would last of as many bytes as are none, nor tags or zeros: between damaged ones.
    """

    n_samples: int
    sample_rate: int
    n_channels: int
    n_parts: int
    is_uniform: bool
    stray_s: float


@lru_cache(maxsize=4096)
def parse_header(word: int) -> FrameHeader | None:
    """Parse a frame's first four bytes, big endian; None where they begin no frame."""
    version, layer = word >> 19 & 3, 4 - (word >> 17 & 3)
    rate_place, rate_index, pad = word >> 12 & 15, word >> 10 & 3, word >> 9 & 1
    if (
        word >> 21 != 0x7FF
        or version == 1
        or layer == 4
        or rate_place in (0, 15)
        or rate_index == 3
    ):
        return None
    rate = _RATES[rate_index] // {3: 1, 2: 2, 0: 4}[version]
    bits = 1000 * (_V1 if version == 3 else _V2)[layer][rate_place]
    if layer == 1:
        n_samples, n_bytes = 384, 4 * (12 * bits // rate + pad)
    else:
        n_samples = 576 if layer == 3 and version != 3 else 1152
        n_bytes = n_samples // 8 * bits // rate + pad
    n_channels = 1 if word >> 6 & 3 == 3 else 2
    table_at = {(True, 2): 36, (True, 1): 21, (False, 2): 21, (False, 1): 13}[
        version == 3, n_channels
    ]
    return FrameHeader(n_bytes, n_samples, rate, n_channels, layer, table_at)


def walk_frames(data: bytes | mmap.mmap) -> MpegFrames | None:
    """Walk the frames of a whole file; None where it has no three in a row.

    Tags (ID3, APE, Lyrics3) at either end and between parts are passed over, and zeros.
    """
    place, end = _skip_tags(data, 0), len(data)
    n_frames = n_samples = n_tables = n_stray = 0
    kinds: set[tuple[int, int, int]] = set()
    first: FrameHeader | None = None
    last: FrameHeader | None = None
    while place + 4 <= end:
        header = parse_header(read_word(data, place)[0])
        if header is None or place + header.n_bytes > end:
            place = _skip_tags(data, place)
            found = _find_frames(data, place)
            n_stray += _count_stray(data, place, end if found is None else found)
            if found is None:
                break
            place = found
            continue
        table = place + header.table_at
        if data[table : table + 4] in TABLES:
            n_tables += 1
        else:
            n_frames += 1
            n_samples += header.n_samples
        if header is not last:  # the same object for the same word
            first = first or header
            kinds.add((header.sample_rate, header.n_channels, header.layer))
            last = header
        place += header.n_bytes
    if first is None or n_frames + n_tables < SURE:
        return None
    return MpegFrames(
        n_samples,
        first.sample_rate,
        first.n_channels,
        max(1, n_tables),
        len(kinds) == 1,
        n_stray / max(1, end - n_stray) * n_samples / first.sample_rate,
    )


def _count_stray(data: bytes | mmap.mmap, start: int, stop: int) -> int:
    """Count bytes that are not zero."""
    blocks = (data[place : min(stop, place + BLOCK)] for place in range(start, stop, BLOCK))
    return sum(len(block) - block.count(0) for block in blocks)


def _skip_tags(data: bytes | mmap.mmap, place: int) -> int:
    """Pass over tags that begin at a place, one after the other."""
    while True:
        head = data[place : place + 32]
        if head[:3] == b"ID3" and len(head) >= 10:
            size = (
                (head[6] & 127) << 21 | (head[7] & 127) << 14 | (head[8] & 127) << 7 | head[9] & 127
            )
            place += 10 + size + (10 if head[5] & 16 else 0)
        elif head[:8] == b"APETAGEX" and len(head) == 32:
            place += 32 + int.from_bytes(head[12:16], "little")
        elif head[:3] == b"TAG" and len(data) - place >= 128:
            place += 128
        else:
            return place


def _find_frames(data: bytes | mmap.mmap, place: int) -> int | None:
    """Find the next place from which three frames follow each other."""
    while (place := data.find(b"\xff", place)) >= 0:
        if _is_run(data, place):
            return place
        place += 1
    return None


def _is_run(data: bytes | mmap.mmap, place: int) -> bool:
    rate = None
    for _ in range(SURE):
        header = parse_header(int.from_bytes(data[place : place + 4], "big"))
        if header is None or (rate is not None and header.sample_rate != rate):
            return False
        rate, place = header.sample_rate, place + header.n_bytes
        if place == len(data):
            return True
    return True
