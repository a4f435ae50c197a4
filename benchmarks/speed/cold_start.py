"""Whole processes, cold: help, a search among 100,000 segments, a run over unchanged files.

python -m benchmarks.speed.cold_start [--runs 7]
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.harness.commands import (
    COMMAND,
    compute_median,
    describe_machine,
    print_table,
    run_command,
)
from soundkin.embedding.trusted_models import choose_model
from soundkin.library.library import Library
from soundkin.library.records import Content

N_SEGMENTS = 100_000
N_FILES = 10_000


def make_library(path: Path) -> None:
    """Fill a library with recordings of 1 to 199 segments, of random vectors."""
    generator = np.random.default_rng(0)
    n_segments = 0
    with Library.open(path, create=True) as library:
        choose_model(library, None)
        with library.transaction():
            while n_segments < N_SEGMENTS:
                count = min(int(generator.integers(1, 200)), N_SEGMENTS - n_segments)
                vectors = generator.standard_normal((count, 128))
                vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
                content = Content(
                    hash=generator.bytes(32),
                    duration_s=(count + 1) / 2,
                    sample_rate=44_100,
                    n_channels=2,
                    format="WAV PCM_16",
                    warning=None,
                    vectors=vectors,
                    levels_db=np.full(count, -20.0),
                )
                content_id = library.add_content(content)
                name = f"/sounds/{n_segments}.wav"
                library.save_recording(name, 1, 1, content_id=content_id)
                n_segments += count


def make_files(folder: Path) -> None:
    """Write many tiny files, each of its own bytes."""
    generator = np.random.default_rng(1)
    for number in range(N_FILES):
        noise = 0.1 * generator.standard_normal(800)
        soundfile.write(folder / f"{number}.wav", noise, 8000)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    print(f"{describe_machine()}, median of {runs} runs\n")
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        query = here / "query.flac"
        demo = Path(__file__).parents[2] / "demo" / "sounds"
        shutil.copyfile(demo / "loop_amen.flac", query)
        large, many = here / "large.sqlite", here / "many.sqlite"
        make_library(large)
        files = here / "files"
        files.mkdir()
        make_files(files)
        first = run_command([COMMAND, "index", files, "--library", many])
        cases = [
            ("soundkin --help", [COMMAND, "--help"], "< 0.25 s"),
            (
                f"soundkin search, {N_SEGMENTS:,} segments",
                [COMMAND, "search", query, "--library", large],
                "< 0.8 s",
            ),
            (
                f"soundkin index, {N_FILES:,} unchanged files",
                [COMMAND, "index", files, "--library", many],
                "< 2 s",
            ),
        ]
        rows = []
        for title, command, wanted in cases:
            run_command(command)
            measured = [run_command(command) for _ in range(runs)]
            wall_s = compute_median([run.wall_s for run in measured])
            cpu_s = compute_median([run.cpu_s for run in measured])
            rows.append([title, f"{wall_s:.2f}", f"{cpu_s:.2f}", wanted])
        print_table(["whole process", "seconds", "processor seconds", "wanted"], rows)
        rate = N_FILES / first.wall_s
        print(f"\nThe first run over those files took {first.wall_s:.1f} s ({rate:.0f} files/s).")


if __name__ == "__main__":
    main()
