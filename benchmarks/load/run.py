"""`soundkin serve` under attack, and under load: what breaks, how long anyone waits, what it takes.

python -m benchmarks.load.run [--segments 50000] [--minutes 10] [--clients 64] [--strength 1]

First every attack of `attacks.py`: what was answered, the longest and the usual wait of an honest
request that the event loop alone answers, and the memory after. Then so many clients use the server
as people do (`clients.py`), with files being indexed all the while. Clients run on the same cores.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.harness.commands import COMMAND, describe_machine, list_tree, print_table, read_pss
from benchmarks.harness.synthetic_library import make_library
from benchmarks.load.attacks import ALLOWED, ATTACKS, Target, attack
from benchmarks.load.clients import Load, Tally
from soundkin.library.library import Library

DEMO = Path(__file__).parents[2] / "demo" / "sounds"
WARM_UP_SHARE = 1 / 3


def prepare_library(folder: Path, n_segments: int) -> Path:
    """Make a library of the demo sounds, which can be listened to, among synthetic recordings."""
    small, large = folder / "demo.sqlite", folder / "large.sqlite"
    subprocess.run([COMMAND, "index", DEMO, "--library", small, "-q"], check=True)
    make_library(small, n_segments, large, 0, 10)
    subprocess.run([COMMAND, "index", DEMO, "--library", large, "-q"], check=True)
    subprocess.run([COMMAND, "map", "--library", large], check=True, stdout=subprocess.DEVNULL)
    return large


@contextmanager
def serving(library: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a server, which must end well; gives its process and port."""
    command = [COMMAND, "serve", "--library", library, "--port", "0", "--no-open"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, int(process.stdout.readline().rsplit(":", 1)[1].strip(" /\n"))
    finally:
        process.send_signal(signal.SIGINT)
        if process.wait() != 0:
            raise SystemExit(f"the server ended with exit status {process.returncode}")


def run_attacks(pid: int, target: Target, strength: float) -> list[tuple[str, ...]]:
    """Run all of them; rows of what, the answers, waits, memory, and what should not have been."""
    rows = []
    for name in ATTACKS:
        started = time.monotonic()
        outcome = attack(target, name, strength)
        seconds = time.monotonic() - started
        bad = set(outcome.answers) - ALLOWED[name]
        megabytes = sum(map(read_pss, list_tree(pid))) / 1e3
        waits = f"{outcome.usual_ms:.1f} / {outcome.lag_ms:.0f} ms"
        rows.append(
            (name, outcome.tell(), waits, f"{megabytes:.0f} MB", f"{seconds:.0f} s", ", ".join(bad))
        )
    return rows


def describe_load(tally: Tally) -> list[tuple[str, ...]]:
    """Sum a load up; rows of what, how often, p50, p99, the longest."""
    rows = []
    for name, times in sorted(tally.times_ms.items()):
        p50, p99 = np.percentile(times, [50, 99])
        rows.append(
            (name, f"{len(times):,}", f"{p50:.1f} ms", f"{p99:.0f} ms", f"{max(times):.0f} ms")
        )
    return rows


def compute_growth(tally: Tally) -> tuple[float, float, float]:
    """Compute the server's megabytes after the warm-up, at the end, and by what share they grew."""
    length_s = tally.memory[-1][0]
    first_s, part_s = WARM_UP_SHARE * length_s, 0.1 * length_s
    early = [own for at, own, _ in tally.memory if first_s <= at < first_s + part_s]
    late = [own for at, own, _ in tally.memory if at >= length_s - part_s]
    before, after = statistics.median(early), statistics.median(late)
    return before, after, after / before - 1


def describe_minutes(tally: Tally) -> str:
    """Write the server's megabytes at the end of each minute."""
    minutes = {int(at // 60): own for at, own, _ in tally.memory}
    return ", ".join(f"{own:.0f}" for own in minutes.values())


def main() -> None:
    """Make a library, attack, load, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--segments", type=int, default=50_000)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two actions")
    parser.add_argument("--strength", type=float, default=1.0, help="of the attacks; 0 for none")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        library = prepare_library(folder, given.segments)
        with Library.open(library) as opened:
            recordings = list(opened.select_recordings())
        sounds = {f"r{one.id}": one.duration_s for one in recordings[:20_000]}
        heard = [f"r{one.id}" for one in recordings if Path(one.path).exists()]
        print(describe_machine(), flush=True)
        with serving(library) as (process, port):
            if given.strength:
                rows = run_attacks(process.pid, Target(port, heard[0]), given.strength)
                columns = (
                    "attack",
                    "answers",
                    "usual / longest wait",
                    "memory after",
                    "took",
                    "bad",
                )
                print_table(columns, rows)
        (folder / "fresh").mkdir()
        with serving(library) as (process, port):
            load = Load(port, process.pid, sounds, heard)
            tally = load.run(given.clients, 60 * given.minutes, given.pause, folder / "fresh")
        print_table(("action", "times", "p50", "p99", "longest"), describe_load(tally))
        print(f"answers: {dict(tally.statuses)}; {tally.n_jobs} index jobs, {tally.job_troubles}")
        before, after, growth = compute_growth(tally)
        print(
            f"memory: {before:.0f} MB after the warm-up, {after:.0f} MB at the end, {growth:+.1%}"
        )
        print(f"by minute: {describe_minutes(tally)} MB")


if __name__ == "__main__":
    main()
