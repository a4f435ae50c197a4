"""Where the samples of an AU file lie, whatever its header says of them.

A header of 24 bytes and a note, then samples to the end: nothing else is in such files.
As in Sun's audio file format, audio(5); `dns.` begins the same with its bytes the other way round.
"""

from __future__ import annotations

import struct
from typing import IO

from soundkin.audio.containers.riff import RawSamples, measure_samples

FORMS = {b".snd": ">", b"dns.": "<"}
HEADER_BYTES = 24
UNKNOWN = 0xFFFFFFFF

# Bytes of a sample, and libsndfile's subtype, by encoding.
ENCODINGS = {
    1: (1, "ULAW"),
    2: (1, "PCM_S8"),
    3: (2, "PCM_16"),
    4: (3, "PCM_24"),
    5: (4, "PCM_32"),
    6: (4, "FLOAT"),
    7: (8, "DOUBLE"),
    27: (1, "ALAW"),
}


def find_samples(file: IO[bytes], size: int) -> RawSamples | None:
    """Find the samples of an AU of `size` bytes; None where it is none, or has coded ones.

    None too where it says that it does not know how many there are, as it may: all that follows.
    """
    file.seek(0)
    head = file.read(HEADER_BYTES)
    order = FORMS.get(head[:4])
    if order is None or len(head) < HEADER_BYTES:
        return None
    start, promised, encoding, rate, n_channels = struct.unpack(f"{order}5I", head[4:])
    start = max(HEADER_BYTES, start)
    if encoding not in ENCODINGS or promised == UNKNOWN:
        return None
    if start >= size or not rate or not n_channels:
        return None
    n_bytes, subtype = ENCODINGS[encoding]
    known = promised or None
    there = measure_samples(file, start, known, size, order)
    endian = "BIG" if order == ">" else "LITTLE"
    frame_bytes = n_bytes * n_channels
    return RawSamples(
        start, there, known, rate, n_channels, frame_bytes, subtype, endian, form="AU"
    )
