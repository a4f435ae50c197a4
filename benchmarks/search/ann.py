"""soundkin's index beside others, on vectors like those of a library: time, memory, recall.

    python -m benchmarks.search.ann LIBRARY [--sizes 1000000] [--peers Annoy usearch ...] [--near]
    python -m benchmarks.search.ann LIBRARY --curve --output docs/neighbours.csv
    python -m benchmarks.search.ann LIBRARY --growth --output docs/neighbours_growth.csv
    python -m benchmarks.search.ann LIBRARY --whole

Vectors are resampled from LIBRARY (see harness/synthetic_library.py), queries too, and none of
these is in an index; with `--near` they are segments of it, with a little noise. Each index is
built on all cores and saved by one process, then opened by another, which answers one query at a
time on one core.
*Build cpu s* is what all cores together spent on it. *Memory* is what that process's own pages grew
by; pages of files mapped into it are no one's, and *disk* is the size of all files. *Recall* is the
share of the ten best by exact search that are among the ten found, ties counting; soundkin is
measured on segments, as the others are, and on recordings of 20, of which the best segment counts.
Each query is asked three times, and the shortest counts.

Of an index with a knob the table has the first setting that recalls as much as soundkin's lists, or
else the best; of Annoy's 32 trees it has all. *÷ usearch* and *÷ hnswlib* compare the median with
that of their fastest setting that recalls as much as this row. `--curve` goes through all settings,
`--growth` through sizes; `--whole` measures LIBRARY itself through soundkin's own entry points.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.harness.commands import describe_machine, print_table
from benchmarks.harness.isolated import FailedError, run_apart
from benchmarks.harness.synthetic_library import RUN
from benchmarks.search.ann_backends import CONTENDERS, Contender
from benchmarks.search.ann_measure import Point, Task, compute_least, measure, write_vectors
from benchmarks.search.library_index import measure_whole

SIZES = (1_000_000,)
GROWTH_SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
BY_RECORDING = f", recordings of {RUN}"
TOLD_WHOLE = ("Annoy 32 trees",)
TABLE_FORESTS = ("32 trees",)
CURVE_FORESTS = ("1 tree", "4 trees", "16 trees", "32 trees", "64 trees")
TARGET = "soundkin lists"
NEARLY_ALL = 0.999
COLUMNS = (
    *("index", "setting", "build s", "build cpu s", "memory MB", "disk MB", "p50 ms", "p99 ms"),
    *("queries/s", "recall@10", "÷ usearch", "÷ hnswlib"),
)


def choose_contenders(given: argparse.Namespace) -> list[Contender]:
    """Choose what is measured; says what is not installed."""
    forests = CURVE_FORESTS if given.curve else TABLE_FORESTS
    chosen: list[Contender] = []
    skipped: dict[str, None] = {}
    for contender in CONTENDERS.values():
        is_peer = contender.family != "soundkin"
        if given.growth and (is_peer or contender.run == 1):
            continue
        if is_peer and given.peers is not None and contender.family not in given.peers:
            continue
        if contender.family == "Annoy" and contender.setting not in forests:
            continue
        if contender.name in given.skip:
            continue
        if not contender.is_installed:
            skipped[contender.family] = None
            continue
        chosen.append(contender)
    for family in skipped:
        print(f"{family} is skipped: it is not installed (pip install 'soundkin[bench]')\n")
    return sorted(chosen, key=lambda contender: contender.name != TARGET)  # its recall is the goal


def run_size(
    task: Task, contenders: Sequence[Contender], given: argparse.Namespace
) -> Iterator[list[Point]]:
    """Measure every index at one size, and tell of each how far the run is."""
    goal = NEARLY_ALL
    for contender in contenders:
        started = time.monotonic()
        try:
            points = measure(contender.name, task, given.budget, goal, is_curve=given.curve)
        except FailedError as error:
            print(f"{contender.name} at {task.n_segments:,} segments failed: {error}\n")
            continue
        if contender.name == TARGET and not given.curve:
            goal = points[0].recall
        taken_s = time.monotonic() - started
        print(f"{task.n_segments:,} {contender.name}: {taken_s:.0f} s", file=sys.stderr)
        yield points


def measure_sizes(given: argparse.Namespace) -> None:
    """Measure at every size, on the first so many of the same vectors."""
    contenders = choose_contenders(given)
    sizes = [size - size % RUN for size in given.sizes]  # whole recordings
    points: list[Point] = []
    with tempfile.TemporaryDirectory(dir=given.scratch) as name:
        path = Path(name) / "vectors.f16"
        queries = run_apart(
            write_vectors, given.library, max(sizes), given.queries, path, is_near=given.near
        )
        for size in sizes:
            task = Task(path, size, queries, {})
            for run in {contender.run for contender in contenders}:
                task.least[run] = compute_least(task.map(), queries, run)
            found: list[Point] = []
            for more in run_size(task, contenders, given):
                found += more
                if given.output:
                    write_points(given.output, points + found)
            points += found
            print(f"{size:,} segments, {len(queries)} queries\n")
            print_table(COLUMNS, list(make_rows(found)))
            print(flush=True)


def make_rows(points: Sequence[Point]) -> Iterator[list[str]]:
    """Make the rows of the table: of each index the setting that is worth showing."""
    goal = next((point.recall for point in points if point.index == TARGET), NEARLY_ALL)
    for name in [name for name in CONTENDERS if any(point.index == name for point in points)]:
        own = [point for point in points if point.index == name]
        enough = [point for point in own if point.recall >= goal]
        best = max(own, key=lambda point: point.recall)
        shown = [enough[0] if enough else best]
        if name in TOLD_WHOLE:
            shown = own
        elif own[0].family == "soundkin":
            shown = own[:1]
        for point in shown:
            yield [
                point.index,
                f"{point.knob} {point.value:,}" if point.value else "",
                f"{point.build_s:.1f}",
                f"{point.build_cpu_s:.1f}",
                f"{point.memory_mb:.0f}",
                f"{point.disk_mb:.0f}",
                f"{point.p50_ms:.2f}",
                f"{point.p99_ms:.2f}",
                f"{point.queries_per_s:.0f}",
                f"{point.recall:.3f}",
                *(_compare(point, points, family) for family in ("usearch", "hnswlib")),
            ]


def _compare(point: Point, points: Sequence[Point], family: str) -> str:
    """Divide by the shortest median of a family at no less recall."""
    times = [p.p50_ms for p in points if p.family == family and p.recall >= point.recall]
    return f"{point.p50_ms / min(times):.2f}" if times else "–"


def write_points(path: Path, points: Sequence[Point]) -> None:
    """Write every measurement as CSV, four digits of each."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in dataclasses.fields(Point))
        for point in points:
            values = dataclasses.astuple(point)
            writer.writerow(f"{v:.4g}" if isinstance(v, float) else v for v in values)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", type=Path, metavar="LIBRARY")
    parser.add_argument("--sizes", type=int, nargs="+", metavar="N")
    families = sorted({c.family for c in CONTENDERS.values()} - {"soundkin"})
    parser.add_argument("--peers", nargs="*", choices=families, help="only these; all by default")
    parser.add_argument("--skip", nargs="*", choices=CONTENDERS, default=(), metavar="INDEX")
    parser.add_argument("--near", action="store_true", help="queries: segments of it with noise")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--budget", type=float, default=15.0, help="seconds for one setting")
    parser.add_argument("--curve", action="store_true", help="all settings of every index")
    parser.add_argument("--growth", action="store_true", help="soundkin's own, by size")
    parser.add_argument("--whole", action="store_true", help="LIBRARY itself")
    parser.add_argument("--output", type=Path, help="write a CSV of all points")
    parser.add_argument("--scratch", type=Path, help="folder for vectors, 256 bytes a segment")
    given = parser.parse_args()
    given.sizes = given.sizes or (GROWTH_SIZES if given.growth else SIZES)
    os.environ["LANCE_LOG"] = "error"
    print(f"{describe_machine()}\n")
    if given.whole:
        measure_whole(given.library, given.queries)
    else:
        measure_sizes(given)


if __name__ == "__main__":
    main()
