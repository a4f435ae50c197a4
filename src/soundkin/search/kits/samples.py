"""The sounds of a kit as samples: WAV files that begin with the onset."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, count
from pathlib import Path

from soundkin.errors import AudioError
from soundkin.search.kits.kit import Kit, KitSound
from soundkin.search.wav import read_wav
from soundkin.system.paths import fold_name
from soundkin.text import make_file_name

LONGEST_S = 120.0


def name_samples(kit: Kit) -> list[str]:
    """Name the file of each sound, by its slot and what it is: `kick - BD 909.wav`."""
    names: list[str] = []
    for sound in kit.sounds:
        stem = make_file_name(f"{sound.slot} - {Path(sound.recording.path).stem}")
        numbered = (f"{stem} {number}" for number in count(2))
        taken = set(map(fold_name, names))
        names.append(next(one for one in chain([stem], numbered) if fold_name(one) not in taken))
    return [f"{name}.wav" for name in names]


def read_samples(kit: Kit) -> Iterable[bytes]:
    """Read each sound as the bytes of a WAV file, its own rate and channels, 24 bits.

    Raises
    ------
    AudioError
        A file cannot be read, or a sound is longer than two minutes.
    """
    return map(_read_sample, kit.sounds)


def _read_sample(sound: KitSound) -> bytes:
    recording = sound.recording
    onset_s = recording.sound_s[0] if recording.sound_s else 0.0
    start_s = sound.start_s or max(0.0, onset_s)
    end_s = recording.duration_s if sound.end_s is None else sound.end_s
    if end_s - start_s > LONGEST_S:
        raise AudioError(f"{recording.path}: too long for a kit; take a region of it")
    return read_wav(recording.path, start_s, end_s)
