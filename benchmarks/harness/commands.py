"""What the benchmarks share: whole commands timed, their memory followed, tables printed."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

COMMAND = Path(sys.executable).with_name("soundkin")


@dataclass(frozen=True)
class Measured:
    """One run of a command: seconds of the clock, seconds of processor, peak memory in MB."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def describe_machine() -> str:
    """Name the machine in a line."""
    cpu = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(": ", 1)[1]
            break
    return f"{cpu}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}"


def run_command(arguments: Sequence[object], *, follow_memory: bool = False) -> Measured:
    """Run a command to its end, which must be good; memory is that of it and all its children.

    Memory is the proportional set size, so that pages that processes share count once.
    """
    before = os.times()
    started = time.perf_counter()
    process = subprocess.Popen([str(argument) for argument in arguments], stdout=subprocess.DEVNULL)
    peak = 0.0
    while follow_memory and process.poll() is None:
        peak = max(peak, sum(map(read_pss, list_tree(process.pid))))
        time.sleep(0.1)
    if process.wait() != 0:
        raise SystemExit(f"failed: {arguments}")
    wall_s = time.perf_counter() - started
    after = os.times()
    cpu_s = (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )
    return Measured(wall_s, cpu_s, peak / 1e3)


def list_tree(pid: int) -> list[int]:
    """List a process and all its descendants."""
    found = [pid]
    for parent in found:
        try:
            tasks = list(Path(f"/proc/{parent}/task").iterdir())
            for task in tasks:
                found += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return found


def read_pss(pid: int) -> float:
    """Read a process's proportional set size, in kB; 0 where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) for line in lines if line.startswith("Pss:")), 0.0)


def compute_median(values: Sequence[float]) -> float:
    """Compute the median."""
    return statistics.median(values)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table."""
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(row) + " |")
