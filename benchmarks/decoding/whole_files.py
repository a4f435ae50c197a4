"""Is every second of every file heard? Held against a whole decode by FFmpeg, file by file.

    python -m benchmarks.decoding.whole_files FOLDER... [--tolerance 0.1]

Prints, for each ending: files, hours, seconds that soundkin has fewer than FFmpeg (lost) or more
(gained), warnings, and warnings where nothing is missing (false). Files that only one of the two
reads are listed, as are the ten that lose most.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import av

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
    n_warnings: int = 0
    n_false: int = 0
    only_one: list[str] = field(default_factory=list)


def measure_ours(path: str) -> tuple[float, str | None] | None:
    """Decode by soundkin: seconds, and the warning if any; None where it cannot be read."""
    try:
        with open_decoder(path) as decoder:
            n_samples = sum(map(len, decoder.decode_from(0)))
            return n_samples / decoder.info.sample_rate, decoder.warning
    except SoundkinError:
        return None


def measure_ffmpeg(path: str) -> float | None:
    """Decode the first sound stream by FFmpeg, packet by packet; None where it cannot be read."""
    try:
        with av.open(path, metadata_errors="ignore") as container:
            seconds = 0.0
            for packet in container.demux(container.streams.audio[0]):
                try:
                    seconds += sum(frame.samples / frame.sample_rate for frame in packet.decode())
                except av.error.InvalidDataError:
                    continue
            return seconds or None
    except (av.error.FFmpegError, IndexError, ValueError):
        return None


def compare(path: str, row: Row, tolerance_s: float) -> float:
    """Compare both on a file; returns the seconds lost."""
    ours, theirs = measure_ours(path), measure_ffmpeg(path)
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
    row.n_warnings += warning is not None
    row.n_false += warning is not None and abs(difference) <= tolerance_s
    return max(0.0, difference)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--tolerance", type=float, default=0.1, help="seconds that codecs pad")
    options = parser.parse_args()
    rows: defaultdict[str, Row] = defaultdict(Row)
    losses: list[tuple[float, str]] = []
    for folder in options.folders:
        for found in walk_audio(folder):
            if isinstance(found, FoundFile):
                row = rows[Path(found.path).suffix.lower()]
                losses.append((compare(found.path, row, options.tolerance), found.path))
    print("| ending | files | hours | lost s | gained s | warnings | false |")
    print("|---|---|---|---|---|---|---|")
    for ending, row in sorted(rows.items()):
        numbers = (
            f"{row.n_files} | {row.heard_s / 3600:.2f} | {row.lost_s:.1f} | {row.gained_s:.1f}"
        )
        print(f"| {ending} | {numbers} | {row.n_warnings} | {row.n_false} |")
    for line in [line for row in rows.values() for line in row.only_one][:20]:
        print(line)
    for seconds, path in sorted(losses, reverse=True)[:10]:
        if seconds > options.tolerance:
            print(f"{seconds:.2f} s lost: {path}")


if __name__ == "__main__":
    main()
