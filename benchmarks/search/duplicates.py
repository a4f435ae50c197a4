"""How surely copies are told from other takes: copies made in many ways, and takes that are none.

    python -m benchmarks.search.duplicates SOUNDS... [--n-sounds 300] [--others FOLDER_OR_LIBRARY]

Of each of some sounds drawn from the folders every copy of `copies.VARIANTS` is made and indexed.
A copy counts as found where it is in the group of its original. Groups of copies of more than one
original, and all groups among the `--others`, whose recordings are none of each other as far as
their collectors knew, are listed, to be listened to: collections hold copies too.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.search.copies import VARIANTS, write_copy
from soundkin import Library, find_duplicates, index_folders
from soundkin.errors import SoundkinError
from soundkin.search.duplicates.groups import DuplicateGroup

ENDINGS = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff"}
SHORT_S, LONG_S = (0.05, 10.0), (21.0, 60.0)
LONG_SHARE = 0.04
LISTED = 40


def draw_sounds(folders: list[Path], n_sounds: int, seed: int) -> list[Path]:
    """Draw short sounds, and a few long ones, whose segments lie on a grid."""
    generator = np.random.default_rng(seed)
    files = sorted(f for folder in folders for f in folder.rglob("*") if f.suffix in ENDINGS)
    left = {SHORT_S: round(n_sounds * (1 - LONG_SHARE)), LONG_S: round(n_sounds * LONG_SHARE)}
    drawn = []
    for place in generator.permutation(len(files)).tolist():
        try:
            seconds = soundfile.info(files[place]).duration
        except soundfile.LibsndfileError:
            continue
        for (least, most), n_left in left.items():
            if least <= seconds <= most and n_left:
                left[least, most] -= 1
                drawn.append(files[place])
        if not any(left.values()):
            break
    return drawn


def make_copies(sounds: list[Path], folder: Path) -> None:
    """Write each sound, as 16 bits, and all copies of it: `SOUND/original.wav`, `SOUND/00.wav`."""
    for number, path in enumerate(sounds):
        samples, rate = soundfile.read(path, always_2d=True, dtype="float32")
        samples = np.clip(samples, -1, 1)
        own = folder / f"{number:04}"
        own.mkdir()
        soundfile.write(own / "original.wav", samples, rate, subtype="PCM_16")
        for place, name in enumerate(VARIANTS):
            write_copy(name, samples, rate, own, f"{place:02}")


def index(folder: Path, library: Path) -> None:
    """Index a folder."""
    started = time.perf_counter()
    with Library.open(library, create=True) as opened:
        report = index_folders(opened, [folder])
    print(f"{report.n_added} indexed in {time.perf_counter() - started:.0f} s", flush=True)


def find(library: Path) -> list[DuplicateGroup]:
    """Find all groups, and say how long that took."""
    with Library.open(library) as opened:
        n_recordings = opened.count().n_recordings
        started = time.perf_counter()
        groups = find_duplicates(opened)
    took_s = time.perf_counter() - started
    print(f"{len(groups)} groups among {n_recordings} recordings in {took_s:.1f} s", flush=True)
    return groups


def report_copies(groups: list[DuplicateGroup], sounds: list[Path], paths: list[Path]) -> None:
    """Print the share of copies that are found, by their kind."""
    members = [{Path(r.path) for r in group.recordings} for group in groups]
    home = {path: number for number, group in enumerate(members) for path in group}
    found, n_all = Counter[str](), Counter[str]()
    for path in paths:
        if path.stem == "original":
            continue
        name = list(VARIANTS)[int(path.stem)]
        n_all[name] += 1
        own = home.get(path)
        found[name] += own is not None and own == home.get(path.parent / "original.wav")
    for name in VARIANTS:
        print(f"{name:34}{found[name] / max(1, n_all[name]):7.3f}  of {n_all[name]}")
    print(f"{'all':34}{sum(found.values()) / max(1, sum(n_all.values())):7.3f}")
    mixed = [sorted({path.parent.name for path in group}) for group in members]
    mixed = [names for names in mixed if len(names) > 1]
    print(f"groups with more than one original: {len(mixed)}")
    for names in mixed[:LISTED]:
        print("  ", *(sounds[int(name)] for name in names))


def report_others(groups: list[DuplicateGroup]) -> None:
    """List groups among recordings that are thought to be different."""
    by_size = Counter(len(group.recordings) for group in groups)
    print("groups by size:", dict(sorted(by_size.items())))
    distances = defaultdict(list)
    for group in groups:
        for recording, difference in zip(group.recordings[1:], group.differences[1:], strict=True):
            distance = (difference and difference.distance_db) or 0.0
            distances[round(distance, 1)].append((group.recordings[0].path, recording.path))
    for distance in sorted(distances, reverse=True):
        for first, other in distances[distance][:LISTED]:
            print(f"{distance:.1f} dB\t{first}\t{other}")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("sounds", nargs="+", type=Path)
    parser.add_argument("--n-sounds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--others", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        sounds = draw_sounds(options.sounds, options.n_sounds, options.seed)
        (work / "copies").mkdir()
        make_copies(sounds, work / "copies")
        index(work / "copies", work / "copies.sqlite")
        paths = sorted(path for path in (work / "copies").rglob("*.*") if path.is_file())
        report_copies(find(work / "copies.sqlite"), sounds, paths)
        if options.others is not None:
            others = options.others
            if others.is_dir():
                index(others, work / "others.sqlite")
                others = work / "others.sqlite"
            report_others(find(others))


if __name__ == "__main__":
    try:
        main()
    except SoundkinError as error:
        raise SystemExit(str(error)) from error
