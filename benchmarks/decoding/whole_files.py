"""Is every second of every file heard? Held against a whole decode by FFmpeg, file by file.

    python -m benchmarks.decoding.whole_files FOLDER... [--tolerance 0.1]

Prints, for each ending: files, hours, seconds that soundkin has fewer than FFmpeg (lost) or more
(gained), warnings, and warnings where nothing is missing (false). Each warning is listed, as are
files that only one of the two reads, and the ten that lose most.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.decoding.referee import Referee
from soundkin import SoundkinError
from soundkin.audio.decoders.open import open_decoder
from soundkin.audio.walk import FoundFile, walk_audio


@dataclass
class Row:
    """What was found of the files with one ending."""

    n_files: int = 0
    heard_s: float = 0.0
    lost_s: float = 0.0
    gained_s: float = 0.0
    n_false: int = 0
    warnings: list[str] = field(default_factory=list)
    only_one: list[str] = field(default_factory=list)


def measure_ours(path: str) -> tuple[float, str | None] | None:
    """Decode by soundkin: seconds, and the warning if any; None where it cannot be read."""
    try:
        with open_decoder(path) as decoder:
            n_samples = sum(map(len, decoder.decode_from(0)))
            return n_samples / decoder.info.sample_rate, decoder.warning
    except SoundkinError:
        return None


def compare(path: str, row: Row, tolerance_s: float, referee: Referee) -> float:
    """Compare both on a file; returns the seconds lost."""
    ours, verdict = measure_ours(path), referee.judge(path)
    theirs = None if verdict is None else verdict.seconds
    row.n_files += 1
    if ours is None or theirs is None:
        if (ours is None) != (theirs is None):
            row.only_one.append(f"{path}: only {'FFmpeg' if ours is None else 'soundkin'}")
        return 0.0
    seconds, warning = ours
    difference = theirs - seconds
    row.heard_s += seconds
    row.lost_s += max(0.0, difference) if difference > tolerance_s else 0.0
    row.gained_s += max(0.0, -difference) if -difference > tolerance_s else 0.0
    if warning is not None:
        is_false = abs(difference) <= tolerance_s
        row.n_false += is_false
        row.warnings.append(f"{path}: {warning}{' (nothing is missing)' if is_false else ''}")
    return max(0.0, difference)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--tolerance", type=float, default=0.1, help="seconds that codecs pad")
    options = parser.parse_args()
    rows: defaultdict[str, Row] = defaultdict(Row)
    losses: list[tuple[float, str]] = []
    with Referee() as referee:
        for found in (found for folder in options.folders for found in walk_audio(folder)):
            if isinstance(found, FoundFile):
                row = rows[Path(found.path).suffix.lower()]
                lost_s = compare(found.path, row, options.tolerance, referee)
                losses.append((lost_s, found.path))
                if len(losses) % 1000 == 0:
                    print(f"{len(losses)} files", file=sys.stderr)
    print("| ending | files | hours | lost s | gained s | warnings | false |")
    print("|---|---|---|---|---|---|---|")
    for ending, row in sorted(rows.items()):
        numbers = (
            f"{row.n_files} | {row.heard_s / 3600:.2f} | {row.lost_s:.1f} | {row.gained_s:.1f}"
        )
        print(f"| {ending} | {numbers} | {len(row.warnings)} | {row.n_false} |")
    for line in [line for row in rows.values() for line in row.warnings + row.only_one]:
        print(line)
    for seconds, path in sorted(losses, reverse=True)[:10]:
        if seconds > options.tolerance:
            print(f"{seconds:.2f} s lost: {path}")


if __name__ == "__main__":
    main()
