"""Makes loops whose tempo is known, of many styles, from real and made hits and made notes.

A style is patterns of steps over a bar, `x` a hit, `o` a soft one, `?` one in two, `.` none. How
fast it goes is drawn from where music of that style lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmarks.facts.one_shots import RATE, OneShots, Sound

MAX_LOOP_S = 24.0
SCALE = (0, 3, 5, 7, 10)


@dataclass(frozen=True)
class Style:
    """How a kind of loop is made; voices are those of `OneShots`, and `bass`, `pluck`, `pad`."""

    name: str
    tempi: tuple[float, float]
    patterns: dict[str, Sequence[str]]
    beats: int = 4
    swing: float = 0.0  # how far every second step comes late, as a share of a step
    held_out: bool = False


@dataclass(frozen=True)
class Loop:
    """A sound `(n_samples,)` at `RATE` with its tempo, and how it was made."""

    style: str
    bpm: float
    n_bars: int
    ending: str
    samples: Sound = field(repr=False)


FOUR, EIGHTS, OFF = "x...x...x...x...", "x.x.x.x.x.x.x.x.", "..x...x...x...x."
BACKBEAT = "....x.......x..."
SIXTEENTHS = "xoxoxoxoxoxoxoxo"
STYLES = (
    Style(
        "four on the floor",
        (112, 150),
        {
            "kick": [FOUR],
            "hat": [OFF, EIGHTS, SIXTEENTHS],
            "clap": [BACKBEAT],
            "open": [OFF, ""],
        },
    ),
    Style(
        "breakbeat",
        (85, 174),
        {
            "kick": ["x.x.......xx....", "x.....x...x.....", "x..x......x..?.."],
            "snare": ["....x..o.o..x..o", "....x.......x...", "....x..o....x.o."],
            "hat": [EIGHTS, "x.x.x.xxx.x.x.x."],
        },
    ),
    Style(
        "half-time",
        (125, 160),
        {
            "kick": ["x.....x.........", "x..x......x.....", "x.........x..x.."],
            "snare": ["........x......."],
            "hat": [EIGHTS, "x.x.x.x.x.xxx.x."],
        },
    ),
    Style(
        "hip-hop",
        (75, 105),
        {
            "kick": ["x......x..x.....", "x..x...x..x.....", "x.x.......x..x.."],
            "snare": [BACKBEAT],
            "hat": [EIGHTS, "x.xxx.x.x.xxx.x."],
        },
        swing=0.3,
    ),
    Style(
        "drum and bass",
        (160, 174),
        {
            "kick": ["x.........x.....", "x.x.......x....."],
            "snare": ["....x.......x...", "....x..o.o..x..."],
            "hat": [EIGHTS, SIXTEENTHS],
        },
    ),
    Style(
        "hand percussion",
        (75, 160),
        {
            "tom": ["x..x..x.x..x..x.", "..x.x...x.x.x...", "x..xx.x.x..xx.x."],
            "perc": ["x.x?x.x?x.x?x.x?", "o.x.o.xxo.x.o.xx"],
            "rim": ["x..x..x...x.x...", ""],
        },
    ),
    Style(
        "bass line",
        (75, 165),
        {
            "bass": [
                "x..x..x.x..x..x.",
                "x.x.x.x.x.x.x.x.",
                "x...x.x...x.x.x.",
                "x.....x.x...x...",
            ],
        },
    ),
    Style(
        "gated pad",
        (75, 165),
        {
            "pad": ["x.x.x.x.x.x.x.x.", "x..x..x.x..x..x.", FOUR, "..x...x...x...x."],
        },
    ),
    Style("shaker", (75, 165), {"shaker": [SIXTEENTHS, "xoooxoooxoooxooo", EIGHTS]}),
    Style(
        "sparse",
        (75, 150),
        {
            "kick": ["x...............", "x.......x......."],
            "snare": ["........x.......", BACKBEAT],
            "rim": ["", "......x........."],
        },
    ),
    Style(
        "syncopated",
        (80, 150),
        {
            "kick": ["x..x..x...x.x...", "x..x..x.x..x..x."],
            "snare": ["....x.......x...", "...x..x....x..x."],
            "hat": [EIGHTS, OFF, ""],
        },
    ),
    Style(
        "waltz",
        (80, 174),
        {
            "kick": ["x...........", "x.......?..."],
            "snare": ["....x...x..."],
            "hat": ["x.x.x.x.x.x.", "x...x...x..."],
        },
        beats=3,
    ),
    Style(
        "six eight",
        (75, 110),
        {  # beats are dotted quarters
            "kick": ["x.....x.....", "x...x......."],
            "snare": ["......x....."],
            "hat": ["x.x.x.x.x.x."],
        },
        beats=2,
    ),
    Style(
        "arpeggio",
        (75, 165),
        {"pluck": ["xxxxxxxxxxxxxxxx", EIGHTS, "x.xxx.xxx.xxx.xx"]},
        held_out=True,
    ),
    Style(
        "dembow",
        (80, 110),
        {
            "kick": [FOUR],
            "snare": ["...x..x....x..x."],
            "hat": [EIGHTS, ""],
        },
        held_out=True,
    ),
    Style(
        "two-step",
        (125, 138),
        {
            "kick": ["x.........x.....", "x......x..x....."],
            "snare": [BACKBEAT],
            "hat": ["..x..xx...x..xx.", EIGHTS],
            "bass": ["x..x....x.....x.", ""],
        },
        swing=0.25,
        held_out=True,
    ),
    Style(
        "chord stabs",
        (80, 150),
        {
            "pad": ["x..x..x...x..x..", "..x...x...x...x.", "x.....x.x.......", BACKBEAT],
        },
        held_out=True,
    ),
    Style(
        "rock",
        (80, 174),
        {
            "kick": ["x.......x.......", "x.....x.x......."],
            "snare": [BACKBEAT],
            "hat": [EIGHTS],
            "bass": [EIGHTS, ""],
        },
        held_out=True,
    ),
    Style(
        "one drop",
        (75, 90),
        {
            "kick": ["........x......."],
            "snare": ["........x......."],
            "hat": [EIGHTS, "x..ox..ox..ox..o"],
            "pad": ["....x.......x...", ""],
        },
        held_out=True,
    ),
    Style(
        "claps and snaps",
        (75, 140),
        {
            "clap": [BACKBEAT, "....x..x....x..."],
            "rim": ["x.....x...x.....", FOUR],
            "bass": ["x.....x.........", ""],
        },
        held_out=True,
    ),
    Style(
        "shuffle",
        (80, 160),
        {
            "kick": ["x.....x....."],
            "snare": ["...x.....x.."],
            "hat": ["x.xx.xx.xx.x"],
        },
        held_out=True,
    ),
)


def make_loops(n_loops: int, seed: int, shots: OneShots, *, held_out: bool) -> list[Loop]:
    """Make loops, styles in turn; those held out have all styles, the others some."""
    styles = [style for style in STYLES if held_out or not style.held_out]
    return [
        make_loop(styles[i % len(styles)], np.random.default_rng([seed, i]), shots)
        for i in range(n_loops)
    ]


def make_loop(style: Style, rng: np.random.Generator, shots: OneShots) -> Loop:
    """Make one loop of 1, 2, 4 or 8 bars."""
    low, high = style.tempi
    bpm = float(rng.uniform(low, high))
    if rng.random() < 0.5:
        bpm = float(round(bpm))
    beat_s = 60 / bpm
    lengths = [n for n in (1, 2, 4, 8) if n * style.beats * beat_s <= MAX_LOOP_S]
    n_bars = int(rng.choice(lengths))
    length = round(n_bars * style.beats * beat_s * RATE)
    mix = np.zeros(length + 3 * RATE)
    for voice, choices in style.patterns.items():
        pattern = choices[rng.integers(len(choices))]
        if pattern:
            _play(mix, voice, pattern, n_bars, style, beat_s, rng, shots)
    if rng.random() < 0.3:
        mix = _add_room(mix, rng)
    ending = str(rng.choice(["exact", "wrapped", "tail", "padded"], p=[0.3, 0.2, 0.25, 0.25]))
    samples = _end(mix, length, ending, rng)
    samples *= rng.uniform(0.1, 0.9) / np.abs(samples).max()
    return Loop(style.name, bpm, n_bars, ending, samples)


def _play(
    mix: Sound, voice: str, pattern: str, n_bars: int, style: Style, beat_s: float,
    rng: np.random.Generator, shots: OneShots,
) -> None:  # fmt: skip
    """Put a pattern's hits into the mix, with a player's jitter, bar by bar."""
    step_s = style.beats * beat_s / len(pattern)
    gain = rng.uniform(0.4, 1.0) * (0.5 if voice in ("hat", "open", "shaker") else 1.0)
    jitter_s = rng.choice([0.0, 0.004, 0.008])
    play_note = _choose_note(voice, rng)
    hit = None if play_note else shots.draw(voice, rng)
    steps = [(bar, i, mark) for bar in range(n_bars) for i, mark in enumerate(pattern)]
    for bar, i, mark in steps:
        is_hit = mark in "xo" if mark != "?" else rng.random() < 0.5
        if not is_hit or (bar and rng.random() < 0.03):
            continue
        late = style.swing * step_s * (i % 2) + rng.normal(0, jitter_s)
        place = max(0, round((bar * style.beats * beat_s + i * step_s + late) * RATE))
        n_steps = next(
            (k for k in range(1, len(pattern)) if pattern[(i + k) % len(pattern)] != "."), 4
        )
        sound = play_note(min(n_steps, 4) * step_s) if play_note else hit
        assert sound is not None
        level = gain * (0.4 if mark == "o" else 1.0) * rng.uniform(0.8, 1.0)
        stop = min(len(mix), place + len(sound))
        mix[place:stop] += level * sound[: stop - place]


def _choose_note(voice: str, rng: np.random.Generator):  # type: ignore[no-untyped-def]
    """Choose how a pitched voice sounds; None for hits."""
    root = {
        "bass": rng.integers(28, 45),
        "pluck": rng.integers(50, 70),
        "pad": rng.integers(48, 62),
    }
    if voice not in root:
        return None
    fall, n_partials, hold = rng.uniform(0.8, 2), int(rng.integers(3, 16)), rng.uniform(0.4, 1.0)
    attack_s = rng.uniform(0.002, 0.03)
    chord = (0, 3, 7) if voice == "pad" else (0,)

    def play(seconds: float) -> Sound:
        t = np.arange(round((hold * seconds + 0.05) * RATE)) / RATE
        shift = root[voice] + (0 if voice == "pad" else SCALE[rng.integers(len(SCALE))])
        sound = np.zeros(len(t))
        for semitones in chord:
            hz = 440 * 2 ** ((shift + semitones - 69) / 12)
            for k in range(1, n_partials + 1):
                if k * hz < RATE / 2:
                    sound += np.sin(2 * np.pi * (k * hz * t + rng.random())) / k**fall
        envelope = np.minimum(1, t / attack_s) * np.minimum(1, (t[-1] - t) / 0.03)
        if voice != "pad":
            envelope *= np.exp(-3 * t / (seconds if voice == "bass" else 0.25))
        return np.asarray(sound * envelope / len(chord) / 1.5)

    return play


def _add_room(mix: Sound, rng: np.random.Generator) -> Sound:
    t = np.arange(round(rng.uniform(0.2, 1.2) * RATE)) / RATE
    room = rng.standard_normal(len(t)) * np.exp(-6.9 * t / t[-1])
    room *= rng.uniform(0.1, 0.5) / np.sqrt(np.square(room).sum())
    n = 1 << (len(mix) + len(room)).bit_length()
    wet = np.fft.irfft(np.fft.rfft(mix, n) * np.fft.rfft(room, n))[: len(mix)]
    return np.asarray(mix + wet)


def _end(mix: Sound, length: int, ending: str, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Cut a loop at its last bar's end, let its tail ring, or leave what encoders add."""
    if ending == "wrapped":  # what rings on sounds at the beginning
        cut = mix[:length].copy()
        n = min(length, len(mix) - length)
        cut[:n] += mix[length : length + n]
        return cut
    if ending == "tail":
        return mix[: length + round(rng.uniform(0.2, 2.0) * RATE)].copy()
    if ending == "padded":
        before, after = (rng.uniform(0, 0.05, 2) * RATE).astype(int)
        return np.concatenate([np.zeros(before), mix[:length], np.zeros(after)])
    return mix[:length].copy()
