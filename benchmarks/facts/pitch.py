"""Is the pitch of notes told right, within 50 cents?

python -m benchmarks.facts.pitch [--corpus FOLDER] [--notes 40] [--seed 1]
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from benchmarks.facts.notes import Note, make_notes, read_notes
from benchmarks.facts.peers import measure_facts

WITHIN = 0.5  # semitones
WORDS = ("right", "octave", "wrong", "none")


def judge(told_hz: float | None, note: Note) -> str:
    """Say what a told pitch is beside the note's."""
    if told_hz is None:
        return "none"
    off = 69 + 12 * np.log2(told_hz / 440) - note.midi
    within_octave = abs((off + 6) % 12 - 6) <= WITHIN
    if abs(off) <= WITHIN or (within_octave and not note.has_octave):
        return "right"
    return "octave" if within_octave else "wrong"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--notes", type=int, default=40, help="made ones of each kind")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    notes = make_notes(options.notes, options.seed)
    notes += read_notes(options.corpus) if options.corpus else []
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for note in notes:
        word = judge(measure_facts(note.samples).pitch_hz, note)
        rows[note.kind][word] += 1
        rows["all"][word] += 1
    print(f"{'':26}" + "  ".join(f"{word:>6}" for word in WORDS))
    for kind, found in rows.items():
        print(f"{kind:26}" + "  ".join(f"{found[word]:6}" for word in WORDS))


if __name__ == "__main__":
    main()
