"""The links of a chained Ogg file: streams written one after the other, as by radio recorders.

Pages as in RFC 3533. A link begins with pages that begin streams; decoders stop at the second.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass

BEGINS = 2
HEADER_BYTES = 27
NO_PACKET_ENDS = (1 << 64) - 1


@dataclass(frozen=True)
class Link:
    """A link: where it begins and ends, in bytes, and the last count of samples that it has."""

    start: int
    stop: int
    granule: int


def find_links(data: bytes | mmap.mmap) -> list[Link]:
    """Find the links of an Ogg file; most have one."""
    starts: list[int] = []
    granules: list[int] = []
    place, in_head, end = 0, False, len(data)
    while (place := _find_page(data, place)) >= 0 and place + HEADER_BYTES <= end:
        begins = bool(data[place + 5] & BEGINS)
        if begins and not in_head:
            starts.append(place)
            granules.append(0)
        in_head = begins
        granule = int.from_bytes(data[place + 6 : place + 14], "little")
        if granules and granule != NO_PACKET_ENDS:
            granules[-1] = granule
        n_lacing = data[place + 26]
        lacing = data[place + HEADER_BYTES : place + HEADER_BYTES + n_lacing]
        place += HEADER_BYTES + n_lacing + sum(lacing)
    stops = [*starts[1:], end]
    return [Link(*one) for one in zip(starts, stops, granules, strict=False)]


def _find_page(data: bytes | mmap.mmap, place: int) -> int:
    """Find the next page; mostly it is where the last one ended."""
    return place if data[place : place + 4] == b"OggS" else data.find(b"OggS", place)
