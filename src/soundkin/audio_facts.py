"""A sound in plain numbers: what each is called, how it is written, how close two sounds are.

A fact is described once, by its row of `FACTS` and its field of `Facts`; whatever filters, weighs,
colours, checks or shows facts goes by these.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from soundkin.errors import QueryError
from soundkin.notation import KEYS, count_key_steps, name_key, name_note, transpose_key


@dataclass(frozen=True)
class Facts:
    """A sound in plain numbers; None where there is nothing to measure, as in silence.

    `loudness_lufs` is the integrated loudness by ITU-R BS.1770 of all channels mixed to one;
    `brightness_hz` the spectral centroid, louder moments counting more; `pitch_hz` the pitch that
    a share `pitch_confidence` (0-1) of the sound has; `tempo_bpm` the tempo of a beat that is as
    regular as `tempo_confidence` (0-1); `key_number` the key, 0-11 major from C on, 12-23 minor
    (`soundkin.notation.KEYS` has their names), and `key_confidence` (0-1) how likely it is that
    one; `onsets_per_s` how many sounds begin in a second, one
    shorter than a second counting as a second; `flatness` how flat the spectrum is, from 0, a tone,
    to 1, white noise, louder moments counting more. `sound_from_s` and `sound_to_s` are where a
    recording of up to 20 s begins and ends to sound; its segments lie there. A sound that was heard
    slowed down has its own Hz, BPM and seconds all the same; its loudness is that of the slowed
    sound, to ears that hear no ultrasound.
    """

    loudness_lufs: float | None = None
    brightness_hz: float | None = None
    pitch_hz: float | None = None
    pitch_confidence: float | None = None
    tempo_bpm: float | None = None
    tempo_confidence: float | None = None
    onsets_per_s: float | None = None
    flatness: float | None = None
    sound_from_s: float | None = None
    sound_to_s: float | None = None
    key_number: float | None = None
    key_confidence: float | None = None

    @property
    def sound_s(self) -> tuple[float, float] | None:
        """Where it begins and ends to sound, in seconds; None where that was not looked for."""
        if self.sound_from_s is None or self.sound_to_s is None:
            return None
        return self.sound_from_s, self.sound_to_s


def undo_slowing(facts: Facts, slow: float, duration_s: float) -> Facts:
    """Bring what was measured of a sound heard `slow` times slower to its own Hz and seconds.

    `duration_s` is the sound's own.
    """
    if slow == 1:
        return facts
    onsets = facts.onsets_per_s
    if onsets is not None:  # counted a second, of what is shorter too
        onsets *= max(1.0, duration_s * slow) / max(1.0, duration_s)
    key = facts.key_number
    if key is not None:
        key = transpose_key(key, round(12 * math.log2(slow)))
    return dataclasses.replace(
        facts,
        brightness_hz=_multiply(facts.brightness_hz, slow),
        pitch_hz=_multiply(facts.pitch_hz, slow),
        tempo_bpm=_multiply(facts.tempo_bpm, slow),
        onsets_per_s=onsets,
        sound_from_s=_multiply(facts.sound_from_s, 1 / slow),
        sound_to_s=_multiply(facts.sound_to_s, 1 / slow),
        key_number=key,
    )


def _multiply(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


FACT_COLUMNS = tuple(field.name for field in dataclasses.fields(Facts))
FACTS_VERSION = 3  # of how they are measured: what has an older one is measured once more


@dataclass(frozen=True)
class Scale:
    """How far apart two values are, and whether equal steps are equal wherever they lie."""

    measure: Callable[[float, float], float]
    is_even: bool


def _count_octaves(a: float, b: float) -> float:
    return abs(math.log2(a / b))


def _count_octaves_but_whole(a: float, b: float) -> float:
    octaves = _count_octaves(a, b)
    return abs(octaves - round(octaves))


EVEN = Scale(lambda a, b: abs(a - b), is_even=True)
OCTAVES = Scale(_count_octaves, is_even=False)
OCTAVES_FROM_ONE = Scale(lambda a, b: _count_octaves(1 + a, 1 + b), is_even=False)  # 0 is a value
TEMPI = Scale(_count_octaves_but_whole, is_even=True)  # half and double time are the same
KEY_STEPS = Scale(count_key_steps, is_even=True)

MAX_HZ = 5e6  # half of any sample rate
SHARE = (-1e-6, 1 + 1e-6)


@dataclass(frozen=True)
class Fact:
    """One fact that sounds are filtered by and compared in.

    Parameters
    ----------
    name
        What a person calls it.
    column
        Its field of `Facts`, in JSON and in tables.
    title, unit
        As the page and the API write them.
    sign
        The unit where there is little room.
    text
        A value with its unit, as a format.
    help
        The name with its unit, for help texts.
    range
        Beyond what any sound has; what lies beyond is damage.
    scale
        What tells two values apart.
    half_at
        The distance on that scale at which closeness has fallen to a half.
    step
        What the page's fields count in; None where any number will do.
    of_every_sound
        Whether only silence is without it.
    name_value
        What people call a value, as the note of a pitch; None where it is but a number.
    kinds
        What the values 0, 1, 2 … are called where they are kinds and no amounts, of which none is
        more than another.
    """

    name: str
    column: str
    title: str
    unit: str
    sign: str
    text: str
    help: str
    range: tuple[float, float]
    scale: Scale
    half_at: float
    step: float | None = None
    of_every_sound: bool = True
    name_value: Callable[[float], str | None] | None = None
    kinds: tuple[str, ...] = ()

    def name_of(self, value: float | None) -> str | None:
        """Say what people call a value; None where there is none, or no name for it."""
        return None if value is None or self.name_value is None else self.name_value(value)


_TABLE = (
    Fact(
        name="loudness",
        column="loudness_lufs",
        title="Loudness",
        unit="LUFS",
        sign="LUFS",
        text="{:.0f} LUFS",
        help="loudness (LUFS)",
        range=(-400.0, 400.0),
        scale=EVEN,  # a logarithm already
        half_at=6.0,
    ),
    Fact(
        name="brightness",
        column="brightness_hz",
        title="Brightness",
        unit="Hz",
        sign="Hz",
        text="{:.0f} Hz",
        help="brightness (Hz)",
        range=(0.0, MAX_HZ),
        scale=OCTAVES,
        half_at=0.5,
    ),
    Fact(
        name="pitch",
        column="pitch_hz",
        title="Pitch",
        unit="Hz",
        sign="Hz",
        text="{:.0f} Hz",
        help="pitch (Hz)",
        range=(0.0, MAX_HZ),
        scale=OCTAVES,
        half_at=2 / 12,
        of_every_sound=False,
        name_value=name_note,
    ),
    Fact(
        name="tempo",
        column="tempo_bpm",
        title="Tempo",
        unit="BPM",
        sign="BPM",
        text="{:.0f} bpm",
        help="tempo (BPM)",
        range=(0.0, 1e5),
        scale=TEMPI,
        half_at=0.05,
        of_every_sound=False,
    ),
    Fact(
        name="key",
        column="key_number",
        title="Key",
        unit="",
        sign="",
        text="{:.0f}",
        help="key",
        range=(0.0, len(KEYS) - 1.0),
        scale=KEY_STEPS,
        half_at=1.0,
        of_every_sound=False,
        name_value=name_key,
        kinds=KEYS,
    ),
    Fact(
        name="onsets",
        column="onsets_per_s",
        title="Onsets",
        unit="per second",
        sign="/s",
        text="{:.1f} a second",
        help="onsets (a second)",
        range=(0.0, 1e5),
        scale=OCTAVES_FROM_ONE,
        half_at=0.5,
    ),
    Fact(
        name="flatness",
        column="flatness",
        title="Flatness",
        unit="",
        sign="",
        text="{:.2f}",
        help="flatness (0 a tone, 1 noise)",
        range=SHARE,
        scale=EVEN,
        half_at=0.1,
        step=0.01,
    ),
)
FACTS = {fact.name: fact for fact in _TABLE}
AMOUNTS = {fact.name: fact for fact in _TABLE if not fact.kinds}  # have a least and a most

# What is no fact by itself is a confidence, or a time.
COLUMN_RANGES = (
    dict.fromkeys(FACT_COLUMNS, SHARE)
    | dict.fromkeys(("sound_from_s", "sound_to_s"), (-1.0, 1e9))
    | {fact.column: fact.range for fact in _TABLE}
)


@dataclass(frozen=True)
class Comparison:
    """One fact of a query beside that of a hit, and how close they are, 0-1."""

    fact: str
    query: float | None
    hit: float | None
    closeness: float


def compare_facts(query: Facts, hit: Facts) -> tuple[Comparison, ...]:
    """Compare every fact of two sounds."""
    return tuple(
        Comparison(
            name,
            getattr(query, fact.column),
            getattr(hit, fact.column),
            compute_closeness(name, query, hit),
        )
        for name, fact in FACTS.items()
    )


def compute_closeness(name: str, first: Facts, second: Facts) -> float:
    """Compute how close two sounds are in one fact: 1 the same, halved with each `half_at`.

    Two sounds without it, as two noises without pitch, are the same; one with and one without are
    0 close.
    """
    fact = FACTS[name]
    a, b = getattr(first, fact.column), getattr(second, fact.column)
    if a is None or b is None:
        return float(a is b)
    return float(0.5 ** (fact.scale.measure(a, b) / fact.half_at))


def blend(score: float, query: Facts, hit: Facts, weights: Mapping[str, float]) -> float:
    """Average a score, weighing 1, with the closeness of facts by their weights."""
    total = score + sum(w * compute_closeness(name, query, hit) for name, w in weights.items())
    return total / (1 + sum(weights.values()))


def check_weights(weights: Mapping[str, float]) -> None:
    """Refuse weights that mean nothing.

    Raises
    ------
    QueryError
        There is no such fact, or a weight is no number from 0 on.
    """
    for name, weight in weights.items():
        if name not in FACTS:
            raise QueryError(f"no fact {name!r} to weigh; there are {', '.join(FACTS)}")
        if not 0 <= weight < math.inf:
            raise QueryError(f"the weight of {name} must be 0 or more, not {weight:g}")
