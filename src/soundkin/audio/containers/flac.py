"""The parts of FLAC files that were joined, each with a header of its own (RFC 9639)."""

from __future__ import annotations

import mmap

MARK = b"fLaC"
STREAMINFO = (b"\x00\x00\x00\x22", b"\x80\x00\x00\x22")  # the block that comes first, and its size


def find_parts(data: bytes | mmap.mmap) -> list[tuple[int, int]]:
    """Find where each FLAC stream of a file begins and ends, in bytes; most files have one."""
    starts: list[int] = []
    place = data.find(MARK)
    while place >= 0:
        if data[place + 4 : place + 8] in STREAMINFO:
            starts.append(place)
        place = data.find(MARK, place + 4)
    return list(zip(starts, [*starts[1:], len(data)], strict=False))
