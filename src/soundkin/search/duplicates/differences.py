"""What tells a copy from its original, in the words of a list: -6 dB, +0.30 s of silence, MP3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from soundkin.library.records import Recording
from soundkin.search.duplicates.alignment import Alignment

LEAST_DB = 0.25  # what is softer or louder by less is as loud
LEAST_S = 0.015
LEAST_SPEED = 0.001
CODECS = {"MPEG_LAYER_III": "MP3", "MP3": "MP3", "MP3FLOAT": "MP3", "VORBIS": "Ogg Vorbis"}
CODECS |= {"OPUS": "Opus", "AAC": "AAC", "ALAC": "ALAC", "FLAC": "FLAC"}
LOSSLESS = ("FLAC", "ALAC")
BITS = {"PCM_U8": 8, "PCM_S8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32}
CHANNELS = {1: "mono", 2: "stereo"}


@dataclass(frozen=True)
class Difference:
    """What tells a recording from one that it is a copy of.

    It is louder by `level_db`, has `lead_s` more before the sound and `tail_s` more behind it, and
    runs `speed` times as fast; None where that was not measured. `distance_db` is how far their
    spectra differ besides (see `alignment`). `traits` are its format, bits, sample
    rate and channels, where they are others. Without `same_bytes` and `distance_db`, it was told by
    vectors alone.
    """

    traits: tuple[str, ...] = ()
    level_db: float | None = None
    lead_s: float | None = None
    tail_s: float | None = None
    speed: float | None = None
    distance_db: float | None = None
    same_bytes: bool = False

    def __str__(self) -> str:
        """Say it as in `-6 dB, +0.30 s of silence before, MP3, 22.05 kHz`."""
        if self.same_bytes:
            return "the same bytes"
        parts = []
        if self.level_db is not None and abs(self.level_db) >= LEAST_DB:
            parts.append(f"{round(self.level_db, 1):+g} dB")
        for seconds, silent, cut in (
            (self.lead_s, "of silence before", "at the start"),
            (self.tail_s, "of silence after", "at the end"),
        ):
            if seconds is not None and abs(seconds) >= LEAST_S:
                parts.append(f"{seconds:+.2f} s {silent if seconds > 0 else cut}")
        if self.speed is not None and abs(self.speed - 1) >= LEAST_SPEED:
            faster = "faster" if self.speed > 1 else "slower"
            parts.append(f"{100 * abs(self.speed - 1):.1f} % {faster}")
        parts += self.traits
        if self.distance_db is None:
            parts.append("told by vectors alone")
        return ", ".join(parts) or "no difference to hear"


def describe_difference(
    original: Recording, copy: Recording, alignment: Alignment | None
) -> Difference:
    """Say what tells a copy from its original, having laid it over that."""
    if original.content_id == copy.content_id:
        return Difference(same_bytes=True)
    traits = _list_traits(original, copy)
    if alignment is None:
        return Difference(traits)
    lead_s = alignment.lead_s / copy.slow  # fingerprints are of what is heard
    end_s = lead_s + original.duration_s * original.slow / copy.slow * alignment.stretch
    return Difference(
        traits,
        level_db=alignment.gain_db,
        lead_s=lead_s,
        tail_s=copy.duration_s - end_s,
        speed=1 / alignment.stretch,
        distance_db=alignment.distance_db,
    )


def rank_quality(recording: Recording) -> tuple[Any, ...]:
    """Rank copies of one sound: what is smaller is better, and likelier the original.

    What is not lossy before what is, then the most bits, up to 16, and channels, the highest
    sample rate, the least silence around the sound, and the longest.
    """
    bits = BITS.get(_read_subtype(recording), 0)
    start_s, end_s = recording.sound_s or (0.0, recording.duration_s)
    silent_s = recording.duration_s - (end_s - start_s)
    best = -min(bits or 16, 16), -recording.n_channels, -recording.sample_rate
    return is_lossy(recording), *best, round(silent_s, 1), -recording.duration_s, recording.path


def has_8_bits(recording: Recording) -> bool:
    """Tell whether a recording's samples have 8 bits, and so much noise."""
    return BITS.get(_read_subtype(recording)) == 8


def is_lossy(recording: Recording) -> bool:
    """Tell whether a recording was coded so that its samples are not those that went in."""
    return _read_subtype(recording) not in BITS and _name_codec(recording) not in LOSSLESS


def _list_traits(original: Recording, copy: Recording) -> tuple[str, ...]:
    traits = []
    if _name_codec(original) != _name_codec(copy):
        traits.append(_name_codec(copy))
    bits = BITS.get(_read_subtype(copy))
    if bits and bits != BITS.get(_read_subtype(original)):
        traits.append(f"{bits} bit")
    if original.sample_rate != copy.sample_rate:
        traits.append(f"{copy.sample_rate / 1000:g} kHz")
    if original.n_channels != copy.n_channels:
        traits.append(CHANNELS.get(copy.n_channels, f"{copy.n_channels} channels"))
    return tuple(traits)


def _read_subtype(recording: Recording) -> str:
    """Read the codec of a format as `WAV PCM_16` or `MOV AAC`."""
    return recording.format.split(" (")[0].split(" ")[-1]


def _name_codec(recording: Recording) -> str:
    """Name the codec as people do, or the kind of file where samples are as they are."""
    subtype = _read_subtype(recording)
    return CODECS.get(subtype, recording.format.split(" ")[0] if subtype in BITS else subtype)
