"""Sound files made wrong: seeds changed in every way that damage or malice might."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.fuzz.seeds import Seed
from soundkin.audio.decoders.open import EXTENSIONS

EXTREMES = [0, 1, 2, 255, 256, 1024, 32_767, 32_768, 65_535, 2**24, 2**31 - 1, 2**31, 2**32 - 1]
LARGE_EXTREMES = [*EXTREMES, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1]
HEADER = 512
MAX_BYTES = 4 << 20
RATES = [0, 1, 7, 100, 999, 44_100, 96_001, 768_000, 9_999_991, 2**31 - 1, 2**31, 2**32 - 1]
CHANNELS = [0, 1, 2, 3, 8, 64, 255, 1024, 1025, 32_767, 65_535]
ODD_SAMPLES = [np.nan, np.inf, -np.inf, 1e-45, 1e-310, 1e30, 3.4e38, -3.4e38, 1e300, 0.0, -0.0]
WORDS = b"These are words, not sounds, however often they are said. "

Draw = np.random.Generator
Mutation = Callable[[bytes, Draw, Sequence[Seed]], bytes]


@dataclass(frozen=True)
class Mutant:
    """A file that may be wrong: where it comes from, what was done, its extension, its bytes."""

    number: int
    seed: str
    deeds: tuple[str, ...]
    suffix: str
    content: bytes


def flip_bits(content: bytes, draw: Draw, seeds: Sequence[Seed]) -> bytes:
    """Flip up to 16 bits anywhere."""
    return _flip(content, draw, len(content))


def flip_header_bits(content: bytes, draw: Draw, seeds: Sequence[Seed]) -> bytes:
    """Flip up to 16 bits of the beginning."""
    return _flip(content, draw, HEADER)


def _flip(content: bytes, draw: Draw, end: int) -> bytes:
    changed = np.frombuffer(content, np.uint8).copy()
    places = draw.integers(min(end, len(changed)), size=draw.integers(1, 17))
    changed[places] ^= np.left_shift(1, draw.integers(8, size=len(places))).astype(np.uint8)
    return changed.tobytes()


def overwrite(content: bytes, draw: Draw, seeds: Sequence[Seed]) -> bytes:
    """Put a run of zeros, ones or noise over what is there."""
    start, length = int(draw.integers(len(content))), int(draw.integers(1, 4097))
    run = [bytes(length), b"\xff" * length, draw.bytes(length)][draw.integers(3)]
    return (content[:start] + run + content[start + length :])[: len(content)]


def set_field(content: bytes, draw: Draw, seeds: Sequence[Seed]) -> bytes:
    """Set some number of the header to an extreme: a size of terabytes, no channels."""
    size = int(draw.choice([1, 2, 4, 4, 4, 8]))
    value = int(draw.choice(np.array(LARGE_EXTREMES, object)))
    field = (value % 2 ** (8 * size)).to_bytes(size, "little" if draw.random() < 0.6 else "big")
    place = int(draw.integers(min(HEADER, len(content))))
    if draw.random() < 0.5:  # where numbers mostly are
        place -= place % 2
    return content[:place] + field + content[place + size :]


def truncate(content: bytes, draw: Draw, seeds: Sequence[Seed]) -> bytes:
    """Cut the end off."""
    end = min(HEADER, len(content)) if draw.random() < 0.4 else len(content)
    return content[: draw.integers(end)]


def behead(content: bytes, draw: Draw, seeds: Sequence[Seed]) -> bytes:
    """Cut the beginning off."""
    return content[draw.integers(len(content)) :]


def delete(content: bytes, draw: Draw, seeds: Sequence[Seed]) -> bytes:
    """Take a piece out."""
    start = int(draw.integers(len(content)))
    return content[:start] + content[start + int(draw.integers(1, 4097)) :]


def insert(content: bytes, draw: Draw, seeds: Sequence[Seed]) -> bytes:
    """Put noise in between."""
    start = int(draw.integers(len(content)))
    return content[:start] + draw.bytes(int(draw.integers(1, 4097))) + content[start:]


def splice(content: bytes, draw: Draw, seeds: Sequence[Seed]) -> bytes:
    """Go on as another file."""
    other = _choose(seeds, draw).content
    return content[: draw.integers(len(content))] + other[draw.integers(len(other)) :]


def nest(content: bytes, draw: Draw, seeds: Sequence[Seed]) -> bytes:
    """Put another file inside, whole, up to three times."""
    for _ in range(int(draw.integers(1, 4))):
        start = int(draw.integers(len(content)))
        content = content[:start] + _choose(seeds, draw).content + content[start:]
    return content


def repeat(content: bytes, draw: Draw, seeds: Sequence[Seed]) -> bytes:
    """Repeat a piece up to two thousand times."""
    start = int(draw.integers(len(content)))
    piece = content[start : start + int(draw.integers(1, 1025))]
    return content[:start] + piece * int(draw.integers(2, 2001)) + content[start + len(piece) :]


def swap(content: bytes, draw: Draw, seeds: Sequence[Seed]) -> bytes:
    """Exchange two pieces."""
    first, second = sorted(draw.integers(len(content), size=2).tolist())
    length = min(int(draw.integers(1, 1025)), second - first)
    middle = content[first + length : second]
    pieces = content[second : second + length], middle, content[first : first + length]
    return content[:first] + b"".join(pieces) + content[second + length :]


DEEDS: dict[str, Mutation] = {
    deed.__name__: deed
    for deed in (
        *(flip_bits, flip_header_bits, overwrite, set_field, truncate, behead),
        *(delete, insert, splice, nest, repeat, swap),
    )
}
FREQUENT = ("set_field", "flip_header_bits")  # headers are a small part of a file


def forge_wav(draw: Draw) -> bytes:
    """Write a WAV file whose header says anything at all."""
    tag = int(draw.choice([0, 1, 2, 3, 6, 7, 0x11, 0x31, 0x50, 0x55, 0x161, 0xFFFE, 0xFFFF]))
    channels, rate = int(draw.choice(CHANNELS)), int(draw.choice(RATES))
    bits = int(draw.choice([0, 1, 4, 7, 8, 12, 16, 24, 32, 64, 65_535]))
    align = int(draw.choice([0, 1, channels * bits // 8 % 65_536, 65_535]))
    size = int(draw.choice([0, 1, 4_000, 2**31 - 1, 2**31, 2**32 - 1]))
    header = struct.pack("<HHIIHH", tag, channels, rate, rate * align % 2**32, align, bits)
    header += draw.bytes(int(draw.choice([0, 2, 24])))
    body = draw.bytes(int(draw.integers(20_000)))
    chunks = b"fmt " + struct.pack("<I", len(header)) + header + b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", size) + b"WAVE" + chunks + body


def forge_samples(draw: Draw) -> bytes:
    """Write a WAV file of floats that are no numbers, or too large or small for any sound."""
    kind, size = (("<f4", 4), ("<f8", 8))[draw.integers(2)]
    samples = draw.standard_normal(10_000) * float(draw.choice([0.1, 1e-40, 1e20]))
    places = draw.integers(len(samples), size=int(draw.integers(1, 5_000)))
    samples[places] = draw.choice(ODD_SAMPLES, len(places))
    with np.errstate(over="ignore", under="ignore"):
        data = samples.astype(kind).tobytes()
    header = struct.pack("<HHIIHH", 3, 1, 44_100, 44_100 * size, size, 8 * size)
    chunks = b"fmt " + struct.pack("<I", 16) + header + b"data" + struct.pack("<I", len(data))
    return b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVE" + chunks + data


def forge_garbage(draw: Draw, seeds: Sequence[Seed]) -> bytes:
    """Write nothing, words, noise, or noise after the first bytes of a sound file."""
    noise = draw.bytes(int(draw.integers(1, 20_000)))
    magic = _choose(seeds, draw).content[: draw.integers(4, 65)]
    choices = [b"", WORDS * 100, noise, bytes(len(noise)), magic, magic + noise]
    return choices[draw.integers(len(choices))]


def make_mutant(seeds: Sequence[Seed], seed: int, number: int) -> Mutant:
    """Make the mutant of that number, the same one every time."""
    draw = np.random.default_rng([seed, number])
    origin = seeds[number % len(seeds)]
    suffix = str(draw.choice(sorted(EXTENSIONS))) if draw.random() < 0.15 else origin.suffix
    if draw.random() < 0.12:
        kind = int(draw.integers(3))
        content = (forge_wav, forge_samples)[kind](draw) if kind < 2 else forge_garbage(draw, seeds)
        deed = ("forge_wav", "forge_samples", "forge_garbage")[kind]
        return Mutant(number, "nothing", (deed,), ".wav" if kind < 2 else suffix, content)
    content, deeds = origin.content, []
    for _ in range(int(draw.choice([1, 1, 2, 3]))):
        deeds.append(str(draw.choice([*DEEDS, *FREQUENT, *FREQUENT])))
        content = DEEDS[deeds[-1]](content, draw, seeds)[:MAX_BYTES]
        if not content:
            break
    return Mutant(number, origin.name, tuple(deeds), suffix, content)


def _choose(seeds: Sequence[Seed], draw: Draw) -> Seed:
    return seeds[draw.integers(len(seeds))]
