"""Makes music whose key is known: progressions, arpeggios, bass lines and tunes, in 24 keys.

Each is played by one of several timbres, out of tune by up to 40 cents, and mixed with a drum loop
at some level or with none. Also what has no key, beside the sounds without tempo: single notes,
rows of twelve tones, clusters, and drum loops alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.facts.loops import STYLES, make_loop
from benchmarks.facts.one_shots import RATE, OneShots, Sound

MAX_DETUNED = 0.4  # semitones
MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
TRIADS = {"": (0, 4, 7), "m": (0, 3, 7), "7": (0, 4, 7, 10), "m7": (0, 3, 7, 10), "o": (0, 3, 6)}
TRIADS |= {"M7": (0, 4, 7, 11), "5": (0, 7)}
# A chord is semitones above the tonic and a kind; those of held-out rows are nobody's to tune on.
PROGRESSIONS = {
    "major": [
        "0 7 9m 5", "0 5 7 0", "2m 7 0 0", "0 9m 5 7", "0 4m 5 7", "0 5 0 7", "0 2m 5 7",
        "0M7 9m7 2m7 7",
    ],
    "minor": [
        "0m 8 3 10", "0m 5m 7 0m", "0m 10 8 7", "0m 5m 10 3", "0m 7m 5m 0m", "0m 8 5m 7",
        "0m 10 0m 10", "0m7 5m7 10 3M7",
    ],
}  # fmt: skip
HELD_OUT_PROGRESSIONS = {
    "major": ["0 10 5 0", "0 7 2m 5", "5 0 7 9m", "0 0 5 5m", "0M7 5M7 0M7 5M7", "0 4 5 7", "0"],
    "minor": ["0m 3 10 5m", "0m 2o 7 0m", "8 10 0m 0m", "0m 5 0m 5", "0m7 10m7 8M7 7", "0m", "0m7"],
}

Play = Callable[[float, float, np.random.Generator], Sound]  # Hz, seconds


@dataclass(frozen=True)
class Keyed:
    """A sound `(n_samples,)` at `RATE` and its key, 0-11 major from C on, 12-23 minor, or none."""

    kind: str
    timbre: str
    drums: str
    key: int | None
    samples: Sound = field(repr=False)


def make_keyed(n: int, seed: int, shots: OneShots, *, held_out: bool) -> list[Keyed]:
    """Make music, all 24 keys, kinds, timbres and levels of drums in turn."""
    return [_make_one(i, np.random.default_rng([seed, i]), shots, held_out) for i in range(n)]


def make_keyless(n_of_a_kind: int, seed: int, shots: OneShots) -> list[Keyed]:
    """Make what has no key."""
    drums = [s for s in STYLES if not {"bass", "pluck", "pad"} & s.patterns.keys()]
    found = []
    for i in range(n_of_a_kind):
        rng = np.random.default_rng([seed, i, 1])
        loop = make_loop(drums[i % len(drums)], rng, shots).samples
        found.append(Keyed("drums", "drums", "alone", None, loop))
        for kind, make in (("note", _make_note), ("row", _make_row), ("cluster", _make_cluster)):
            timbre = list(TIMBRES)[i % len(TIMBRES)]
            sound = make(TIMBRES[timbre], rng)
            found.append(Keyed(kind, timbre, "none", None, 0.3 * sound / np.abs(sound).max()))
    return found


def _make_one(i: int, rng: np.random.Generator, shots: OneShots, held_out: bool) -> Keyed:
    key = int(rng.permutation(24)[i % 24])
    tonic, mode = key % 12, "minor" if key >= 12 else "major"
    rows = HELD_OUT_PROGRESSIONS if held_out else PROGRESSIONS
    chords = [_read_chord(word) for word in str(rng.choice(rows[mode])).split()]
    timbres = list(HELD_OUT_TIMBRES if held_out else TIMBRES)
    timbre = timbres[i % len(timbres)]
    kind = list(KINDS)[(i // len(timbres)) % len(KINDS)]
    beat_s = 60 / rng.uniform(75, 160)
    n_bars = int(rng.choice([2, 4, 8])) if len(chords) > 1 else 2
    notes = KINDS[kind](chords, MINOR if mode == "minor" else MAJOR, n_bars, rng)
    tuned = tonic + rng.uniform(-MAX_DETUNED, MAX_DETUNED)
    play = (TIMBRES | HELD_OUT_TIMBRES)[timbre]
    music = _perform(notes, tuned, beat_s, n_bars, play, rng)
    levels = {"none": None, "-12 dB": -12.0, "-6 dB": -6.0, "0 dB": 0.0, "+6 dB": 6.0}
    drums = list(levels)[int(rng.integers(len(levels)))]
    if levels[drums] is not None:
        music = _mix_drums(music, float(levels[drums] or 0.0), beat_s, rng, shots)
    music += 10 ** (-rng.uniform(60, 90) / 20) * rng.standard_normal(len(music))
    return Keyed(kind, timbre, drums, key, rng.uniform(0.1, 0.9) * music / np.abs(music).max())


# Notes: beat, beats, semitones above C4 in C, and level.
Notes = list[tuple[float, float, int, float]]
Chord = tuple[int, tuple[int, ...]]


def _read_chord(word: str) -> Chord:
    digits = word.rstrip("mMo") if word[-1] not in "75" or len(word) == 1 else word
    for kind in sorted(TRIADS, key=len, reverse=True):
        if kind and word.endswith(kind) and word[: -len(kind)].isdigit() and not word.isdigit():
            return int(word[: -len(kind)]), TRIADS[kind]
    return int(digits), TRIADS[""]


def _each_bar(chords: Sequence[Chord], n_bars: int) -> list[Chord]:
    return [chords[bar % len(chords)] for bar in range(max(n_bars, len(chords)))][:8]


def _play_chords(
    chords: Sequence[Chord], scale: Sequence[int], n_bars: int, rng: np.random.Generator
) -> Notes:
    found: Notes = []
    rhythm = [(0.0, 4.0), (0.0, 2.0), (0.0, 1.0)][int(rng.integers(3))]
    for bar, (root, kind) in enumerate(_each_bar(chords, n_bars)):
        for start in np.arange(0, 4, rhythm[1]):
            for semitones in kind:
                pitch = (root + semitones) % 12 if rng.random() < 0.7 else root + semitones
                found.append((4 * bar + float(start), rhythm[1], pitch, 0.6))
            if rng.random() < 0.7:
                found.append((4 * bar + float(start), rhythm[1], root - 24, 0.8))
    return found


def _play_arpeggio(
    chords: Sequence[Chord], scale: Sequence[int], n_bars: int, rng: np.random.Generator
) -> Notes:
    found: Notes = []
    for bar, (root, kind) in enumerate(_each_bar(chords, n_bars)):
        steps = [*kind, 12, *kind[::-1]]
        found += [(4 * bar + i / 2, 0.75, root + steps[i % len(steps)], 0.7) for i in range(8)]
    return found


def _play_bass_and_tune(
    chords: Sequence[Chord], scale: Sequence[int], n_bars: int, rng: np.random.Generator
) -> Notes:
    found: Notes = []
    for bar, (root, kind) in enumerate(_each_bar(chords, n_bars)):
        found += [(4 * bar + i, 1.0, root - 24, 0.9) for i in range(4) if rng.random() < 0.8]
        for beat in range(4):
            of_chord = [root + s for s in kind]
            of_scale = [s + 12 * int(rng.integers(0, 2)) for s in scale]
            pool = of_chord if beat % 2 == 0 else of_scale
            found.append((4 * bar + beat, 1.0, int(rng.choice(pool)), 0.7))
    return found


def _play_tune(
    chords: Sequence[Chord], scale: Sequence[int], n_bars: int, rng: np.random.Generator
) -> Notes:
    """Walk along the scale with some leaps, from a note of the tonic's chord to the tonic."""
    ladder = [s + 12 * octave for octave in (-1, 0, 1) for s in scale]
    home = len(scale)
    place, beat, found = home + int(rng.choice([0, 2, 4])), 0.0, []
    while beat < 4 * n_bars - 2:
        beats = float(rng.choice([0.5, 1.0, 1.0, 2.0]))
        found.append((beat, beats, ladder[place], 0.7))
        beat += beats
        step = int(rng.choice([-3, -2, -1, -1, 1, 1, 2, 3])) + (1 if place < home - 3 else 0)
        place = int(np.clip(place + step - (place > home + 8), 0, len(ladder) - 1))
    return [*found, (beat, 2.0, ladder[home], 0.8)]


KINDS = {
    "chords": _play_chords,
    "arpeggio": _play_arpeggio,
    "bass and tune": _play_bass_and_tune,
    "tune": _play_tune,
}


def _perform(
    notes: Notes, tuned: float, beat_s: float, n_bars: int, play: Play, rng: np.random.Generator
) -> Sound:
    length_s = max(beat + beats for beat, beats, _, _ in notes) * beat_s
    mix = np.zeros(round((length_s + 0.3) * RATE))
    for beat, beats, pitch, level in notes:
        hz = 440 * 2 ** ((60 + pitch + tuned - 69) / 12)
        sound = level * play(hz, beats * beat_s + 0.1, rng)
        place = round(beat * beat_s * RATE)
        stop = min(len(mix), place + len(sound))
        mix[place:stop] += sound[: stop - place]
    return mix


def _mix_drums(
    music: Sound, level_db: float, beat_s: float, rng: np.random.Generator, shots: OneShots
) -> Sound:
    styles = [
        s for s in STYLES if not {"bass", "pluck", "pad"} & s.patterns.keys() and s.beats == 4
    ]
    loop = make_loop(styles[int(rng.integers(len(styles)))], rng, shots).samples
    drums = np.resize(loop, len(music))
    gain = 10 ** (level_db / 20) * np.sqrt(np.square(music).mean() / np.square(drums).mean())
    return np.asarray(music + gain * drums)


def _make_note(play: Play, rng: np.random.Generator) -> Sound:
    return play(440 * 2 ** (rng.uniform(-30, 20) / 12), rng.uniform(2.1, 5), rng)


def _make_row(play: Play, rng: np.random.Generator) -> Sound:
    """Make all twelve tones, each once, then again in another order."""
    pitches = [*rng.permutation(12), *rng.permutation(12)]
    notes = [
        (i / 2, 0.5, int(p) + 12 * int(rng.integers(-1, 2)), 0.7) for i, p in enumerate(pitches)
    ]
    return _perform(notes, rng.uniform(-0.5, 0.5), 60 / rng.uniform(80, 160), 3, play, rng)


def _make_cluster(play: Play, rng: np.random.Generator) -> Sound:
    """Make tones at frequencies of no scale, as of machines and drones."""
    seconds = rng.uniform(2.1, 8)
    tones = [play(float(hz), seconds, rng) for hz in np.exp(rng.uniform(4.5, 7, 7))]
    length = min(map(len, tones))
    return np.asarray(sum(tone[:length] for tone in tones))


def _add_partials(
    hz: float, t: Sound, weigh: Callable[[int], float], rng: np.random.Generator,
    stiffness: float = 0.0,
) -> Sound:  # fmt: skip
    sound = np.zeros(len(t))
    for k in range(1, 1 + min(24, int(0.45 * RATE / hz))):
        partial = k * hz * np.sqrt(1 + stiffness * k * k)
        if weigh(k) and partial < 0.45 * RATE:
            sound += weigh(k) * np.sin(2 * np.pi * (partial * t + rng.random()))
    return sound


def _times(seconds: float) -> Sound:
    return np.arange(round(seconds * RATE)) / RATE


def _shape(sound: Sound, t: Sound, attack_s: float, fall: float) -> Sound:
    release = np.minimum(1, (t[-1] - t) / min(0.05, t[-1] / 4))
    return np.asarray(sound * np.minimum(1, t / attack_s) * np.exp(-fall * t) * release)


def _play_piano(hz: float, seconds: float, rng: np.random.Generator) -> Sound:
    t = _times(seconds)
    return _shape(_add_partials(hz, t, lambda k: k**-1.4, rng, 3e-4), t, 0.004, 1.5)


def _play_saw(hz: float, seconds: float, rng: np.random.Generator) -> Sound:
    t = _times(seconds)
    return _shape(_add_partials(hz, t, lambda k: 0.6 / k, rng), t, 0.02, 0.1)


def _play_organ(hz: float, seconds: float, rng: np.random.Generator) -> Sound:
    t = _times(seconds)
    weights = {1: 1.0, 2: 0.8, 3: 0.6, 4: 0.5, 6: 0.3, 8: 0.3}
    return _shape(_add_partials(hz, t, lambda k: weights.get(k, 0.0), rng), t, 0.01, 0.0)


def _play_pluck(hz: float, seconds: float, rng: np.random.Generator) -> Sound:
    t = _times(seconds)
    at = rng.uniform(0.1, 0.4)
    sound = sum(
        np.sin(np.pi * k * at) / k * np.exp(-(2 + k) * t) * np.sin(2 * np.pi * k * hz * t)
        for k in range(1, 1 + min(20, int(0.45 * RATE / hz)))
    )
    return _shape(np.asarray(sound), t, 0.002, 0.5)


def _play_square(hz: float, seconds: float, rng: np.random.Generator) -> Sound:
    t = _times(seconds)
    return _shape(_add_partials(hz, t, lambda k: (k % 2) / k, rng), t, 0.005, 1.0)


def _play_strings(hz: float, seconds: float, rng: np.random.Generator) -> Sound:
    t = _times(seconds)
    depth = 2 ** (rng.uniform(8, 25) / 1200) - 1
    turns = hz * (t + depth * np.sin(2 * np.pi * 5.5 * t) / (2 * np.pi * 5.5))
    partials = range(1, 1 + min(12, int(0.4 * RATE / hz)))
    sound = sum(np.sin(2 * np.pi * (k * turns + rng.random())) / k for k in partials)
    return _shape(np.asarray(sound), t, 0.08, 0.0)


def _play_electric(hz: float, seconds: float, rng: np.random.Generator) -> Sound:
    """Make a tone by frequency modulation, as electric pianos are made."""
    t = _times(seconds)
    index = 2 * np.exp(-3 * t)
    sound = np.sin(2 * np.pi * hz * t + index * np.sin(2 * np.pi * hz * t))
    return _shape(sound + 0.2 * np.sin(2 * np.pi * 14 * hz * t) * np.exp(-20 * t), t, 0.003, 1.2)


def _play_voice(hz: float, seconds: float, rng: np.random.Generator) -> Sound:
    t = _times(seconds)
    turns = hz * t + rng.uniform(0.05, 0.2) * np.sin(2 * np.pi * 5 * t)
    formants = rng.uniform((300, 900), (800, 2400))
    sound = np.zeros(len(t))
    for k in range(1, 1 + min(24, int(0.4 * RATE / hz))):
        weight = sum(1 / (1 + np.square((k * hz - formant) / 150)) for formant in formants)
        sound += (weight + 0.05) / np.sqrt(k) * np.sin(2 * np.pi * k * turns)
    return _shape(sound + 0.02 * rng.standard_normal(len(t)), t, 0.05, 0.0)


TIMBRES: dict[str, Play] = {
    "piano": _play_piano,
    "saw": _play_saw,
    "organ": _play_organ,
    "plucked string": _play_pluck,
    "strings": _play_strings,
}
HELD_OUT_TIMBRES: dict[str, Play] = {
    "square": _play_square,
    "electric piano": _play_electric,
    "voice": _play_voice,
    "piano": _play_piano,
    "saw": _play_saw,
}
