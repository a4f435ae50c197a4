"""What musicians call pitches and keys.

A key is a number where it is stored and compared: 0-11 are the major keys from C on, 12-23 the
minor ones.
"""

from __future__ import annotations

import math
import re

from soundkin.errors import QueryError

A4_HZ = 440.0
STEPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
N_STEPS = len(STEPS)
# As keys are mostly spelt, with the fewer sharps or flats.
MAJOR_TONICS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MINOR_TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
KEYS = (
    *(f"{tonic} major" for tonic in MAJOR_TONICS),
    *(f"{tonic} minor" for tonic in MINOR_TONICS),
)
FIFTH = 7
MINOR_THIRD = 3
SPELT = re.compile(
    r"([A-Ga-g])\s*(#|♯|b|♭|[ -]?sharp|[ -]?flat)?\s*((?i:major|maj)|M|(?i:minor|min)|m)?"
)


def name_note(hz: float) -> str | None:
    """Name the note nearest to a pitch, and how far off it is: `A3 +12 cents`.

    Notes are those of equal temperament with A4 at 440 Hz; C4 is middle C. None for what is no
    pitch, as a damaged library may hold.
    """
    if not 0 < hz < math.inf:
        return None
    cents = round(1200 * math.log2(hz / A4_HZ)) + 6900  # from C-1, MIDI's note 0
    note = (cents + 50) // 100
    octave, step = divmod(note, N_STEPS)
    off = cents - 100 * note
    return f"{STEPS[step]}{octave - 1}" + (f" {off:+} cents" if off else "")


def name_key(number: float) -> str | None:
    """Name a key: `A minor`. None for what is no key, as a damaged library may hold."""
    is_key = 0 <= number < len(KEYS) and number == int(number)
    return KEYS[int(number)] if is_key else None


def read_key(text: str) -> int:
    """Read a key as people write it: `A minor`, `Am`, `Bb`, `f# min`; one without a mode is major.

    Raises
    ------
    QueryError
        It is none.
    """
    spelt = SPELT.fullmatch(text.strip())
    if spelt is None:
        raise QueryError(f"{text!r:.40} is no key; give e.g. 'A minor', Am, 'F# major' or Bb")
    tonic, sign, mode = spelt[1].upper(), spelt[2] or "", spelt[3] or ""
    step = STEPS.index(tonic)
    if sign:
        step += 1 if sign in "#♯" or "sharp" in sign else -1
    is_minor = mode == "m" or mode.lower().startswith("min")
    return step % N_STEPS + N_STEPS * is_minor


def transpose_key(number: float, semitones: int) -> float:
    """Move a key up by semitones."""
    mode, tonic = divmod(number, N_STEPS)
    return mode * N_STEPS + (tonic + semitones) % N_STEPS


def count_key_steps(first: float, second: float) -> float:
    """Count the steps between two keys: 1 to the one a fifth away, 1 to the relative one.

    The circle of fifths has relative keys at one place, as those who mix music by keys have it.
    """
    places = [_place_on_circle(number) for number in (first, second)]
    around = (places[0] - places[1]) % N_STEPS
    return min(around, N_STEPS - around) + ((first < N_STEPS) != (second < N_STEPS))


def _place_on_circle(number: float) -> float:
    major = number if number < N_STEPS else number + MINOR_THIRD
    return (major * FIFTH) % N_STEPS
