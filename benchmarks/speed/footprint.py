"""What the default install weighs and takes to load, package by package; and soundkin's own start.

python -m benchmarks.speed.footprint [--runs 7]

Sizes are those of the files that each package has put into this environment, compiled ones of
Python included; times are of a fresh process each, less that of one which loads nothing.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.harness.commands import compute_median, describe_machine, print_table
from docs.dependencies import list_dependencies

WANTED_MB = 250
WANTED_MS = 50
LISTED_MB = 1.0
MODULES = {"faiss-cpu": "faiss", "pillow": "PIL", "python-multipart": "python_multipart"}


def measure_size(distribution: importlib.metadata.Distribution) -> float:
    """Add up a package's files, in MB."""
    paths = {Path(str(distribution.locate_file(file))) for file in distribution.files or ()}
    compiled = {
        found
        for path in paths
        if path.suffix == ".py"
        for found in path.parent.glob(f"__pycache__/{path.stem}.cpython-*.pyc")
    }
    return sum(path.stat().st_size for path in paths | compiled if path.is_file()) / 1e6


def time_processes(scripts: dict[str, list[str]], runs: int) -> dict[str, float]:
    """Time Python processes in turn, in ms; one that fails is nan."""
    taken: dict[str, list[float]] = {name: [] for name in scripts}
    for name, arguments in scripts.items():  # so that what is on disk is in memory
        done = subprocess.run([sys.executable, *arguments], capture_output=True, check=False)
        if done.returncode:
            taken[name] = [float("nan")]
    for _ in range(runs):
        for name, arguments in scripts.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, *arguments], capture_output=True, check=False)
            taken[name].append(1000 * (time.perf_counter() - started))
    return {name: compute_median(values) for name, values in taken.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    print(f"{describe_machine()}, median of {runs} runs\n")
    found = {name: one for name, one in list_dependencies().items() if one is not None}
    sizes = {name: measure_size(one) for name, one in found.items()}
    sizes["soundkin"] = _measure_own()
    large = [name for name in sizes if sizes[name] >= LISTED_MB]
    large.sort(key=lambda name: -sizes[name])
    scripts = {name: ["-c", f"import {MODULES.get(name, name)}"] for name in large}
    start = ["-m", "soundkin"]
    scripts |= {"nothing": ["-c", ""], "--version": [*start, "--version"]}
    scripts |= {"--help": [*start, "--help"]}
    times = time_processes(scripts, runs)
    rows = [[name, f"{sizes[name]:.1f}", f"{times[name] - times['nothing']:.0f}"] for name in large]
    small = [name for name in sizes if name not in large]
    rows.append([f"{len(small)} others", f"{sum(sizes[name] for name in small):.1f}", ""])
    total = sum(sizes.values())
    rows.append([f"all {len(sizes)} (wanted: {WANTED_MB} MB)", f"{total:.1f}", ""])
    print_table(["package", "MB", "ms to import"], rows)
    own = times["soundkin"] - times["nothing"]
    print(
        f"\nimport soundkin {own:.0f} ms (wanted: {WANTED_MS}), a Python {times['nothing']:.0f} ms"
    )
    for name in ("--version", "--help"):
        print(f"soundkin {name}: {times[name]:.0f} ms with the Python's own")


def _measure_own() -> float:
    import soundkin

    folder = Path(soundkin.__file__).parent
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


if __name__ == "__main__":
    main()
