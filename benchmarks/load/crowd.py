"""How long many clients wait who ask for the map or the library's facts at once, again and again.

    python -m benchmarks.load.crowd [--segments 20000] [--clients 64] [--seconds 10]

Each client has a connection of its own and never pauses. Half of them have what they ask for, by
its ETag, as a browser has that was there before. Answers without a tag are always sent whole.
"""

from __future__ import annotations

import argparse
import http.client
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from benchmarks.harness.commands import describe_machine, print_table
from benchmarks.load.run import prepare_library, serving

PATHS = ("/api/v1/info", "/api/v1/folders", "/api/v1/map")


def ask(port: int, path: str, knows: bool, until_s: float, times_ms: list[float]) -> None:
    """Ask until it is time to end, noting how long each answer took."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    tag = ""
    while time.monotonic() < until_s:
        started = time.perf_counter()
        link.request("GET", path, headers={"If-None-Match": tag} if knows and tag else {})
        answer = link.getresponse()
        answer.read()
        times_ms.append(1000 * (time.perf_counter() - started))
        tag = answer.headers.get("etag", "")
    link.close()


def measure(port: int, path: str, n_clients: int, seconds: float) -> tuple[str, ...]:
    """Have so many clients ask for one path; a row of how long they waited."""
    times_ms: list[float] = []
    until_s = time.monotonic() + seconds
    threads = [
        threading.Thread(target=ask, args=(port, path, number % 2 == 1, until_s, times_ms))
        for number in range(n_clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    p50, p99 = np.percentile(times_ms, [50, 99])
    return path, str(n_clients), f"{len(times_ms):,}", f"{p50:.1f} ms", f"{p99:.0f} ms"


def main() -> None:
    """Make a library, serve it, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--segments", type=int, default=20_000)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args()
    print(describe_machine(), flush=True)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        library = prepare_library(Path(folder), given.segments)
        _, port = stack.enter_context(serving(library))
        rows = [
            measure(port, path, n_clients, given.seconds)
            for path in PATHS
            for n_clients in (1, given.clients)
        ]
    print_table(("path", "clients", "answers", "p50", "p99"), rows)


if __name__ == "__main__":
    main()
