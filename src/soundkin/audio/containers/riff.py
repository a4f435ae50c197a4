"""Where the samples of a WAV or AIFF lie, whatever its header says of them.

A recorder that dies, a file beyond 4 GiB and a stream leave sizes that are 0, too small or too
large. Samples then reach to the end of the file; what follows samples of a right size (tags,
markers, another file) is none.
Chunks as in IBM and Microsoft's Multimedia Programming Interface 1.0, EBU Tech 3306 (RF64, BW64)
and Apple's Audio Interchange File Format 1.3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

FORMS = (b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM")
TYPES = (b"WAVE", b"AIFF", b"AIFC")
MAX_CHUNKS = 1000  # looked at behind samples; a file has a handful
TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN", b".snd", *FORMS)
UNKNOWN = (0, 0xFFFFFFFF, 0x7FFFFFFF)
SMALL_SLACK = 8  # bytes behind samples that are no sound, whatever they are
EXTENSIBLE = 0xFFFE

# Subtypes of libsndfile by (format tag, bits); WAV's samples of 8 bits have no sign.
WAV_SUBTYPES = {
    (1, 8): "PCM_U8",
    (1, 16): "PCM_16",
    (1, 24): "PCM_24",
    (1, 32): "PCM_32",
    (3, 32): "FLOAT",
    (3, 64): "DOUBLE",
    (6, 8): "ALAW",
    (7, 8): "ULAW",
}
AIFF_BITS = {8: "PCM_S8", 16: "PCM_16", 24: "PCM_24", 32: "PCM_32"}
AIFC_SUBTYPES = {b"fl32": "FLOAT", b"FL32": "FLOAT", b"fl64": "DOUBLE", b"FL64": "DOUBLE"}
AIFC_SUBTYPES |= {b"alaw": "ALAW", b"ALAW": "ALAW", b"ulaw": "ULAW", b"ULAW": "ULAW"}


@dataclass(frozen=True)
class RawSamples:
    """Samples as they lie in a file: from byte `start`, `n_bytes` of them as far as they go.

    `promised_bytes` is what the header says, None where it does not know. `subtype` and `endian`
    are libsndfile's words; `subtype` is None for what is no plain sequence of samples.
    """

    start: int
    n_bytes: int
    promised_bytes: int | None
    sample_rate: int
    n_channels: int
    frame_bytes: int
    subtype: str | None
    endian: str
    form: str

    @property
    def is_told_right(self) -> bool:
        """Whether the header tells where the samples end."""
        return self.promised_bytes == self.n_bytes

    @property
    def n_frames(self) -> int:
        """Frames that are there."""
        return self.n_bytes // self.frame_bytes

    @property
    def promised_s(self) -> float | None:
        """Seconds that the header promises."""
        if self.promised_bytes is None:
            return None
        return self.promised_bytes / self.frame_bytes / self.sample_rate


def find_samples(file: IO[bytes], size: int) -> RawSamples | None:
    """Find the samples of a WAV or AIFF of `size` bytes; None where it is none, or has none."""
    file.seek(0)
    form = file.read(12)
    if len(form) < 12 or form[:4] not in FORMS:
        return None
    order = _read_order(form[:4])
    described: tuple[int, int, int, str | None, str] | None = None
    wide: int | None = None  # bytes of samples, where RF64 tells them apart
    for name, start, n_bytes in _walk_chunks(file, size, order):
        if name == b"ds64":
            wide = struct.unpack("<Q", file.read(28)[8:16].ljust(8, b"\0"))[0]
        elif name == b"fmt ":
            described = _read_fmt(file.read(min(n_bytes, 40)), order)
        elif name == b"COMM":
            described = _read_comm(file.read(min(n_bytes, 26)), form[8:12] == b"AIFC")
        elif name in (b"data", b"SSND") and described is not None:
            offset = 8 if name == b"SSND" else 0
            promised = n_bytes if wide is None or n_bytes != 0xFFFFFFFF else wide
            known = None if promised in UNKNOWN else max(0, promised - offset)
            rate, n_channels, frame_bytes, subtype, endian = described
            start += offset
            there = measure_samples(file, start, known, size, order)
            word = "AIFF" if form[:4] == b"FORM" else "WAV"
            return RawSamples(
                start, there, known, rate, n_channels, frame_bytes, subtype, endian, word
            )
    return None


def find_next_file(file: IO[bytes], size: int, samples: RawSamples) -> int | None:
    """Find the byte at which another WAV or AIFF begins, joined to the one of these samples.

    What follows samples is walked chunk by chunk, so that nothing within a chunk is taken for one.
    """
    file.seek(0)
    order = _read_order(file.read(4))
    place, n_bytes = samples.start, samples.n_bytes
    for _ in range(MAX_CHUNKS):
        end = place + n_bytes
        for place in (end, end + 1) if n_bytes & 1 else (end,):  # some leave the padding out
            file.seek(place)
            head = file.read(12)
            if head[:4] in FORMS and head[8:] in TYPES:
                return place
        if not _is_chunk(head, size - place - 8, order):
            return None
        place, n_bytes = place + 8, struct.unpack(f"{order}4xI", head[:8])[0]
    return None


def _read_order(form: bytes) -> str:
    """Tell the order of bytes in sizes."""
    return ">" if form in (b"RIFX", b"FORM") else "<"


def _walk_chunks(file: IO[bytes], size: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk's name, where its bytes begin and how many it says there are."""
    place = 12
    while place + 8 <= size:
        file.seek(place)
        name, n_bytes = struct.unpack(f"{order}4sI", file.read(8))
        yield name, place + 8, n_bytes
        place += 8 + n_bytes + (n_bytes & 1)


def _read_fmt(body: bytes, order: str) -> tuple[int, int, int, str | None, str] | None:
    if len(body) < 16:
        return None
    tag, n_channels, rate, _, align, _ = struct.unpack(f"{order}HHIIHH", body[:16])
    if tag == EXTENSIBLE and len(body) >= 26:
        tag = struct.unpack(f"{order}H", body[24:26])[0]
    if not (rate and n_channels and align):
        return None
    subtype = WAV_SUBTYPES.get((tag, 8 * align // n_channels))
    return rate, n_channels, align, subtype, "BIG" if order == ">" else "LITTLE"


def _read_comm(body: bytes, has_codec: bool) -> tuple[int, int, int, str | None, str] | None:
    if len(body) < 18:
        return None
    n_channels, _, bits = struct.unpack(">hIh", body[:8])
    exponent, mantissa = struct.unpack(">HQ", body[8:18])
    power = (exponent & 0x7FFF) - 16383 - 63
    rate = round(mantissa * 2.0**power) if power <= 0 else 0  # beyond, it is no rate
    codec = body[18:22] if has_codec else b"NONE"
    subtype = AIFC_SUBTYPES.get(codec)
    if codec in (b"NONE", b"twos", b"sowt", b"in24", b"in32"):
        subtype = AIFF_BITS.get(8 * -(-bits // 8))
    n_bytes = -(-bits // 8)
    if codec.lower() in (b"alaw", b"ulaw"):
        n_bytes = 1
    if n_channels <= 0 or rate <= 0 or n_bytes <= 0:
        return None
    return rate, n_channels, n_channels * n_bytes, subtype, "LITTLE" if codec == b"sowt" else "BIG"


def measure_samples(
    file: IO[bytes], start: int, promised: int | None, size: int, order: str
) -> int:
    """Measure how many bytes from `start` on are samples."""
    if promised is None:
        return size - start
    end = start + promised
    if end >= size:
        return max(0, size - start)
    return promised if _is_other_matter(file, end, size, order) else size - start


def _is_other_matter(file: IO[bytes], end: int, size: int, order: str) -> bool:
    """Tell whether what lies behind samples is no sound: chunks, tags, another file, nothing."""
    if size - end <= SMALL_SLACK:
        return True
    for place in (end, end + 1) if end & 1 else (end,):
        file.seek(place)
        head = file.read(12)
        if head.startswith(TAGS) or _is_chunk(head, size - place - 8, order):
            return True
    file.seek(end)
    while block := file.read(1 << 20):
        if block.strip(b"\0"):
            return False
    return True


def _is_chunk(head: bytes, n_left: int, order: str) -> bool:
    """Tell whether bytes begin a chunk: a name in letters, and a size there is room for."""
    if len(head) < 8:
        return False
    name, n_bytes = struct.unpack(f"{order}4sI", head[:8])
    letters = name.rstrip(b"\0 ")
    is_name = len(letters) >= 2 and letters.isascii()
    is_name = is_name and letters.translate(None, b"_- +.:").isalnum()
    return is_name and n_bytes <= n_left + 1
