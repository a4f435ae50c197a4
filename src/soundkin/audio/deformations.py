"""Deformations to listen to: the constraints that training relies on, as functions of waveforms.

A sound keeps its class under each of them (Jansen et al. 2018, arXiv 1711.02209): shifted in pitch,
stretched in time, under noise, mixed with another, or a little earlier or later. Training applies
them to spectrograms (`training.pairs`); these give something to hear, and tests hold the two
against each other.

Waveforms are float32 `(n_samples,)`, mono; `sample_rate` is in Hz. No strength at all gives back
the very same samples. Peaks may rise above 1: who writes a file chooses the gain.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from soundkin.errors import DeformationError

Samples = npt.NDArray[np.float32]

MAX_SEMITONES = 24.0
MAX_STRETCH = 2.0  # beyond, Signalsmith Stretch draws phases at random
MAX_SHARE = 1000.0
MAX_MAKE_UP = 2.0  # what lay above the highest frequency that a shift leaves is gone for good
MIN_SAMPLE_RATE = 1000
NO_STRETCH = (
    "pitch and time need python-stretch, which has no wheel for this processor; with a compiler:"
    " pip install python-stretch"
)
MIN_NOISE_HZ = 50.0  # noise is flat below: what nobody hears should not count as its energy


def shift_pitch(waveform: Samples, sample_rate: int, semitones: float) -> Samples:
    """Shift the pitch and keep the time, with Signalsmith Stretch; formants move along.

    Parameters
    ----------
    semitones
        -24 to 24; 0 is the identity.

    Returns
    -------
    float32 `(n_samples,)`, at the input's level.

    Raises
    ------
    DeformationError
        Out of range, or no waveform.
    """
    waveform = check_waveform(waveform, sample_rate)
    check_range("semitones", semitones, -MAX_SEMITONES, MAX_SEMITONES)
    return _run_stretch(waveform, sample_rate, semitones, 1.0) if semitones else waveform


def stretch_time(waveform: Samples, sample_rate: int, factor: float) -> Samples:
    """Make a sound longer or shorter and keep its pitch, with Signalsmith Stretch.

    Parameters
    ----------
    factor
        Length of the result in lengths of the input, 0.5 to 2; 1 is the identity.

    Returns
    -------
    float32 `(round(factor * n_samples),)`, at the input's level.

    Raises
    ------
    DeformationError
        Out of range, or no waveform.
    """
    waveform = check_waveform(waveform, sample_rate)
    check_range("factor", factor, 1 / MAX_STRETCH, MAX_STRETCH)
    return _run_stretch(waveform, sample_rate, 0.0, factor) if factor != 1 else waveform


def tune(frames: Samples, sample_rate: int, semitones: float, factor: float) -> Samples:
    """Shift the pitch and stretch the time at once, to be heard beside something else.

    Parameters
    ----------
    frames
        `(n_frames, n_channels)`, of which the result has as many channels.
    semitones, factor
        As for `shift_pitch` and `stretch_time`.

    Raises
    ------
    DeformationError
        Out of range, or no frames.
    """
    if frames.ndim != 2 or not frames.size:
        raise DeformationError(f"frames are (n_frames, n_channels), not {frames.shape}")
    check_range("semitones", semitones, -MAX_SEMITONES, MAX_SEMITONES)
    check_range("factor", factor, 1 / MAX_STRETCH, MAX_STRETCH)
    if not semitones and factor == 1:
        return frames
    try:
        import python_stretch
    except ModuleNotFoundError as error:
        raise DeformationError(NO_STRETCH) from error
    stretch = python_stretch.Signalsmith.Stretch(0)  # a seed, so that it always does the same
    stretch.preset(frames.shape[1], sample_rate)
    stretch.setTransposeSemitones(semitones)
    stretch.timeFactor = 1 / factor
    # Blocks that overlap an end are incomplete there and too soft: let both ends lie in silence.
    margin = stretch.blockSamples() + stretch.intervalSamples()
    padded = np.pad(frames.T, ((0, 0), (margin, margin)))
    tuned = np.asarray(stretch.process(padded), np.float32)
    start, length = round(margin * factor), max(1, round(len(frames) * factor))
    return _keep_level(tuned[:, start : start + length].T, frames)


def add_noise(
    waveform: Samples,
    sample_rate: int,
    share: float,
    generator: np.random.Generator,
    slope: float = -1.0,
) -> Samples:
    """Add noise at a share of the sound's energy: 0.1 is a signal-to-noise ratio of 10 dB.

    Parameters
    ----------
    share
        0 to 1000; 0 is the identity.
    slope
        See `draw_noise`.

    Raises
    ------
    DeformationError
        Out of range, or no waveform.
    """
    waveform = check_waveform(waveform, sample_rate)
    check_range("share", share, 0, MAX_SHARE)
    if not share:
        return waveform
    return mix(waveform, draw_noise(len(waveform), sample_rate, slope, generator), share)


def draw_noise(
    n_samples: int, sample_rate: int, slope: float, generator: np.random.Generator
) -> Samples:
    """Draw noise of RMS 1 whose power per hertz goes with `frequency ** slope` above 50 Hz.

    Slope 0 is white, -1 pink, -2 brown. Gaussian noise shaped in its spectrum.
    """
    check_range("slope", slope, -4, 4)
    spectrum = np.fft.rfft(generator.standard_normal(n_samples))
    hz = np.fft.rfftfreq(n_samples, 1 / sample_rate)
    spectrum *= (np.maximum(hz, MIN_NOISE_HZ) / MIN_NOISE_HZ) ** (slope / 2)
    noise = np.fft.irfft(spectrum, n_samples)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)), np.float32)


def mix(waveform: Samples, other: Samples, share: float) -> Samples:
    """Add another sound of the same sample rate, at a share of the first one's energy.

    Parameters
    ----------
    other
        Repeated or cut to the first one's length.
    share
        Energy added, in energies of the first, 0 to 1000; 0 is the identity.

    Raises
    ------
    DeformationError
        Out of range, no waveforms, or the other one is silent.
    """
    waveform, other = check_waveform(waveform), check_waveform(other)
    check_range("share", share, 0, MAX_SHARE)
    if not share:
        return waveform
    fitted = np.resize(other, len(waveform))
    energy = _compute_energy(fitted)
    if not energy:
        raise DeformationError("the sound to mix in is silent")
    gain = np.sqrt(share * _compute_energy(waveform) / energy)
    return waveform + np.float32(gain) * fitted


def cut_nearby(
    waveform: Samples, sample_rate: int, start_s: float, segment_s: float, move_s: float
) -> Samples:
    """Cut the segment that lies `move_s` seconds after the one at `start_s`: temporal proximity.

    Parameters
    ----------
    start_s, segment_s
        A segment inside the sound.
    move_s
        Any distance, negative for earlier; it ends where the sound does. 0 gives the segment
        itself.

    Raises
    ------
    DeformationError
        The segment is not inside the sound, or no waveform.
    """
    waveform = check_waveform(waveform, sample_rate)
    length, start = round(segment_s * sample_rate), round(start_s * sample_rate)
    latest = len(waveform) - length
    if not (length > 0 and 0 <= start <= latest):
        raise DeformationError(
            f"no segment of {segment_s:g} s at {start_s:g} s in {len(waveform) / sample_rate:g} s"
        )
    place = int(np.clip(start + move_s * sample_rate, 0, latest))
    return waveform[place : place + length]


def _run_stretch(waveform: Samples, sample_rate: int, semitones: float, factor: float) -> Samples:
    return tune(waveform[:, None], sample_rate, semitones, factor)[:, 0]


def _keep_level(deformed: Samples, waveform: Samples) -> Samples:
    """Undo the 1 or 2 dB that overlapping blocks of noise lose where tones lose nothing."""
    power = _compute_energy(deformed) / len(deformed)
    wanted = _compute_energy(waveform) / len(waveform)
    gain = min(MAX_MAKE_UP, np.sqrt(wanted / power)) if power else 1.0
    return deformed * np.float32(gain)


def _compute_energy(waveform: Samples) -> float:
    return float(np.sum(np.square(waveform, dtype=np.float64)))


def check_waveform(waveform: Samples, sample_rate: int = MIN_SAMPLE_RATE) -> Samples:
    """Copy a waveform, so that the identity too is a new array."""
    copy = np.array(waveform, np.float32)
    if copy.ndim != 1 or not len(copy) or not np.isfinite(copy).all():
        raise DeformationError(f"a waveform is (n_samples,) finite floats, not {copy.shape}")
    if sample_rate < MIN_SAMPLE_RATE:
        raise DeformationError(
            f"{sample_rate} Hz is too low a sample rate; {MIN_SAMPLE_RATE} is least"
        )
    return copy


def check_range(name: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:  # also where it is no number
        raise DeformationError(f"{name} must be within {lowest:g} and {highest:g}, not {value:g}")
