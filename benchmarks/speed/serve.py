"""`soundkin serve` over a large library: an upload to its hits, and warm searches by many at once.

python -m benchmarks.speed.serve [LIBRARY] [--segments 100000] [--requests 500]

LIBRARY is what the large one is drawn from (`harness/synthetic_library.py`); else the demo sounds
are indexed. Clients run on the same cores as the server, so what they cost is in every figure.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.harness.commands import COMMAND, describe_machine, print_table
from benchmarks.harness.synthetic_library import make_library
from soundkin.library.library import Library

DEMO = Path(__file__).parents[2] / "demo" / "sounds"
UPLOAD_S = 5.0
SEGMENTS_PER_RECORDING = 10
JSON = {"content-type": "application/json"}


class Client:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)

    def time_ms(self, path: str, body: bytes, headers: dict[str, str]) -> float:
        """Post, read all of the answer and parse it; returns how long that took."""
        started = time.perf_counter()
        self._connection.request("POST", path, body, headers)
        response = self._connection.getresponse()
        answer = json.loads(response.read())
        if response.status != 200 or not answer["hits"]:
            raise SystemExit(f"failed: {answer}")
        return 1000 * (time.perf_counter() - started)


def time_uploads(port: int, count: int, folder: Path) -> list[float]:
    """Send as many different sounds of 5 s, as 16-bit WAV files, and search with them."""
    client, generator = Client(port), np.random.default_rng(0)
    loop, rate = soundfile.read(DEMO / "loop_amen.flac", dtype="float32", always_2d=True)
    found = []
    for _ in range(count):
        wave = np.resize(loop.mean(axis=1), round(UPLOAD_S * rate))
        wave = wave + 0.01 * generator.standard_normal(len(wave))
        soundfile.write(folder / "take.wav", wave, rate)
        body = (folder / "take.wav").read_bytes()
        found.append(client.time_ms("/api/v1/search/upload?name=take.wav", body, {}))
    return found


def time_searches(port: int, ids: list[str], n_clients: int, count: int) -> list[float]:
    """Search by segments of the library, from several clients at once, each without a pause."""
    found: list[float] = []

    def ask(seed: int) -> None:
        client, generator = Client(port), np.random.default_rng(seed)
        for _ in range(count):
            start_s = 0.5 * float(generator.integers(SEGMENTS_PER_RECORDING - 1))
            part = {"id": str(generator.choice(ids)), "start_s": start_s, "end_s": start_s + 1}
            body = json.dumps({"sounds": [part], "top_k": 30}).encode()
            found.append(client.time_ms("/api/v1/search", body, JSON))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(n_clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def read_cpu_ms(pid: int) -> float:
    """Read how long a process and its children have been at work, in ms of processor."""
    tick_ms = 1000 / os.sysconf("SC_CLK_TCK")
    total = 0.0
    for one in (pid, *_list_children(pid)):
        fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        total += tick_ms * (int(fields[11]) + int(fields[12]))
    return total


def _list_children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def measure(library: Path, folder: Path, count: int) -> list[tuple[str, str, str, str, str]]:
    """Measure everything; rows of what, p50, p99, the server's processor time, what is wanted."""
    with Library.open(library) as opened:
        ids = [f"r{recording.id}" for recording in opened.select_recordings()][:20_000]
    command = [COMMAND, "serve", "--library", library, "--port", "0", "--no-open"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        started = time.perf_counter()
        port = int(process.stdout.readline().rsplit(":", 1)[1].strip(" /\n"))
        first = time_searches(port, ids, 1, 1)
        start_s = time.perf_counter() - started
        runs: list[tuple[str, Callable[[], list[float]], str]] = [
            ("upload of 5 s to its hits", lambda: time_uploads(port, count // 5, folder), "150 ms"),
            ("by a segment, 1 client", lambda: time_searches(port, ids, 1, count), "20 ms"),
            (
                "by a segment, 8 clients",
                lambda: time_searches(port, ids, 8, count // 4),
                "20, 60 ms",
            ),
        ]
        time_uploads(port, 3, folder)
        rows = []
        for name, run, wanted in runs:
            before_ms = read_cpu_ms(process.pid)
            times = run()
            cpu_ms = (read_cpu_ms(process.pid) - before_ms) / len(times)
            p50, p99 = np.percentile(times, [50, 99])
            rows.append((name, f"{p50:.1f} ms", f"{p99:.1f} ms", f"{cpu_ms:.1f} ms", wanted))
        rows.append(("start to the first hits", f"{start_s:.2f} s", f"({first[0]:.0f} ms)", "", ""))
        return rows
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def main() -> None:
    """Make a library, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", type=Path, nargs="?", metavar="LIBRARY")
    parser.add_argument("--segments", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=500, help="searches one after another")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source, large = given.library, Path(folder) / "large.sqlite"
        if source is None:
            source = Path(folder) / "demo.sqlite"
            subprocess.run([COMMAND, "index", DEMO, "--library", source, "-q"], check=True)
        make_library(source, given.segments, large, 0, SEGMENTS_PER_RECORDING)
        print(describe_machine())
        columns = (f"{given.segments:,} segments", "p50", "p99", "processor", "wanted")
        print_table(columns, measure(large, Path(folder), given.requests))


if __name__ == "__main__":
    main()
