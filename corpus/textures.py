"""Sounds of environments that never were: textures drawn at random, each going on for a while.

What stays in a texture is how it is made, not what it does from moment to moment, so that stretches
of one are the same class without a label (sounds as statistics: McDermott & Simoncelli 2011, Neuron
71; learning from synthesis: Cherep & Singh 2024, arXiv 2406.05923). A texture is one source or two:
noise in gusts, grains that fall by chance (rain, fire, gravel), pulses (clocks, engines, rotors),
strokes (saws, brooms, steps), or calls (animals, voices, horns); coloured, and heard in a room over
a background.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

RATE = 32_000
RECORDING_S = 12.0
N_SAMPLES = round(RECORDING_S * RATE)
LAYERED_SHARE = 0.3
ROOM_SHARE = 0.5
Waveform = npt.NDArray[np.float64]
Generator = np.random.Generator


def _draw_log(low: float, high: float, generator: Generator) -> float:
    """Draw a number whose logarithm is evenly spread."""
    return float(np.exp(generator.uniform(np.log(low), np.log(high))))


def _convolve(sound: Waveform, answer: Waveform) -> Waveform:
    size = 1 << (len(sound) + len(answer) - 2).bit_length()
    spectrum = np.fft.rfft(sound, size) * np.fft.rfft(answer, size)
    return np.fft.irfft(spectrum, size)[: len(sound)]


def _draw_gains(hz: Waveform, generator: Generator) -> Waveform:
    """Draw a colour: a tilt and some peaks and dips, as gains at frequencies."""
    octaves = np.log2(np.maximum(hz, 20.0) / 1000.0)
    gains_db = generator.uniform(-9, 3) * octaves
    for _ in range(int(generator.integers(1, 6))):
        centre, width = generator.uniform(-4, 4), _draw_log(0.1, 1.5, generator)
        gains_db += generator.uniform(-12, 20) * np.exp(-(((octaves - centre) / width) ** 2))
    gains: Waveform = 10 ** (np.clip(gains_db, -60, 40) / 20)
    return gains


def _colour(sound: Waveform, generator: Generator) -> Waveform:
    hz = np.fft.rfftfreq(len(sound), 1 / RATE)
    return np.fft.irfft(np.fft.rfft(sound) * _draw_gains(hz, generator), len(sound))


def _draw_course(rate_hz: float, generator: Generator) -> Waveform:
    """Draw a curve over the recording that changes about so many times a second, of deviation 1."""
    n_points = max(4, round(RECORDING_S * rate_hz) + 2)
    points = generator.standard_normal(n_points)
    places = np.linspace(0, n_points - 1, N_SAMPLES)
    left = np.minimum(places.astype(np.int64), n_points - 2)
    share = 0.5 - 0.5 * np.cos(np.pi * (places - left))
    return points[left] * (1 - share) + points[left + 1] * share


def _draw_grain(generator: Generator) -> Waveform:
    """Draw one stroke: partials or noise that die away."""
    decay_s = _draw_log(0.0005, 0.25, generator)
    times = np.arange(max(16, round(min(6 * decay_s, 1.0) * RATE))) / RATE
    noise = generator.standard_normal(len(times)) * np.exp(-times / decay_s)
    ring = np.zeros(len(times))
    lowest_hz = _draw_log(60, 6000, generator)
    for ratio in np.concatenate([[1.0], generator.uniform(1.1, 6, int(generator.integers(0, 6)))]):
        if ratio * lowest_hz < 0.45 * RATE:
            own_s = decay_s * ratio ** -generator.uniform(0, 1.5)
            phase = 2 * np.pi * ratio * lowest_hz * times + generator.uniform(0, 2 * np.pi)
            ring += generator.uniform(0.2, 1) * np.sin(phase) * np.exp(-times / own_s)
    share = generator.choice([0.0, generator.uniform(0, 1), 1.0])
    grain = share * noise + (1 - share) * ring
    return grain / max(float(np.sqrt(np.square(grain).sum())), 1e-9)


def _strike(places: Waveform, levels: Waveform, n_kinds: int, generator: Generator) -> Waveform:
    """Let grains of a few kinds sound at places in samples, each as loud as its level."""
    inside = (places >= 0) & (places < N_SAMPLES)
    places, levels = places[inside].astype(np.int64), levels[inside]
    kinds = generator.integers(0, n_kinds, len(places))
    sound = np.zeros(N_SAMPLES)
    for kind in range(n_kinds):
        train = np.zeros(N_SAMPLES)
        np.add.at(train, places[kinds == kind], levels[kinds == kind])
        sound += _convolve(train, _draw_grain(generator))
    return sound


def draw_gusts(generator: Generator) -> Waveform:
    """Draw noise that swells and sinks, each of some bands by itself: wind, waves, traffic."""
    hz = np.fft.rfftfreq(N_SAMPLES, 1 / RATE)
    sound = np.zeros(N_SAMPLES)
    for _ in range(int(generator.integers(1, 4))):
        spectrum = np.fft.rfft(generator.standard_normal(N_SAMPLES)) * _draw_gains(hz, generator)
        band = np.fft.irfft(spectrum, N_SAMPLES)
        depth = generator.uniform(0, 1.5)
        course = _draw_course(_draw_log(0.1, 12, generator), generator)
        sound += band / band.std() * np.exp(depth * course) * generator.uniform(0.2, 1)
    return sound


def draw_grains(generator: Generator) -> Waveform:
    """Draw grains that fall by chance, few or thousands a second: rain, fire, gravel, applause."""
    rate_hz = _draw_log(2, 4000, generator)
    count = int(generator.poisson(rate_hz * RECORDING_S))
    places = generator.uniform(0, N_SAMPLES, count)
    levels = np.exp(generator.uniform(0.2, 1.6) * generator.standard_normal(count))
    if generator.random() < 0.5:  # in flurries
        course = np.exp(_draw_course(_draw_log(0.3, 6, generator), generator))
        levels = levels * course[places.astype(np.int64)]
    return _strike(places, levels, int(generator.integers(1, 9)), generator)


def draw_pulses(generator: Generator) -> Waveform:
    """Draw regular pulses, from a clock's to an engine's, that drift and waver."""
    rate_hz = _draw_log(0.8, 160, generator)
    drift = generator.choice([0.0, generator.uniform(0, 0.3)])
    pace = np.exp(drift * _draw_course(_draw_log(0.1, 2, generator), generator))
    turns = np.cumsum(pace) * rate_hz / RATE
    places = np.searchsorted(turns, np.arange(1, int(turns[-1]) + 1)).astype(np.float64)
    places += generator.normal(0, _draw_log(1e-4, 0.1, generator), len(places)) * RATE / rate_hz
    accents = generator.uniform(0.2, 1, int(generator.integers(1, 5)))
    levels = np.resize(accents, len(places)) * np.exp(generator.normal(0, 0.15, len(places)))
    return _strike(places, levels, int(generator.integers(1, 3)), generator)


def draw_strokes(generator: Generator) -> Waveform:
    """Draw noise in strokes, even or by chance: saws, brooms, steps, breath."""
    rate_hz, is_even = _draw_log(0.4, 12, generator), generator.random() < 0.6
    gaps_s = generator.exponential(1 / rate_hz, 200)
    if is_even:
        gaps_s = np.exp(generator.normal(0, 0.1, 200)) / rate_hz
    attack_s = _draw_log(0.002, 0.5 / rate_hz, generator)
    decay_s = _draw_log(0.01, 1 / rate_hz, generator)
    times = np.arange(round(min(3.0, attack_s + 5 * decay_s) * RATE)) / RATE
    shape = np.minimum(times / attack_s, 1) * np.exp(-np.maximum(times - attack_s, 0) / decay_s)
    starts = (np.cumsum(gaps_s) * RATE).astype(np.int64)
    train = np.zeros(N_SAMPLES)
    starts = starts[starts < N_SAMPLES]
    train[starts] = np.exp(generator.normal(0, 0.3, len(starts)))
    roughness = generator.choice([0.0, generator.uniform(0, 1)])
    buzz = np.exp(roughness * _draw_course(_draw_log(20, 300, generator), generator))
    noise = _colour(generator.standard_normal(N_SAMPLES), generator)
    return noise / noise.std() * buzz * _convolve(train, shape)


def draw_calls(generator: Generator) -> Waveform:
    """Draw calls of one caller, each a little otherwise: animals, voices, horns, sirens."""
    pitch_hz, length_s = _draw_log(70, 5000, generator), _draw_log(0.03, 1.5, generator)
    gap_s = _draw_log(0.05, 2.5, generator)
    bends = generator.normal(0, generator.choice([0.02, 0.15, 0.4]), 5)
    tilt, breath = (
        generator.uniform(0.2, 2.5),
        generator.choice([0.0, 10 ** generator.uniform(-2, 0)]),
    )
    trill_hz, trill = (
        _draw_log(4, 120, generator),
        generator.choice([0.0, generator.uniform(0, 0.3)]),
    )
    sound = np.zeros(N_SAMPLES + 3 * RATE)
    start = round(generator.uniform(0, gap_s) * RATE)
    while start < N_SAMPLES:
        own_s = length_s * float(np.exp(generator.normal(0, 0.2)))
        times = np.arange(round(min(own_s, 3.0) * RATE)) / RATE
        contour = bends + generator.normal(0, 0.03, 5)
        octaves = np.interp(times / own_s, np.linspace(0, 1, 5), contour)
        octaves += trill * np.sin(2 * np.pi * trill_hz * times)
        hz = pitch_hz * float(np.exp(generator.normal(0, 0.06))) * 2**octaves
        phase = 2 * np.pi * np.cumsum(hz) / RATE
        call = breath * generator.standard_normal(len(times))
        for number in range(1, min(30, int(0.45 * RATE / hz.max())) + 1):
            call += number**-tilt * np.sin(number * phase)
        call *= np.sin(np.pi * np.minimum(times / own_s, 1)) ** generator.uniform(0.3, 1)
        sound[start : start + len(call)] += call * np.exp(generator.normal(0, 0.2))
        start += round((own_s + gap_s * float(np.exp(generator.normal(0, 0.4)))) * RATE)
    return sound[:N_SAMPLES]


SOURCES: tuple[Callable[[Generator], Waveform], ...] = (
    draw_gusts,
    draw_grains,
    draw_pulses,
    draw_strokes,
    draw_calls,
)


def _draw_source(generator: Generator) -> Waveform:
    """Draw a source in its colour, at power 1."""
    draw = SOURCES[int(generator.integers(len(SOURCES)))]
    sound = _colour(draw(generator), generator)
    return sound / max(float(sound.std()), 1e-9)


def _put_in_room(sound: Waveform, generator: Generator) -> Waveform:
    """Add a room's echoes: noise that dies away, sooner where it is high."""
    decay_s = _draw_log(0.08, 2.5, generator)
    times = np.arange(round(1.5 * decay_s * RATE)) / RATE
    echoes = _colour(generator.standard_normal(len(times)), generator) * np.exp(
        -4.6 * times / decay_s
    )
    wet = _convolve(sound, echoes)
    return sound + _draw_log(0.05, 2, generator) * wet / max(float(wet.std()), 1e-9)


def draw_texture(generator: Generator) -> npt.NDArray[np.float32]:
    """Draw a texture, float32 `(n_samples,)` of peak 0.8 or less."""
    sound = _draw_source(generator)
    if generator.random() < LAYERED_SHARE:
        sound += _draw_log(0.1, 1, generator) * _draw_source(generator)
    if generator.random() < ROOM_SHARE:
        sound = _put_in_room(sound, generator)
    background = _colour(generator.standard_normal(N_SAMPLES), generator)
    sound += _draw_log(0.001, 0.3, generator) * background / background.std()
    level = _draw_log(0.03, 0.8, generator) / max(float(np.abs(sound).max()), 1e-9)
    return (level * sound).astype(np.float32)


def render_textures(folder: Path, count: int, seed: int = 0) -> Iterator[tuple[Path, float]]:
    """Write `count` recordings, a texture each; yields each one's path and seconds."""
    for number in range(count):
        path = folder / f"{number:05}.flac"
        soundfile.write(path, draw_texture(np.random.default_rng([seed, 1, number])), RATE)
        yield path, RECORDING_S
