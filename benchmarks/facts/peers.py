"""What others say of a tempo or a key; those that are not installed are left out.

librosa (ISC) and Essentia (AGPL) are looked at here only, never depended on.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import soxr

from benchmarks.facts.one_shots import RATE, Sound
from soundkin.audio.facts.key import KeyFollower, compute_profiles
from soundkin.audio.facts.meter import FactsMeter
from soundkin.config import MelConfig

OURS_HZ, LIBROSA_HZ = 32_000, 22_050

TellTempo = Callable[[Sound], float | None]
TellKey = Callable[[Sound], int | None]
T = TypeVar("T")
TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
# Of C major and C minor: C. L. Krumhansl and E. J. Kessler (1982); D. Temperley (1999); B. Aarden
# (2003), of the Essen collection of songs.
PROFILES = {
    "Krumhansl-Kessler": (
        (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
        (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
    ),
    "Temperley": (
        (5, 2, 3.5, 2, 4.5, 4, 2, 4.5, 2, 3.5, 1.5, 4),
        (5, 2, 3.5, 4.5, 2, 4, 2, 4.5, 3.5, 2, 1.5, 4),
    ),
    "Aarden-Essen": (
        (17.77, 0.15, 14.93, 0.16, 19.80, 11.36, 0.29, 22.06, 0.15, 8.15, 0.23, 4.95),
        (18.26, 0.74, 14.05, 16.86, 0.70, 14.44, 0.70, 18.62, 4.57, 1.93, 7.38, 1.76),
    ),
}


def find_peers() -> dict[str, TellTempo]:
    """Find who can tell a tempo here, ours first."""
    return _find_installed({"soundkin": tell_ours}, PEERS)


def find_key_peers() -> dict[str, TellKey]:
    """Find who can tell a key here, ours first, then ours with other profiles."""
    ours: dict[str, TellKey] = {"soundkin": tell_our_key, "soundkin, best fit": _tell_best_fit}
    ours |= {f"soundkin's chroma, {name}": _tell_by_profile(name) for name in PROFILES}
    return _find_installed(ours, KEY_PEERS)


def _find_installed(found: dict[str, T], peers: dict[str, dict[str, T]]) -> dict[str, T]:
    for module, tellers in peers.items():
        try:
            importlib.import_module(module)
        except ImportError:
            continue
        found |= tellers
    return found


def measure_facts(samples: Sound):  # type: ignore[no-untyped-def]
    """Measure the facts of a sound as indexing does, with the default model's frames."""
    meter = FactsMeter(OURS_HZ, MelConfig())
    meter.add(_resample(samples, OURS_HZ))
    return meter.measure()


def tell_ours(samples: Sound) -> float | None:
    tempo: float | None = measure_facts(samples).tempo_bpm
    return tempo


def tell_our_key(samples: Sound) -> int | None:
    number: float | None = measure_facts(samples).key_number
    return None if number is None else int(number)


def _tell_best_fit(samples: Sound) -> int:
    chroma = np.sqrt(_gather_chroma(samples))
    return int(np.corrcoef(chroma, compute_profiles())[0, 1:].argmax())


def _gather_chroma(samples: Sound) -> npt.NDArray[np.float64]:
    follower = KeyFollower(OURS_HZ)
    follower.add(_resample(samples, OURS_HZ))
    return follower.gather_chroma()


def _fit(chroma: npt.NDArray[np.floating], profile: str) -> int:
    rows = [np.roll(mode, tonic) for mode in PROFILES[profile] for tonic in range(12)]
    return int(np.corrcoef(chroma, np.array(rows))[0, 1:].argmax())


def _tell_by_profile(profile: str) -> TellKey:
    def tell(samples: Sound) -> int:
        return _fit(_gather_chroma(samples), profile)

    return tell


def _tell_by_librosa_chroma(name: str, profile: str) -> TellKey:
    def tell(samples: Sound) -> int:
        import librosa

        compute = getattr(librosa.feature, name)
        chroma = compute(y=_resample(samples, LIBROSA_HZ), sr=LIBROSA_HZ)
        return _fit(chroma.mean(axis=1), profile)

    return tell


def _tell_by_essentia_key(profile: str) -> TellKey:
    def tell(samples: Sound) -> int:
        import essentia
        from essentia import standard

        essentia.log.infoActive = essentia.log.warningActive = False
        tonic, mode, _ = standard.KeyExtractor(profileType=profile)(samples.astype(np.float32))
        return TONICS.index(tonic) + 12 * (mode == "minor")

    return tell


def _resample(samples: Sound, rate: int) -> npt.NDArray[np.float32]:
    return np.asarray(soxr.resample(samples.astype(np.float32), RATE, rate), np.float32)


def _tell_by_librosa_beats(samples: Sound) -> float | None:
    import librosa

    tempo, _ = librosa.beat.beat_track(y=_resample(samples, LIBROSA_HZ), sr=LIBROSA_HZ)
    return float(np.atleast_1d(tempo)[0]) or None


def _tell_by_librosa_tempogram(samples: Sound) -> float | None:
    import librosa

    onsets = librosa.onset.onset_strength(y=_resample(samples, LIBROSA_HZ), sr=LIBROSA_HZ)
    tempo = librosa.feature.tempo(onset_envelope=onsets, sr=LIBROSA_HZ)
    return float(np.atleast_1d(tempo)[0]) or None


def _tell_by_essentia(name: str, **options: object) -> TellTempo:
    def tell(samples: Sound) -> float | None:
        import essentia
        from essentia import standard

        essentia.log.infoActive = essentia.log.warningActive = False
        try:
            found = getattr(standard, name)(**options)(samples.astype(np.float32))
        except RuntimeError:  # what is too short for it
            return None
        if not isinstance(found, tuple):
            return float(found) or None
        return (
            float(found[0]) if found[2] > 1 else None
        )  # below, it says, the tempo is not to be trusted

    return tell


PEERS: dict[str, dict[str, TellTempo]] = {
    "librosa": {
        "librosa beat_track": _tell_by_librosa_beats,
        "librosa tempo": _tell_by_librosa_tempogram,
    },
    "essentia": {
        "Essentia Percival": _tell_by_essentia("PercivalBpmEstimator"),
        "Essentia LoopBpmEstimator": _tell_by_essentia("LoopBpmEstimator"),
        "Essentia RhythmExtractor2013": _tell_by_essentia("RhythmExtractor2013"),
    },
}

KEY_PEERS: dict[str, dict[str, TellKey]] = {
    "librosa": {
        f"librosa {name}, {profile}": _tell_by_librosa_chroma(name, profile)
        for name, profile in (
            ("chroma_cqt", "Krumhansl-Kessler"),
            ("chroma_cens", "Krumhansl-Kessler"),
            ("chroma_stft", "Krumhansl-Kessler"),
            ("chroma_stft", "Temperley"),
            ("chroma_stft", "Aarden-Essen"),
        )
    },
    "essentia": {
        f"Essentia KeyExtractor, {name}": _tell_by_essentia_key(name)
        for name in ("edma", "bgate", "temperley", "krumhansl")
    },
}
