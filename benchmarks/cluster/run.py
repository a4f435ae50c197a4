"""What a cluster costs and stands: the figures of docs/scale.md.

    python -m benchmarks.cluster.run throughput FOLDER…   one machine's command beside the cluster's
    python -m benchmarks.cluster.run nodes FOLDER…        one node of one core beside two
    python -m benchmarks.cluster.run kills [--files 5000] a worker, a node, the driver killed
    python -m benchmarks.cluster.run memory [--files 1000 10000 100000]   the driver's peak memory
    python -m benchmarks.cluster.run neighbours LIBRARY.lance   recall and time of its index
    python -m benchmarks.cluster.run overlap LIBRARY.sqlite LIBRARY.lance   do they find the same?

Nothing else should run on the machine. Ray is started and ended by the script.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks.cluster.local_cluster import Cluster, find_actors, start_cluster

N_QUERIES = 300
SEED = 0
SOUNDKIN = Path(sys.executable).with_name("soundkin")


def index(library: Path, *arguments: Any) -> tuple[float, float]:
    """Index, and read from the summary the seconds it took and the hours of audio."""
    command = [SOUNDKIN, "index", *map(str, arguments), "--library", str(library)]
    env = os.environ | {"RAY_AUTH_MODE": "disabled"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    found = re.search(r"; ([\d.]+) (s|min|h) of audio at \S+ real time, in ([\d.]+) s", done.stdout)
    assert found, done.stdout
    unit = {"s": 1 / 3600, "min": 1 / 60, "h": 1.0}[found[2]]
    return float(found[3]), float(found[1]) * unit


def measure_throughput(folders: list[str], scratch: Path) -> None:
    """Compare the command with and without --cluster, on all cores, in turn."""
    print(f"{'':10}{'seconds':>10}{'hours':>8}{'× real time':>13}")
    for turn in range(2):
        for name, options in (("plain", ()), ("cluster", ("--cluster", "local"))):
            library = scratch / f"{name}{turn}{'.lance' if options else '.sqlite'}"
            seconds, hours = index(library, *folders, *options)
            print(f"{name:10}{seconds:10.1f}{hours:8.2f}{hours * 3600 / seconds:13.0f}", flush=True)


def measure_nodes(folders: list[str], scratch: Path) -> None:
    """Compare one and two nodes of a core each."""
    print(f"{'nodes':10}{'seconds':>10}{'hours':>8}{'× real time':>13}")
    for n_nodes in (1, 2, 1, 2):
        with start_cluster(scratch, n_nodes) as cluster:
            library = scratch / f"{time.monotonic_ns()}.lance"
            seconds, hours = index(library, *folders, "--cluster", cluster.address)
        print(f"{n_nodes:<10}{seconds:10.1f}{hours:8.2f}{hours * 3600 / seconds:13.0f}", flush=True)


def write_tones(folder: Path, n_files: int, seconds: float) -> Path:
    """Write so many short sounds, all different."""
    folder.mkdir()
    t = np.arange(round(seconds * 32_000)) / 32_000
    for number in range(n_files):
        sound = 0.3 * np.sin(2 * np.pi * (80 + 0.37 * number) * t) * np.exp(-3 * t)
        soundfile.write(folder / f"{number:06}.wav", sound[: len(t) - number % 97], 32_000)
    return folder


def read_rows(library: Path) -> dict[str, Any]:
    """Read all that a Lance library holds, by path."""
    import sqlite3

    copy = library.with_suffix(".sqlite")
    copy.unlink(missing_ok=True)
    subprocess.run([SOUNDKIN, "convert", "-q", library, copy], check=True)
    connection = sqlite3.connect(copy)
    try:
        n_contents = connection.execute("SELECT COUNT(*) FROM contents").fetchone()[0]
        rows = connection.execute(
            "SELECT path, size, mtime_ns, error, hash, duration_s, levels, vectors FROM recordings"
            " LEFT JOIN contents ON contents.id = content_id"
        ).fetchall()
    finally:
        connection.close()
    assert n_contents == len({row[4] for row in rows if row[4] is not None})
    return {row[0]: row[1:] for row in rows}


def measure_kills(n_files: int, scratch: Path) -> None:
    """Kill a worker, a node or the driver in the middle; compare with the undisturbed library."""
    folder = write_tones(scratch / "tones", n_files, 1.0)
    env = os.environ | {"RAY_AUTH_MODE": "disabled"}
    expected: dict[str, Any] = {}
    print(f"{'killed':12}{'runs':>6}{'seconds':>10}{'the same library':>18}")
    for victim in ("nothing", "a worker", "a node", "the driver"):
        library = scratch / f"{victim.replace(' ', '-')}.lance"
        started = time.monotonic()
        with start_cluster(scratch, 2) as cluster:
            command = [SOUNDKIN, "index", folder, "--cluster", cluster.address]
            command += ["--library", library]
            driver = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
            if victim != "nothing":
                wait_for_commits(library, 3, driver)
                strike(victim, cluster, driver)
            n_runs = 1
            if driver.wait() != 0:
                subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True)
                n_runs = 2
        seconds = time.monotonic() - started
        rows = read_rows(library)
        expected = expected or rows
        print(f"{victim:12}{n_runs:6}{seconds:10.1f}{rows == expected!s:>18}", flush=True)
        assert len(rows) == n_files


def wait_for_commits(library: Path, count: int, driver: subprocess.Popen[Any]) -> None:
    """Wait until so many commits of recordings are there."""
    versions = library / "recordings.lance" / "_versions"
    while len(list(versions.glob("*.manifest"))) <= count:
        assert driver.poll() is None, "it was done before it could be disturbed"
        time.sleep(0.05)


def strike(victim: str, cluster: Cluster, driver: subprocess.Popen[Any]) -> None:
    """Kill one of them."""
    if victim == "a worker":
        os.kill(find_actors()[0], signal.SIGKILL)
    elif victim == "a node":
        cluster.kill(cluster.nodes[0])
    else:
        driver.send_signal(signal.SIGKILL)


def measure_memory(counts: list[int], scratch: Path) -> None:
    """Measure the driver's peak memory over so many files, of 50 ms each."""
    print(f"{'files':>10}{'seconds':>10}{'peak MB':>10}")
    for n_files in counts:
        folder = write_tones(scratch / f"tones{n_files}", n_files, 0.05)
        library = scratch / f"memory{n_files}.lance"
        started = time.monotonic()
        driver = subprocess.Popen(
            [SOUNDKIN, "index", folder, "--cluster", "local", "--library", library],
            stdout=subprocess.DEVNULL,
        )
        peak_kb = 0
        while driver.poll() is None:
            status = Path(f"/proc/{driver.pid}/status").read_text()
            found = re.search(r"VmHWM:\s+(\d+)", status)
            peak_kb = max(peak_kb, int(found[1]) if found else 0)
            time.sleep(0.2)
        assert driver.returncode == 0
        seconds = time.monotonic() - started
        print(f"{n_files:10}{seconds:10.1f}{peak_kb / 1024:10.0f}", flush=True)
        shutil.rmtree(folder)


def measure_neighbours(path: str) -> None:
    """Measure recall@10 beside the exact search, and the time of a query."""
    from soundkin import open_library

    started = time.monotonic()
    with open_library(path) as library:
        index_ = library.open_index().index
        print(
            f"opened in {time.monotonic() - started:.1f} s, {len(index_)} segments, {index_.kind}"
        )
        audible = np.flatnonzero(~index_.silent)
        generator = np.random.default_rng(SEED)
        rows = np.sort(generator.choice(audible, min(N_QUERIES, len(audible)), replace=False))
        queries = index_.read(rows)
        exact = index_.search_many(queries, 10, exact=True)
        shares, times = [], []
        for query, truth in zip(queries, exact, strict=True):
            started = time.perf_counter()
            found = index_.search(query, 10)
            times.append(time.perf_counter() - started)
            shares.append(np.isin(found.content_ids, truth.content_ids).mean())
        p50, p95 = 1e3 * np.percentile(times, [50, 95])
        print(f"recall@10 {np.mean(shares):.4f}   p50 {p50:.2f} ms   p95 {p95:.2f} ms")


def measure_overlap(first: str, second: str) -> None:
    """Measure how many of the first ten hits two libraries have in common."""
    from soundkin import Searcher, open_library

    with open_library(first) as a, open_library(second) as b:
        paths = [recording.path for recording in a.select_recordings()]
        chosen = np.random.default_rng(SEED).choice(
            paths, min(N_QUERIES, len(paths)), replace=False
        )
        searchers = Searcher(a), Searcher(b)
        shares = []
        for path in chosen.tolist():
            hits = [{hit.recording.path for hit in s.search(path, 10)} for s in searchers]
            shares.append(len(hits[0] & hits[1]) / max(1, len(hits[0])))
    print(
        json.dumps({"n_queries": len(shares), "top_10_overlap": round(float(np.mean(shares)), 4)})
    )


def main() -> None:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "what", choices=("throughput", "nodes", "kills", "memory", "neighbours", "overlap")
    )
    parser.add_argument("names", nargs="*")
    parser.add_argument("--files", type=int, nargs="+")
    parser.add_argument("--scratch", type=Path, help="where to write, else a temporary folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as folder:
        scratch = Path(folder)
        jobs: dict[str, Callable[[], None]] = {
            "throughput": lambda: measure_throughput(arguments.names, scratch),
            "nodes": lambda: measure_nodes(arguments.names, scratch),
            "kills": lambda: measure_kills((arguments.files or [5000])[0], scratch),
            "memory": lambda: measure_memory(arguments.files or [1000, 10_000, 100_000], scratch),
            "neighbours": lambda: measure_neighbours(*arguments.names),
            "overlap": lambda: measure_overlap(*arguments.names),
        }
        jobs[arguments.what]()


if __name__ == "__main__":
    main()
