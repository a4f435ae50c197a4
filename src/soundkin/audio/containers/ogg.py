"""The links of a chained Ogg file: streams written one after the other, as by radio recorders.

Pages as in RFC 3533. A link begins with pages that begin streams; decoders stop at the second.
"""

from __future__ import annotations

import mmap

BEGINS = 2
HEADER_BYTES = 27


def find_links(data: bytes | mmap.mmap) -> list[tuple[int, int]]:
    """Find where each link of an Ogg file begins and ends, in bytes; most files have one."""
    starts: list[int] = []
    place, in_head, end = 0, False, len(data)
    while (place := _find_page(data, place)) >= 0 and place + HEADER_BYTES <= end:
        begins = bool(data[place + 5] & BEGINS)
        if begins and not in_head:
            starts.append(place)
        in_head = begins
        n_lacing = data[place + 26]
        lacing = data[place + HEADER_BYTES : place + HEADER_BYTES + n_lacing]
        place += HEADER_BYTES + n_lacing + sum(lacing)
    return list(zip(starts, [*starts[1:], end], strict=False))


def _find_page(data: bytes | mmap.mmap, place: int) -> int:
    """Find the next page; mostly it is where the last one ended."""
    return place if data[place : place + 4] == b"OggS" else data.find(b"OggS", place)
