"""`soundkin watch` over many files: one more is added, a burst comes, and nothing at all happens.

    python -m benchmarks.speed.watch [--files 10000] [--burst 10000]

Times run from when the file is closed to when the library has it; of them 1 s is the quiet that is
waited for, and up to half a second the pause between two looks. Processor time is that of all
processes of the command.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.harness.commands import COMMAND, describe_machine, list_tree, print_table, read_pss

RATE = 8000
N_SINGLE = 5
IDLE_S = 30


def write_sounds(folder: Path, first: int, count: int) -> None:
    """Write so many different sounds of a tenth of a second, a hundred in each folder."""
    for number in range(first, first + count):
        noise = np.random.default_rng(number).standard_normal(RATE // 10) / 10
        inside = folder / f"{number // 100:04}"
        inside.mkdir(exist_ok=True)
        soundfile.write(inside / f"{number:06}.wav", noise, RATE)


def count_recordings(library: Path) -> int:
    """Count what a library has by now."""
    connection = sqlite3.connect(f"{library.as_uri()}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT COUNT(*) FROM recordings").fetchone()[0])
    finally:
        connection.close()


def wait_for(library: Path, count: int) -> None:
    """Wait until a library has so many recordings."""
    while count_recordings(library) != count:
        time.sleep(0.01)


def read_cpu_s(pid: int) -> float:
    """Read the processor time of a process and its children, those too that have ended."""
    total = 0.0
    for one in list_tree(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        total += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return total


def measure(folder: Path, library: Path, n_files: int, n_burst: int) -> list[tuple[str, str, str]]:
    """Measure all; rows of what, seconds of the clock, seconds of processor."""
    command = [COMMAND, "watch", folder, "--library", library, "-q"]
    process = subprocess.Popen(command)
    rows: list[tuple[str, str, str]] = []
    n_known = n_files
    try:
        time.sleep(15)  # its first run, and the walk after it
        found: list[tuple[float, float]] = []
        for _ in range(N_SINGLE):
            before = read_cpu_s(process.pid)
            write_sounds(folder, n_known, 1)
            started = time.monotonic()
            n_known += 1
            wait_for(library, n_known)
            took_s = time.monotonic() - started
            time.sleep(3)
            found.append((took_s, read_cpu_s(process.pid) - before))
        rows.append(("the first file, with workers started", *map(_tell, found[0])))
        later = [statistics.median(values) for values in zip(*found[1:], strict=True)]
        rows.append(("one more file (median)", *map(_tell, later)))
        before, started = read_cpu_s(process.pid), time.monotonic()
        write_sounds(folder, n_known, n_burst)
        written_s = time.monotonic() - started
        n_known += n_burst
        wait_for(library, n_known)
        took_s = time.monotonic() - started
        time.sleep(5)
        cost = _tell(read_cpu_s(process.pid) - before)
        rows.append((f"{n_burst:,} files, written in {written_s:.1f} s", _tell(took_s), cost))
        started = time.monotonic()
        shutil.rmtree(folder / f"{n_files // 100 + 1:04}")
        wait_for(library, n_known - 100)
        rows.append(("a folder of 100 deleted", _tell(time.monotonic() - started), ""))
        time.sleep(5)
        before = read_cpu_s(process.pid)
        time.sleep(IDLE_S)
        idle = (read_cpu_s(process.pid) - before) / IDLE_S
        megabytes = sum(map(read_pss, list_tree(process.pid))) / 1e3
        rows.append(("nothing happens", f"{megabytes:.0f} MB", f"{idle:.2%} of one"))
        return rows
    finally:
        process.terminate()  # Ctrl-C is nothing to what runs in the background
        process.wait()


def _tell(seconds: float) -> str:
    return f"{seconds:.2f} s"


def main() -> None:
    """Make a library, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--burst", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, library = Path(name) / "sounds", Path(name) / "library.sqlite"
        folder.mkdir()
        write_sounds(folder, 0, given.files)
        subprocess.run([COMMAND, "index", folder, "--library", library, "-q"], check=True)
        print(describe_machine(), flush=True)
        rows = measure(folder, library, given.files, given.burst)
        print_table((f"{given.files:,} files", "until the library has it", "processor"), rows)


if __name__ == "__main__":
    main()
