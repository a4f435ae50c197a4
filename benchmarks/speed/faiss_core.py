"""Building an index with the core that faiss's OpenBLAS finds by itself, and with what it is told.

python -m benchmarks.speed.faiss_core [--segments 1000000] [--runs 2]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time

import numpy as np

from benchmarks.harness.commands import compute_median, describe_machine, print_table

SIZE = 128
PER_CLUSTER = 50
SPREAD = 0.5
N_QUERIES = 200
TOP = 10
CANDIDATES = 100
BY_ITSELF, TOLD = "by itself", "told"


def measure(n_segments: int) -> dict[str, float | str]:
    """Build the lists of so many clustered vectors in this process: core, seconds, recall."""
    from threadpoolctl import threadpool_info

    from soundkin.index.rabitq import RaBitQIndex, choose_n_lists

    generator = np.random.default_rng(0)
    centres = generator.standard_normal((n_segments // PER_CLUSTER, SIZE), np.float32)
    vectors = centres[generator.integers(len(centres), size=n_segments)]
    vectors += SPREAD * generator.standard_normal((n_segments, SIZE), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    begin_s, begin_cpu_s = time.perf_counter(), time.process_time()
    index = RaBitQIndex.train(vectors, choose_n_lists(n_segments))
    index.add(np.arange(n_segments), lambda rows: vectors[rows])
    took_s, took_cpu_s = time.perf_counter() - begin_s, time.process_time() - begin_cpu_s
    queries = vectors[generator.integers(n_segments, size=N_QUERIES)]
    found, _ = index.find(queries, CANDIDATES)
    exact = np.argpartition(-(queries @ vectors.T), TOP, axis=1)[:, :TOP]
    shares = [len(np.intersect1d(*pair)) / TOP for pair in zip(found, exact, strict=True)]
    libraries = {one["filepath"]: one.get("architecture") for one in threadpool_info()}
    core = next(core for path, core in libraries.items() if "faiss_cpu.libs/libopenblas" in path)
    return {"core": core, "s": took_s, "cpu_s": took_cpu_s, "recall": float(np.mean(shares))}


def run(how: str, n_segments: int) -> dict[str, float | str]:
    """Measure in a process of its own, faiss loaded before soundkin or by it."""
    first = "import numpy, faiss; " if how == BY_ITSELF else ""
    code = f"{first}import json; from benchmarks.speed.faiss_core import measure; "
    code += f"print(json.dumps(measure({n_segments})))"
    done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE)
    found: dict[str, float | str] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure both by turns, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=2)
    options = parser.parse_args()
    print(describe_machine(), file=sys.stderr)
    found = [
        (how, run(how, options.segments)) for _ in range(options.runs) for how in (BY_ITSELF, TOLD)
    ]
    rows = []
    for how in (BY_ITSELF, TOLD):
        runs = [one for name, one in found if name == how]
        medians = [compute_median([float(one[key]) for one in runs]) for key in ("s", "cpu_s")]
        rows.append([how, runs[0]["core"], *(f"{s:.1f}" for s in medians)])
        rows[-1].append(f"{runs[0]['recall']:.4f}")
    print_table(["core", "which", "build s", "processor s", "in 100 of the 10 nearest"], rows)


if __name__ == "__main__":
    main()
