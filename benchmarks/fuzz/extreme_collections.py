"""Collections that are extreme as a whole: very many tiny files, one sound of half a day."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

RATE = 44_100
TINY_S = 0.01


def write_tiny(folder: Path, n_files: int) -> None:
    """Write files of 10 ms, no two alike, a thousand a folder."""
    for number in range(n_files):
        inside = folder / f"{number // 1000:04}"
        inside.mkdir(exist_ok=True)
        noise = np.random.default_rng(number).integers(-8_000, 8_000, round(TINY_S * RATE))
        soundfile.write(inside / f"{number}.wav", noise.astype(np.int16), RATE)


def write_long(path: Path, hours: float) -> None:
    """Write one sound, a minute of noise over and over at changing levels."""
    minute = np.random.default_rng(0).integers(-8_000, 8_000, 60 * RATE)
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        for number in range(round(60 * hours)):
            file.write((minute * (0.2 + 0.8 * (number % 7) / 6)).astype(np.int16))


def index(folder: Path, library: Path) -> tuple[str, float, float]:
    """Index a folder; what it said, seconds, and MB of its largest process."""
    watch = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(done.returncode)"
    )
    command = [sys.executable, "-m", "soundkin", "index", str(folder), "--library", str(library)]
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", watch, *command], capture_output=True, text=True, check=False
    )
    *said, peak = done.stdout.splitlines()
    if done.returncode:
        raise SystemExit(f"index ended with {done.returncode}: {done.stderr[-500:]}")
    return " ".join(said), time.monotonic() - started, int(peak) / 1000


def run(n_tiny: int, hours: float) -> int:
    """Make such a collection, index it twice, and print what that took; 1 where a file is lost."""
    with tempfile.TemporaryDirectory(prefix="soundkin-whole-", dir=os.environ.get("TMPDIR")) as top:
        folder, library = Path(top) / "sounds", Path(top) / "library.sqlite"
        folder.mkdir()
        if n_tiny:
            write_tiny(folder, n_tiny)
        if hours:
            write_long(folder / "long.wav", hours)
        said, seconds, peak_mb = index(folder, library)
        print(f"{said}\n{seconds:.0f} s, the largest process had {peak_mb:.0f} MB")
        again, seconds, peak_mb = index(folder, library)
        print(f"again: {again}\n{seconds:.1f} s, the largest process had {peak_mb:.0f} MB")
        expected = n_tiny + (1 if hours else 0)
        found = re.search(r"library has ([\d,]+) recording", said)
        return 0 if found and int(found[1].replace(",", "")) == expected else 1
