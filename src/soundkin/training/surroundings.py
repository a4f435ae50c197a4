"""What lies between a sound and its recording, on mel powers: noise, room, microphone, floor.

A sound keeps its class whatever it is heard through. `audio.surroundings` has the same for
waveforms, to be heard; tests hold the two against each other. Mel powers are float32
`(n, n_mels, n_frames)`; each sound of a batch has a draw of its own.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from soundkin.audio.surroundings import (
    BAND_LOW_HZ,
    BAND_SLOPE_DB,
    BAND_TOP_HZ,
    BUMP_HZ,
    BUMP_OCTAVES,
    MIDDLE_HZ,
    N_BUMPS,
    OCTAVE_DB,
    RESAMPLED_ABOVE,
    ROOM_S,
    TILT_OCTAVES,
)
from soundkin.config import DeformationConfig
from soundkin.training.draws import draw_between, draw_whether, draw_within, make_column

RESAMPLED_SHARE = 0.5  # of narrow bands, above which nothing at all is left
GRAINS = 3  # paths that reach a band at once
FILLED_SHARE = 0.5  # of sounds with a floor that goes on after their end
NOISE_RANGE_DB, ROOM_RANGE_DB = 40.0, 15.0  # from the loudest noise and room to the softest
NOISE_SLOPES = (-2.0, 0.5)  # brown to a little above white


def add_noise(mels: Tensor, config: DeformationConfig, generator: Generator) -> Tensor:
    """Add noise of a random slope, relative to each sound's energy, to a share of them."""
    chosen = torch.nonzero(draw_whether(config.noise_share, len(mels), generator))[:, 0]
    sounds, count = mels[chosen], len(chosen)
    slopes = draw_between(*NOISE_SLOPES, count, generator)
    shapes = torch.linspace(1e-2, 1, mels.shape[1], device=mels.device) ** slopes[:, None]
    shapes = shapes / shapes.mean(dim=1, keepdim=True)
    snr_db = draw_between(
        config.noise_snr_db, config.noise_snr_db + NOISE_RANGE_DB, count, generator
    )
    levels = 10 ** (-snr_db / 10) * sounds.mean(dim=(1, 2))
    noise = (levels[:, None] * shapes)[:, :, None].float() * _draw_grain(sounds, generator)
    return mels.index_add(0, chosen, noise)


def add_white_noise(
    mels: Tensor, levels: tuple[float, ...], white: Tensor, generator: Generator
) -> Tensor:
    """Add white noise of a random amplitude; `white` `(n_mels,)` has the powers of amplitude 1."""
    amplitudes = draw_between(levels[0], levels[1], len(mels), generator)
    powers = amplitudes[:, None] ** 2 * white
    return mels + powers[:, :, None].float() * _draw_grain(mels, generator)


def add_room(
    mels: Tensor, config: DeformationConfig, frame_s: float, generator: Generator
) -> Tensor:
    """Let a share of the sounds decay in a room, every band's power by itself.

    Exponential decay of power after Polack's model (La transmission de l'énergie sonore dans les
    salles, 1988), in each band with the grain of a few paths that meet.
    """
    chosen = torch.nonzero(draw_whether(config.room_share, len(mels), generator))[:, 0]
    direct, count = mels[chosen], len(chosen)
    rt60_s = _draw_evenly_in_octaves(ROOM_S, count, generator)
    ratios_db = draw_between(config.room_db, config.room_db + ROOM_RANGE_DB, count, generator)
    decays = compute_decays(rt60_s, mels.shape[2], frame_s).float()
    reverberant = torch.bmm(direct, decays) * make_column(10 ** (-ratios_db / 10))
    grain = torch.stack([_draw_grain(direct, generator) for _ in range(GRAINS)]).mean(dim=0)
    return mels.index_add(0, chosen, reverberant * grain)


def compute_decays(rt60_s: Tensor, n_frames: int, frame_s: float) -> Tensor:
    """Compute how much each frame's power is heard in later ones, `(n, n_frames, n_frames)`.

    Row i is the frame that sounds, column j the one it is heard in; a frame's rests in all later
    ones add up to 1.
    """
    lags = torch.arange(n_frames, device=rt60_s.device)
    lags = lags[None, :] - lags[:, None]
    falls = 10 ** (-6 * frame_s / rt60_s)[:, None, None]
    decays = (1 - falls) * falls ** (lags - 1).clamp(min=0)
    return torch.where(lags > 0, decays, 0)


def pass_channel(
    mels: Tensor, config: DeformationConfig, hz: Tensor, generator: Generator
) -> Tensor:
    """Pass sounds through other microphones: a tilt and bumps, and for some a narrow band.

    `hz` `(n_mels,)` are the centres of the bands.
    """
    count = len(mels)
    share = config.channel_share
    gains_db = compute_tilt(draw_within(config.channel_db, share, count, generator), hz)
    for _ in range(N_BUMPS):
        heights_db = draw_within(config.channel_db, share, count, generator)
        places = _draw_evenly_in_octaves(BUMP_HZ, count, generator)
        widths = draw_between(*BUMP_OCTAVES, count, generator)
        gains_db = gains_db + compute_bump(heights_db, places, widths, hz)
    lows = _draw_evenly_in_octaves(BAND_LOW_HZ, count, generator)
    tops = _draw_evenly_in_octaves(BAND_TOP_HZ, count, generator)
    orders = draw_between(*BAND_SLOPE_DB, count, generator) / OCTAVE_DB
    band_db = compute_band(lows, tops, orders, hz)
    is_resampled = draw_whether(RESAMPLED_SHARE, count, generator)
    is_left = ~is_resampled[:, None] | (hz < RESAMPLED_ABOVE * tops[:, None])
    is_narrow = draw_whether(config.band_share, count, generator)[:, None]
    gains_db = gains_db + torch.where(is_narrow, band_db, 0)
    gains = torch.where(is_narrow & ~is_left, 0, 10 ** (gains_db / 10))
    return mels * gains.float()[:, :, None]


def compute_tilt(tilt_db: Tensor, hz: Tensor) -> Tensor:
    """Compute gains in dB `(n, n_mels)`, from `-tilt_db` at 100 Hz to `tilt_db` at 10 kHz."""
    return tilt_db[:, None] * (torch.log2(hz / MIDDLE_HZ) / TILT_OCTAVES).clamp(-1, 1)


def compute_bump(heights_db: Tensor, places: Tensor, widths: Tensor, hz: Tensor) -> Tensor:
    """Compute gains in dB `(n, n_mels)`: a bell over octaves, up or down."""
    octaves = torch.log2(hz / places[:, None]) / widths[:, None]
    return heights_db[:, None] * torch.exp(-octaves.square() / 2)


def compute_band(lows: Tensor, tops: Tensor, orders: Tensor, hz: Tensor) -> Tensor:
    """Compute gains in dB `(n, n_mels)` of Butterworth filters at both ends of a band."""
    powers = 2 * orders[:, None]
    below = torch.log10(1 + (lows[:, None] / hz) ** powers)
    above = torch.log10(1 + (hz / tops[:, None]) ** powers)
    return -10 * (below + above)


def add_floor(
    mels: Tensor,
    config: DeformationConfig,
    full: float,
    white: Tensor,
    hz: Tensor,
    generator: Generator,
) -> Tensor:
    """Add steady noise to a share of the sounds, so far under their peak as `floor_db` says.

    Where a sound has ended, half of the floors end with it: what is found in a take is the sound.

    Parameters
    ----------
    full
        The peak's amplitude.
    white, hz
        The powers of white noise of amplitude 1 in the bands, and their centres, `(n_mels,)`.
    """
    chosen = torch.nonzero(draw_whether(config.floor_share, len(mels), generator))[:, 0]
    sounds, count = mels[chosen], len(chosen)
    levels_db = draw_between(config.floor_db[0], config.floor_db[1], count, generator)
    slopes = draw_between(*NOISE_SLOPES, count, generator)
    shapes = white * (hz / MIDDLE_HZ) ** slopes[:, None]
    powers = (full * 10 ** (levels_db / 20))[:, None] ** 2 * shapes
    powers = powers * (white.sum() / shapes.sum(dim=1, keepdim=True))
    goes_on = draw_whether(FILLED_SHARE, count, generator)[:, None, None]
    is_heard = goes_on | (sounds.sum(dim=1, keepdim=True) > 0)
    floor = powers[:, :, None].float() * _draw_grain(sounds, generator) * is_heard
    return mels.index_add(0, chosen, floor)


def restore_levels(mels: Tensor, loudest: Tensor) -> Tensor:
    """Bring each sound's loudest frame to a power `(n,)`, as segments are brought to a peak."""
    return mels * make_column(loudest / find_loudest(mels).clamp(min=1e-20))


def find_loudest(mels: Tensor) -> Tensor:
    """Find the power of each sound's loudest frame, `(n,)`."""
    return mels.sum(dim=1).amax(dim=1)


def _draw_evenly_in_octaves(hz: tuple[float, float], count: int, generator: Generator) -> Tensor:
    return hz[0] * (hz[1] / hz[0]) ** draw_between(0, 1, count, generator)


def _draw_grain(mels: Tensor, generator: Generator) -> Tensor:
    """Draw how noise's power differs from its mean, in every band and frame by itself."""
    return torch.empty_like(mels).exponential_(generator=generator)
