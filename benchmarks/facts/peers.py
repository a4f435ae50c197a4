"""What others say of a tempo; those that are not installed are left out.

librosa (ISC) and Essentia (AGPL) are looked at here only, never depended on.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import soxr

from benchmarks.facts.one_shots import RATE, Sound
from soundkin.audio.facts.meter import FactsMeter
from soundkin.config import MelConfig

OURS_HZ, LIBROSA_HZ = 32_000, 22_050

TellTempo = Callable[[Sound], float | None]


def find_peers() -> dict[str, TellTempo]:
    """Find who can tell a tempo here, ours first."""
    found = {"soundkin": tell_ours}
    for module, tellers in PEERS.items():
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
