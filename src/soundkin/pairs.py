"""Anchors and positives drawn from recordings, deformed on their mel spectrograms.

The constraints of Jansen et al. 2018 (arXiv 1711.02209): a sound keeps its class under pitch
shift, time stretch and additive noise, sounds close in time tend to share it, and a mixture has the
classes of both parts. All act on the power spectrogram, whose phase log-mel drops anyway: a pitch
shift moves the mel filters instead of the spectrum, a stretch reads frames at another pace, and the
powers of sounds that are mixed add up, as they do on average.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from soundkin.config import DeformationConfig, ModelConfig
from soundkin.features import compute_band_corners, compute_filter_bank, compute_window
from soundkin.waveforms import FULL_SCALE, WaveformCache

SILENT_RMS = 1e-4
REDRAWS = 3
BLOCK = 32  # sounds whose spectrograms are in memory at once, and so in the cache
NO_DEFORMATION = DeformationConfig(
    pitch_semitones=0,
    stretch=1,
    noise_share=0,
    mixture_share=0,
    proximity_share=0,
    gain_db=0,
)


@dataclass(frozen=True)
class PairBatch:
    """Log-mel anchors and positives `(n, n_mels, n_frames)`, and their recordings `(n,)`."""

    anchors: Tensor
    positives: Tensor
    recordings: Tensor


class PairDrawer:
    """Draws batches from some recordings of a cache.

    A recording is drawn with the square root of its length, so that neither one long recording nor
    ten thousand short ones dominate.
    """

    def __init__(
        self,
        cache: WaveformCache,
        recordings: npt.NDArray[np.int64],
        model: ModelConfig,
        config: DeformationConfig,
        device: str = "cpu",
    ) -> None:
        self._cache, self._model, self._config = cache, model, config
        self._recordings = recordings
        lengths = np.diff(cache.offsets)[recordings].astype(np.float64)
        weights = np.sqrt(np.maximum(lengths, model.segments.segment_length))
        self._shares = weights / weights.sum()
        self._device = torch.device(device)
        window = compute_window(model.mel)
        self._window = torch.from_numpy(window.copy()).to(self._device)
        bank = compute_filter_bank(model.mel, model.segments.sample_rate)
        self._white_noise = float(np.square(window).sum()) * bank.sum(axis=0)  # of amplitude 1

    def draw(self, size: int, generator: np.random.Generator) -> PairBatch:
        """Draw a batch of pairs, deformed."""
        recordings = generator.choice(self._recordings, size, p=self._shares)
        anchors, starts = self._draw_segments(recordings, generator)
        if self._config.one_per_batch:
            config = _choose_one(self._config, generator)
            positives = self._draw_near(recordings, starts, config, generator)
            log_mels = torch.cat(
                [
                    self._deform(anchors, NO_DEFORMATION, generator),
                    self._deform(positives, config, generator),
                ]
            )
        else:
            positives = self._draw_near(recordings, starts, self._config, generator)
            both = np.concatenate([anchors, positives])
            log_mels = self._deform(both, self._config, generator)
        return PairBatch(log_mels[:size], log_mels[size:], torch.from_numpy(recordings))

    @property
    def _stretch_length(self) -> int:
        """Samples a stretched segment may need."""
        mel = self._model.mel
        n_frames = int(np.ceil((self._model.n_frames - 1) * self._config.stretch)) + 2
        return mel.n_fft + (n_frames - 1) * mel.hop_length

    def _read(self, recording: int, start: int) -> npt.NDArray[np.float32]:
        """Read a stretch from a place in a recording, repeated where the recording is short."""
        first, stop = self._cache.offsets[recording], self._cache.offsets[recording + 1]
        length = self._stretch_length
        found = self._cache.samples[first + start : min(stop, first + start + length)]
        if stop - first < self._model.segments.segment_length:
            found = np.resize(self._cache.samples[first:stop], length)
        stretch = np.zeros(length, np.float32)
        stretch[: len(found)] = found
        stretch /= FULL_SCALE
        return stretch

    def _draw_start(self, recording: int, generator: np.random.Generator) -> int:
        length = self._cache.offsets[recording + 1] - self._cache.offsets[recording]
        latest = max(0, int(length) - self._model.segments.segment_length)
        return int(generator.integers(0, latest + 1))

    def _draw_segments(
        self, recordings: npt.NDArray[np.int64], generator: np.random.Generator
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Draw a place in each recording; a silent one is drawn again a few times."""
        stretches = np.empty((len(recordings), self._stretch_length), np.float32)
        starts = np.empty(len(recordings), np.int64)
        for row, recording in enumerate(recordings.tolist()):
            for _ in range(1 + REDRAWS):
                starts[row] = self._draw_start(recording, generator)
                stretches[row] = self._read(recording, int(starts[row]))
                if (
                    float(np.dot(stretches[row], stretches[row]))
                    > SILENT_RMS**2 * stretches.shape[1]
                ):
                    break
        return stretches, starts

    def _draw_near(
        self,
        recordings: npt.NDArray[np.int64],
        starts: npt.NDArray[np.int64],
        config: DeformationConfig,
        generator: np.random.Generator,
    ) -> npt.NDArray[np.float32]:
        """Draw the positives' places: the anchor's own, or one near it in the same recording."""
        segments = self._model.segments
        reach = config.proximity_s * segments.sample_rate
        is_near = generator.random(len(recordings)) < config.proximity_share
        moves = np.where(is_near, generator.uniform(-reach, reach, len(recordings)), 0)
        lengths = np.diff(self._cache.offsets)[recordings]
        latest = np.maximum(0, lengths - segments.segment_length)
        places = np.clip(starts + moves.astype(np.int64), 0, latest)
        rows = zip(recordings.tolist(), places.tolist(), strict=True)
        return np.stack([self._read(recording, place) for recording, place in rows])

    def _deform(
        self,
        stretches: npt.NDArray[np.float32],
        config: DeformationConfig,
        generator: np.random.Generator,
    ) -> Tensor:
        """Deform sounds in every way the config has; log-mels `(n, n_mels, n_frames)`."""
        count = len(stretches)
        semitones = _draw_within(config.pitch_semitones, config.pitch_share, count, generator)
        mels = self._compute_shifted(stretches, semitones)
        reach = float(np.log(config.stretch))
        paces = np.exp(_draw_within(reach, config.stretch_share, count, generator))
        mels = stretch_time(mels, paces, self._model.n_frames)
        mels = _mix(mels, config, generator)
        mels = self._add_noise(mels, config, generator)
        gains = 10 ** (generator.uniform(-config.gain_db, config.gain_db, count) / 10)
        return torch.log(mels * _column(gains, mels) + self._model.mel.log_offset)

    def _compute_shifted(
        self, stretches: npt.NDArray[np.float32], semitones: npt.NDArray[np.float64]
    ) -> Tensor:
        """Compute mel powers of shifted pitch, `(n, n_mels, n_frames)`, few sounds at a time."""
        parts = [slice(start, start + BLOCK) for start in range(0, len(stretches), BLOCK)]
        return torch.cat(
            [
                shift_pitch(self._compute_powers(stretches[part]), semitones[part], self._model)
                for part in parts
            ]
        )

    def _compute_powers(self, stretches: npt.NDArray[np.float32]) -> Tensor:
        """Compute power spectrograms `(n, n_fft // 2 + 1, n_frames)`."""
        mel = self._model.mel
        spectrum = torch.stft(
            torch.from_numpy(stretches).to(self._device),
            mel.n_fft,
            mel.hop_length,
            mel.win_length,
            self._window,
            center=False,
            return_complex=True,
        )
        return spectrum.real.square() + spectrum.imag.square()

    def _add_noise(
        self, mels: Tensor, config: DeformationConfig, generator: np.random.Generator
    ) -> Tensor:
        """Add noise, its power in every band and frame as noise has it."""
        count, n_mels, n_frames = mels.shape
        powers = np.zeros((count, n_mels))
        if config.noise_levels:
            low, high = config.noise_levels
            amplitudes = generator.uniform(low, high, (count, 1))
            powers = amplitudes**2 * self._white_noise
        elif config.noise_share:
            powers = _draw_noise_powers(mels, config, generator)
        grain = generator.standard_exponential((count, n_mels, n_frames), np.float32)
        noise = torch.from_numpy(powers.astype(np.float32)).to(mels.device)[:, :, None]
        return mels + noise * torch.from_numpy(grain).to(mels.device)


def _draw_within(
    reach: float, share: float, count: int, generator: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Draw `count` numbers from `-reach` to `reach`, all but a share of them 0."""
    drawn: npt.NDArray[np.float64] = generator.uniform(-reach, reach, count)
    if share < 1:
        drawn[generator.random(count) >= share] = 0
    return drawn


def _choose_one(config: DeformationConfig, generator: np.random.Generator) -> DeformationConfig:
    """Choose one deformation for a batch, as the original recipe does; it has no mixtures."""
    kinds: tuple[dict[str, Any], ...] = (
        {"pitch_semitones": config.pitch_semitones, "pitch_share": config.pitch_share},
        {"stretch": config.stretch, "stretch_share": config.stretch_share},
        {"noise_levels": config.noise_levels, "noise_share": config.noise_share},
        {"proximity_share": config.proximity_share, "proximity_s": config.proximity_s},
    )
    return dataclasses.replace(NO_DEFORMATION, **kinds[int(generator.integers(len(kinds)))])


def _mix(mels: Tensor, config: DeformationConfig, generator: np.random.Generator) -> Tensor:
    """Add to some sounds another one of the batch, scaled to a share of their energy."""
    count = len(mels)
    others = mels[torch.from_numpy(generator.permutation(count)).to(mels.device)]
    energies = mels.mean(dim=(1, 2)), others.mean(dim=(1, 2))
    shares = generator.uniform(0, config.mixture, count)
    shares = np.where(generator.random(count) < config.mixture_share, shares, 0)
    ratios = _column(shares, mels)[:, 0, 0] * energies[0] / (energies[1] + 1e-12)
    return mels + others * ratios[:, None, None].clamp(max=1e6)


def _draw_noise_powers(
    mels: Tensor, config: DeformationConfig, generator: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Draw for each sound noise of a random slope, white to brown, `(n, n_mels)`; 0 for some."""
    count, n_mels, _ = mels.shape
    slopes = generator.uniform(-2, 0.5, (count, 1))
    shapes = np.linspace(1e-2, 1, n_mels)[None] ** slopes
    shapes /= shapes.mean(axis=1, keepdims=True)
    snr_db = generator.uniform(config.noise_snr_db, config.noise_snr_db + 40, count)
    levels = np.where(generator.random(count) < config.noise_share, 10 ** (-snr_db / 10), 0)
    powers: npt.NDArray[np.float64] = levels * mels.mean(dim=(1, 2)).cpu().numpy()
    return powers[:, None] * shapes


def _column(values: npt.NDArray[np.float64], like: Tensor) -> Tensor:
    """Bring one number per sound to a shape that multiplies spectrograms."""
    return torch.from_numpy(values.astype(np.float32)).to(like.device)[:, None, None]


def shift_pitch(powers: Tensor, semitones: npt.NDArray[np.float64], model: ModelConfig) -> Tensor:
    """Compute mel powers of sounds shifted in pitch, by filters moved the other way.

    Parameters
    ----------
    powers
        `(n, n_fft // 2 + 1, n_frames)`.
    semitones
        `(n,)`, up or down.

    Returns
    -------
    `(n, n_mels, n_frames)`; 0 semitones gives `features.compute_filter_bank`'s bands exactly.
    """
    mel = model.mel
    ratios = 2.0 ** (semitones / 12)
    moved = torch.from_numpy((compute_band_corners(mel) / ratios[:, None]).astype(np.float32)).to(
        powers.device
    )
    hz = np.fft.rfftfreq(mel.n_fft, 1 / model.segments.sample_rate).astype(np.float32)
    frequencies = torch.from_numpy(hz).to(powers.device)
    low, peak, high = moved[:, :-2, None], moved[:, 1:-1, None], moved[:, 2:, None]
    rising = (frequencies - low) / (peak - low)
    falling = (high - frequencies) / (high - peak)
    return torch.bmm(torch.minimum(rising, falling).clamp(min=0), powers)


def stretch_time(mels: Tensor, paces: npt.NDArray[np.float64], n_frames: int) -> Tensor:
    """Read frames at another pace, between neighbours by linear interpolation; 1 is the identity.

    `(n, n_mels, n_read)` to `(n, n_mels, n_frames)`; a pace above 1 makes the sound shorter.
    """
    places = np.minimum(paces[:, None] * np.arange(n_frames), mels.shape[2] - 1)
    left = np.minimum(places.astype(np.int64), mels.shape[2] - 2)
    share = torch.from_numpy((places - left).astype(np.float32)).to(mels.device)[:, None]
    index = torch.from_numpy(left).to(mels.device)[:, None].expand(-1, mels.shape[1], -1)
    return mels.gather(2, index) * (1 - share) + mels.gather(2, index + 1) * share
