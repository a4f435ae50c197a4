"""Anchors and positives drawn from recordings, deformed on their mel spectrograms.

The constraints of Jansen et al. 2018 (arXiv 1711.02209): a sound keeps its class under pitch
shift, time stretch and additive noise, sounds close in time tend to share it, and a mixture has the
classes of both parts. All act on the power spectrogram, whose phase log-mel drops anyway: a pitch
shift moves the mel filters instead of the spectrum, a stretch reads frames at another pace, and the
powers of sounds that are mixed add up, as they do on average. What sounds are heard through
(`training.surroundings`) is one constraint more.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Generator, Tensor

from soundkin.audio.mel import LEAST_PEAK, compute_band_corners, compute_filter_bank, compute_window
from soundkin.config import DeformationConfig, ModelConfig
from soundkin.training import surroundings
from soundkin.training.draws import draw_between, draw_whether, draw_within, make_column
from soundkin.training.excerpts import Excerpts

REDRAWS = 3
BLOCK = {"cpu": 32, "cuda": 512}  # sounds at once: a processor's cache holds their spectrograms
NO_DEFORMATION = DeformationConfig(
    pitch_semitones=0,
    stretch=1,
    noise_share=0,
    mixture_share=0,
    proximity_share=0,
    gain_db=0,
    channel_share=0,
    band_share=0,
    room_share=0,
    floor_share=0,
    place_share=0,
)


@dataclass(frozen=True)
class PairBatch:
    """Log-mel anchors and positives `(n, n_mels, n_frames)`, and their recordings `(n,)`."""

    anchors: Tensor
    positives: Tensor
    recordings: Tensor


def make_generator(seeds: list[int], device: str | torch.device = "cpu") -> Generator:
    """Make a generator of chance on a device; equal seeds give equal draws on equal devices."""
    state = np.random.SeedSequence(seeds).generate_state(1, np.uint64)
    return Generator(device).manual_seed(int(state[0] >> np.uint64(1)))


def compute_excerpt_length(model: ModelConfig, config: DeformationConfig) -> int:
    """Compute how many samples a segment may need before it is deformed."""
    n_frames = math.ceil((model.n_frames - 1) * config.stretch) + 2
    return model.mel.n_fft + (n_frames - 1) * model.mel.hop_length


class PairDrawer:
    """Draws batches from some recordings, on the device that has their excerpts.

    A recording is drawn with the square root of its length, so that neither one long recording nor
    ten thousand short ones dominate. Generators are of the same device.
    """

    def __init__(
        self,
        excerpts: Excerpts,
        recordings: npt.NDArray[np.int64],
        model: ModelConfig,
        config: DeformationConfig,
    ) -> None:
        self._excerpts, self._model, self._config = excerpts, model, config
        self._device = excerpts.device
        self._excerpt_length = compute_excerpt_length(model, config)
        self._recordings = torch.from_numpy(recordings).to(self._device)
        lengths = excerpts.lengths[self._recordings].double()
        shares = lengths.clamp(min=model.segments.segment_length).sqrt().cumsum(0)
        self._shares = shares / shares[-1]  # of each and those before it
        window = compute_window(model.mel)
        self._window = torch.from_numpy(window.copy()).to(self._device)
        bank = compute_filter_bank(model.mel, model.segments.sample_rate)
        powers = float(np.square(window).sum()) * bank.sum(axis=0)  # of noise of amplitude 1
        self._white_noise = torch.from_numpy(powers).to(self._device)
        centres = compute_band_corners(model.mel)[1:-1]
        self._centres = torch.from_numpy(centres).to(self._device)

    def draw(self, size: int, generator: Generator) -> PairBatch:
        """Draw a batch of pairs, deformed."""
        chosen = torch.searchsorted(self._shares, draw_between(0, 1, size, generator))
        recordings = self._recordings[chosen]
        starts = self._draw_starts(recordings, generator)
        if self._config.one_per_batch:
            config = _choose_one(self._config, generator)
            near = self._draw_near(recordings, starts, config, generator)
            anchors = self._draw_deformed(recordings, starts, NO_DEFORMATION, generator)
            positives = self._draw_deformed(recordings, near, config, generator)
            return PairBatch(anchors, positives, recordings)
        near = self._draw_near(recordings, starts, self._config, generator)
        log_mels = self._draw_deformed(
            torch.cat([recordings, recordings]), torch.cat([starts, near]), self._config, generator
        )
        return PairBatch(log_mels[:size], log_mels[size:], recordings)

    def _find_latest(self, recordings: Tensor) -> Tensor:
        """Find where the last segment of each recording begins."""
        lengths = self._excerpts.lengths[recordings]
        return (lengths - self._model.segments.segment_length).clamp(min=0)

    def _draw_starts(self, recordings: Tensor, generator: Generator) -> Tensor:
        """Draw a place in each recording; a silent one is drawn again a few times."""
        latest = self._find_latest(recordings)

        def draw() -> Tensor:
            return (draw_between(0, 1, len(recordings), generator) * (latest + 1)).long()

        starts = draw()
        for _ in range(REDRAWS):
            audible = self._excerpts.are_audible(recordings, starts, self._excerpt_length)
            starts = torch.where(audible, starts, draw())
        return starts

    def _draw_near(
        self, recordings: Tensor, starts: Tensor, config: DeformationConfig, generator: Generator
    ) -> Tensor:
        """Draw the positives' places: the anchor's own, or one near it in the same recording."""
        reach = config.proximity_s * self._model.segments.sample_rate
        moves = draw_within(reach, config.proximity_share, len(recordings), generator)
        places = (starts + moves.long()).clamp(min=0)
        return torch.minimum(places, self._find_latest(recordings))

    def _draw_before(
        self, starts: Tensor, config: DeformationConfig, generator: Generator
    ) -> Tensor:
        """Let some excerpts begin earlier, before 0 with silence: onsets lie anywhere."""
        reach = config.place_s * self._model.segments.sample_rate
        moves = draw_between(0, reach, len(starts), generator)
        is_moved = draw_whether(config.place_share, len(starts), generator)
        return starts - torch.where(is_moved, moves, 0).long()

    def _draw_deformed(
        self, recordings: Tensor, starts: Tensor, config: DeformationConfig, generator: Generator
    ) -> Tensor:
        """Deform sounds in every way the config has; log-mels `(n, n_mels, n_frames)`."""
        count = len(recordings)
        if config.place_share:
            starts = self._draw_before(starts, config, generator)
        semitones = draw_within(config.pitch_semitones, config.pitch_share, count, generator)
        mels = self._compute_shifted(recordings, starts, semitones)
        reach = math.log(config.stretch)
        paces = draw_within(reach, config.stretch_share, count, generator).exp()
        mels = stretch_time(mels, paces, self._model.n_frames)
        mels = self._pass_surroundings(mels, config, generator)
        gains = 10 ** (draw_within(config.gain_db, 1, count, generator) / 10)
        return torch.log(mels * make_column(gains) + self._model.mel.log_offset)

    def _compute_shifted(self, recordings: Tensor, starts: Tensor, semitones: Tensor) -> Tensor:
        """Compute mel powers of shifted pitch, `(n, n_mels, n_frames)`, few sounds at a time."""
        size = BLOCK[self._device.type]
        split = (torch.split(x, size) for x in (recordings, starts, semitones))
        return torch.cat(
            [
                shift_pitch(
                    self._compute_powers(self._read(own, places)),
                    shifts,
                    self._model,
                )
                for own, places, shifts in zip(*split, strict=True)
            ]
        )

    def _read(self, recordings: Tensor, starts: Tensor) -> Tensor:
        """Read excerpts `(n, n_samples)`, each at the peak that a segment is brought to."""
        waveforms = self._excerpts.read(recordings, starts, self._excerpt_length)
        peak_db = self._model.mel.peak_db
        if peak_db is None:
            return waveforms
        segments = waveforms[:, : self._model.segments.segment_length]
        peaks = (segments.amax(dim=1) - segments.amin(dim=1)) / 2
        return waveforms * (10 ** (peak_db / 20) / peaks.clamp(min=LEAST_PEAK))[:, None]

    def _compute_powers(self, waveforms: Tensor) -> Tensor:
        """Compute power spectrograms `(n, n_fft // 2 + 1, n_frames)`."""
        mel = self._model.mel
        spectrum = torch.stft(
            waveforms,
            mel.n_fft,
            mel.hop_length,
            mel.win_length,
            self._window,
            center=False,
            return_complex=True,
        )
        return spectrum.real.square() + spectrum.imag.square()

    def _pass_surroundings(
        self, mels: Tensor, config: DeformationConfig, generator: Generator
    ) -> Tensor:
        """Hear sounds in noise, in a room, through a microphone and its preamplifier."""
        loudest = surroundings.find_loudest(mels)
        mels = _mix(mels, config, generator)
        if config.noise_levels:
            mels = surroundings.add_white_noise(
                mels, config.noise_levels, self._white_noise, generator
            )
        elif config.noise_share:
            mels = surroundings.add_noise(mels, config, generator)
        if config.room_share:
            segments, mel = self._model.segments, self._model.mel
            frame_s = mel.hop_length / segments.sample_rate
            mels = surroundings.add_room(mels, config, frame_s, generator)
        if config.channel_share or config.band_share:
            mels = surroundings.pass_channel(mels, config, self._centres, generator)
        if self._model.mel.peak_db is not None:
            mels = surroundings.restore_levels(mels, loudest)
        if config.floor_share:
            full = 10 ** ((self._model.mel.peak_db or 0.0) / 20)
            mels = surroundings.add_floor(
                mels, config, full, self._white_noise, self._centres, generator
            )
        return mels


def _choose_one(config: DeformationConfig, generator: Generator) -> DeformationConfig:
    """Choose one deformation for a batch, as the original recipe does; it has no mixtures."""
    kinds: tuple[dict[str, Any], ...] = (
        {"pitch_semitones": config.pitch_semitones, "pitch_share": config.pitch_share},
        {"stretch": config.stretch, "stretch_share": config.stretch_share},
        {"noise_levels": config.noise_levels, "noise_share": config.noise_share},
        {"proximity_share": config.proximity_share, "proximity_s": config.proximity_s},
    )
    kind = int(draw_between(0, len(kinds), 1, generator))
    return dataclasses.replace(NO_DEFORMATION, **kinds[kind])


def _mix(mels: Tensor, config: DeformationConfig, generator: Generator) -> Tensor:
    """Add to some sounds another one of the batch, scaled to a share of their energy."""
    count = len(mels)
    order = torch.randperm(count, device=mels.device, generator=generator)
    shares = draw_between(0, config.mixture, count, generator)
    is_mixed = draw_whether(config.mixture_share, count, generator)
    energies = mels.mean(dim=(1, 2))
    ratios = torch.where(is_mixed, shares, 0) * energies / (energies[order] + 1e-12)
    return mels + mels[order] * make_column(ratios.clamp(max=1e6))


def shift_pitch(powers: Tensor, semitones: Tensor, model: ModelConfig) -> Tensor:
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
    ratios = 2.0 ** (semitones.double() / 12)
    corners = torch.from_numpy(compute_band_corners(mel)).to(powers.device)
    moved = (corners / ratios[:, None]).float()
    hz = np.fft.rfftfreq(mel.n_fft, 1 / model.segments.sample_rate).astype(np.float32)
    frequencies = torch.from_numpy(hz).to(powers.device)
    low, peak, high = moved[:, :-2, None], moved[:, 1:-1, None], moved[:, 2:, None]
    rising = (frequencies - low) / (peak - low)
    falling = (high - frequencies) / (high - peak)
    return torch.bmm(torch.minimum(rising, falling).clamp(min=0), powers)


def stretch_time(mels: Tensor, paces: Tensor, n_frames: int) -> Tensor:
    """Read frames at another pace, between neighbours by linear interpolation; 1 is the identity.

    `(n, n_mels, n_read)` to `(n, n_mels, n_frames)`; a pace above 1 makes the sound shorter.
    """
    n_read = mels.shape[2]
    frames = torch.arange(n_frames, device=mels.device)
    places = (paces.double()[:, None] * frames).clamp(max=n_read - 1)
    left = places.long().clamp(max=n_read - 2)
    share = (places - left).float()[:, None]
    index = left[:, None].expand(-1, mels.shape[1], -1)
    return mels.gather(2, index) * (1 - share) + mels.gather(2, index + 1) * share
