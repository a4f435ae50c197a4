"""Recordings of the world from public repositories, at the commits that repositories.csv names.

    python -m corpus.repositories OUTPUT [--most 300] [--max-s 45]

Needs git, and a network. Writes OUTPUT/REPOSITORY/NUMBER.flac, each mono and cut to its middle
where it is longer, and OUTPUT/manifest.csv (file, repository, path, licence_class) for crediting.
Of a repository with more recordings `most` are drawn at random. What cannot be fetched is said and
left out. `soundkin train` takes OUTPUT as one more folder; names carry nothing into training.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from corpus.build import MIN_S
from soundkin.audio.read import probe_audio, read_audio
from soundkin.audio.walk import FoundFile, walk_audio
from soundkin.errors import AudioError
from soundkin.system.files import hash_file

HOST = "https://github.com/"


@dataclass(frozen=True)
class Source:
    """A repository at a commit; `licence_class` is A (audio stated free), A- (mixed) or B."""

    repository: str
    commit: str
    licence_class: str

    @property
    def folder(self) -> str:
        """What its folder is called."""
        return self.repository.replace("/", "_")


def read_sources(path: Path) -> list[Source]:
    """Read the list of repositories."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Source(row["repository"], row["commit"], row["licence_class"])
            for row in csv.DictReader(file)
        ]


def fetch(source: Source, folder: Path, host: str = HOST) -> bool:
    """Check a repository out at its commit, without its history; False where that fails."""
    steps = (
        ["init", "-q"],
        ["fetch", "-q", "--depth", "1", f"{host}{source.repository}", source.commit],
        ["checkout", "-q", "FETCH_HEAD"],
    )
    for step in steps:
        done = subprocess.run(
            ["git", "-C", folder, *step], capture_output=True, text=True, check=False
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["git failed"])[-1]
            print(f"{source.repository}: left out: {reason}", file=sys.stderr)
            return False
    return True


def take_recordings(
    checkout: Path, target: Path, most: int, max_s: float, seen: set[bytes]
) -> Iterator[tuple[Path, str]]:
    """Write up to `most` recordings, drawn at random; yields each and where it stood."""
    found = [one.path for one in walk_audio(str(checkout)) if isinstance(one, FoundFile)]
    n_taken = 0
    for place in np.random.default_rng(0).permutation(len(found)).tolist():
        digest = hash_file(found[place])
        if digest in seen:
            continue
        seen.add(digest)
        path = target / f"{n_taken:05}.flac"
        if _take(Path(found[place]), path, max_s):
            n_taken += 1
            yield path, str(Path(found[place]).relative_to(checkout))
        if n_taken == most:
            return


def _take(source: Path, target: Path, max_s: float) -> bool:
    """Write a recording's middle; False where it is of no use."""
    try:
        info = probe_audio(source)
        if info.duration_s is None or info.duration_s < MIN_S:
            return False
        start_s = max(0.0, (info.duration_s - max_s) / 2)
        waveform = read_audio(source, info.sample_rate, start_s, start_s + max_s)
        soundfile.write(target, np.clip(waveform, -1, 1), info.sample_rate)
    except AudioError as error:
        print(f"  left out: {error}", file=sys.stderr)
        return False
    return True


def build(
    sources: list[Source], output: Path, most: int, max_s: float, host: str = HOST
) -> list[tuple[str, str, str, str]]:
    """Fetch all sources and write their recordings and the manifest; returns its rows."""
    seen: set[bytes] = set()
    rows: list[tuple[str, str, str, str]] = []
    for source in sources:
        target = output / source.folder
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as name:
            if not fetch(source, Path(name), host):
                continue
            for path, origin in take_recordings(Path(name), target, most, max_s, seen):
                file = str(path.relative_to(output))
                rows.append((file, source.repository, origin, source.licence_class))
        print(f"{source.repository}: {sum(row[1] == source.repository for row in rows)} recordings")
    with (output / "manifest.csv").open("w", newline="", encoding="utf-8") as manifest:
        writer = csv.writer(manifest)
        writer.writerow(["file", "repository", "path", "licence_class"])
        writer.writerows(rows)
    return rows


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--most", type=int, default=300, help="recordings of one repository")
    parser.add_argument("--max-s", type=float, default=45.0, help="seconds of one recording")
    listed = Path(__file__).with_name("repositories.csv")
    parser.add_argument("--repositories", type=Path, default=listed)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    sources = read_sources(arguments.repositories)
    build(sources, arguments.output, arguments.most, arguments.max_s)


if __name__ == "__main__":
    main()
