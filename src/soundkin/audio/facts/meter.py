"""What can be said of a sound in plain numbers: how loud, bright, high, fast, busy, and the key."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from soundkin.audio.facts.flatness import FlatnessMeter
from soundkin.audio.facts.key import KeyFollower
from soundkin.audio.facts.loudness import LoudnessMeter
from soundkin.audio.facts.pitch import PitchFollower, summarise_pitch
from soundkin.audio.facts.rhythm import compute_flux, find_onsets, find_tempo
from soundkin.audio.mel import compute_band_corners, compute_mel
from soundkin.audio_facts import Facts
from soundkin.config import MelConfig

FRAMES_A_SECOND = 40
MIN_FRAMES = 200
LOG_OFFSET = np.float32(1e-10)
ONE_PITCH = 0.8  # share of a sound with one pitch, above which it is a note, and in no key

Floats = npt.NDArray[np.float32]


class FactsMeter:
    """Takes a sound block by block, and says at the end what its facts are.

    Memory holds a block, some frames, and some 300 bytes for each second.

    Parameters
    ----------
    sample_rate
        In Hz.
    mel
        Of the mel powers that blocks come with; None where they come without.
    """

    def __init__(self, sample_rate: int, mel: MelConfig | None = None) -> None:
        self._sample_rate = sample_rate
        self._mel = mel or _choose_mel(sample_rate)
        self._hop = self._mel.hop_length
        self._band_hz = _compute_band_centres(self._mel)
        self._loudness = LoudnessMeter(self._band_hz, self._hop, sample_rate)
        self._flatness = FlatnessMeter(self._mel, sample_rate)
        self._bands = np.zeros(self._mel.n_mels)
        self._flux: list[Floats] = []
        self._last: Floats | None = None
        self._rest = np.zeros(0, np.float32)
        self._pitch = PitchFollower(sample_rate)
        self._key = KeyFollower(sample_rate)
        self._n_samples = 0

    def add(self, samples: Floats, mel: Floats | None = None) -> None:
        """Take the next samples `(n_samples,)`.

        Where their mel power is known, `(n_mels, n_frames)`, it has one frame for every hop of the
        samples, which are a whole number of hops. It comes with all samples but the last, or never.
        """
        self._n_samples += len(samples)
        self._pitch.add(samples)
        self._key.add(samples)
        if mel is None:
            self._rest = np.concatenate([self._rest, samples]) if len(self._rest) else samples
            n_frames = (len(self._rest) - self._mel.n_fft) // self._hop + 1
            if n_frames < MIN_FRAMES:  # each step costs, however few they are
                return
            mel = compute_mel(self._rest, self._mel, self._sample_rate)
            samples, self._rest = np.split(self._rest, [n_frames * self._hop])
        self._take(samples.reshape(-1, self._hop), mel)

    def measure(self) -> Facts:
        """Say what the facts are, all samples having been taken."""
        n_frames = -(-len(self._rest) // self._hop)
        if n_frames:
            padded = np.zeros((n_frames - 1) * self._hop + self._mel.n_fft, np.float32)
            padded[: len(self._rest)] = self._rest
            mel = compute_mel(padded, self._mel, self._sample_rate)
            self._take(padded[: n_frames * self._hop].reshape(n_frames, self._hop), mel)
        flux = np.concatenate(self._flux) if self._flux else np.zeros(0, np.float32)
        loudness = self._loudness.measure(self._n_samples / max(1, len(flux) * self._hop))
        if loudness is None or not self._bands.any():  # the window sees nothing of one sample
            return Facts()
        frame_s = self._hop / self._sample_rate
        onsets = find_onsets(flux, frame_s)
        duration_s = self._n_samples / self._sample_rate
        tempo_bpm, tempo_confidence = find_tempo(flux, frame_s, duration_s)
        pitch_hz, pitch_confidence = summarise_pitch(self._pitch.finish())
        is_note = pitch_confidence > ONE_PITCH
        key, key_confidence = (None, 0.0) if is_note else self._key.finish(duration_s)
        return Facts(
            loudness_lufs=loudness,
            brightness_hz=self._measure_brightness(),
            pitch_hz=pitch_hz,
            pitch_confidence=pitch_confidence,
            tempo_bpm=tempo_bpm,
            tempo_confidence=tempo_confidence,
            onsets_per_s=len(onsets) / max(1.0, duration_s),
            flatness=self._flatness.measure(),
            key_number=None if key is None else float(key),
            key_confidence=key_confidence,
        )

    def _measure_brightness(self) -> float | None:
        """Average the bands' centres by their power; None where a sound is too short for any."""
        power = float(self._bands.sum())
        return float(np.array(self._band_hz) @ self._bands) / power if power > 0 else None

    def _take(self, frames: Floats, bands: Floats) -> None:
        """Take frames side by side `(n_frames, hop_length)` and their mel power."""
        self._bands += bands @ np.ones(bands.shape[1], np.float32)
        self._loudness.add(frames, bands)
        self._flatness.add(bands)
        flux, self._last = compute_flux(np.log(bands + LOG_OFFSET), self._last)
        self._flux.append(flux)


@lru_cache(maxsize=8)
def _compute_band_centres(mel: MelConfig) -> tuple[float, ...]:
    return tuple(compute_band_corners(mel)[1:-1].tolist())


def _choose_mel(sample_rate: int) -> MelConfig:
    """Choose what to compute where the model computes no log-mel: frames of 25 ms."""
    hop = max(1, round(sample_rate / 1000)) * (1000 // FRAMES_A_SECOND)
    n_fft = 1 << (hop - 1).bit_length()
    return MelConfig(n_fft, n_fft, hop, f_max=min(MelConfig.f_max, 0.47 * sample_rate))
