"""Give thousands of wrong sound files to the workers that index, and count what comes of them.

    python -m benchmarks.fuzz.run --number 20000 --keep /tmp/mutants
    python -m benchmarks.fuzz.run --only 1234 --keep /tmp/mutants

A mutant may be embedded, or refused with a reason; a native decoder may die of it, which costs
that file; all else is a defect. So is sound lost: FFmpeg, in a process apart, decodes more than was
heard, and no warning says that something is missing (`benchmarks/decoding/referee.py`).
The same seed makes the same mutants. Ends with status 1 where
there are defects. Two whole cases: `--tiny 100000` files, and one sound of `--hours 12`.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.decoding.referee import Referee, find_loss, is_comparable
from benchmarks.fuzz import extreme_collections
from benchmarks.fuzz.mutate import Mutant, make_mutant
from benchmarks.fuzz.seeds import NOT_MADE, Seed, make_seeds
from soundkin.embedding.model import find_model
from soundkin.embedding.pool import WorkerPool
from soundkin.embedding.segments import Embeddings
from soundkin.errors import AudioError, WorkerError
from soundkin.system import worker_parent

PATIENCE_S = 20.0
NORM_TOLERANCE = 1e-3
DEFECTS = ("died of Python", "wrong answer", "wrong reason", "sound lost")
GOOD = ("embedded", "embedded, FFmpeg is no judge", "embedded in part", "refused")
SAMPLE_EVERY = 250


@dataclass
class Tally:
    """What came of the mutants: how many of each outcome, and the numbers of those to look at."""

    outcomes: Counter[str] = field(default_factory=Counter)
    noted: list[tuple[Mutant, str]] = field(default_factory=list)
    slowest: list[tuple[float, int]] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)

    @property
    def defects(self) -> list[tuple[Mutant, str]]:
        """The mutants that show a fault of soundkin's own."""
        return [(mutant, what) for mutant, what in self.noted if what.startswith(DEFECTS)]

    def add(self, mutant: Mutant, outcome: str, detail: str, seconds: float) -> None:
        """Count one."""
        self.outcomes[outcome] += 1
        if outcome not in GOOD:
            self.noted.append((mutant, f"{outcome}: {detail}"))
        self.slowest = sorted([*self.slowest, (seconds, mutant.number)])[-5:]


def judge(future: Future[Embeddings], path: str, referee: Referee) -> tuple[str, str]:
    """Tell what came of a file: an outcome, and its details."""
    try:
        found = future.result()
    except WorkerError as error:
        reason = str(error).removeprefix(f"{path}: ")
        if "exit status" in reason:
            return "died of Python", reason
        return ("hung" if "was ended" in reason else "died of its decoder"), reason
    except AudioError as error:
        text = str(error)
        fits = text.startswith(f"{path}: ") and len(text) > len(path) + 4 and "\n" not in text
        return ("refused" if fits else "wrong reason"), text
    assert found.info is not None
    wrong = find_fault(found)
    if wrong:
        return "wrong answer", wrong
    if found.warning:
        return "embedded in part", ""
    verdict = referee.judge(path)
    if verdict is None or not is_comparable(found.info.format, verdict):
        return "embedded, FFmpeg is no judge", ""
    lost = find_loss(found.duration_s, found.info.sample_rate, verdict)
    return ("sound lost", f"{found.info.format}: {lost}") if lost else ("embedded", "")


def find_fault(found: Embeddings) -> str | None:
    """Find what is wrong with embeddings, whatever they are of."""
    norms = np.linalg.norm(found.vectors.astype(np.float64), axis=1)
    facts = [value for value in asdict(found.facts).values() if value is not None]
    assert found.info is not None
    if not len(found.vectors) == len(found.levels_db) > 0:
        return f"{len(found.vectors)} vectors, {len(found.levels_db)} levels"
    if not np.isfinite(norms).all() or np.abs(norms - 1).max() > NORM_TOLERANCE:
        return f"norms from {norms.min()} to {norms.max()}"
    if not np.isfinite(found.levels_db).all():
        return "levels that are no numbers"
    if not (math.isfinite(found.duration_s) and found.duration_s > 0):
        return f"{found.duration_s} s"
    if not all(math.isfinite(value) for value in facts):
        return f"facts that are no numbers: {found.facts}"
    if found.info.sample_rate <= 0 or found.info.n_channels <= 0:
        return f"headers that cannot be: {found.info}"
    return None


def run_mutants(
    numbers: Iterable[int], seeds: Sequence[Seed], seed: int, n_workers: int | None = None
) -> Iterator[Tally]:
    """Embed mutants as indexing would, and yield the tally after each."""
    tally = Tally()
    waiting: deque[tuple[Mutant, Path, float, Future[Embeddings]]] = deque()
    with (
        tempfile.TemporaryDirectory(prefix="soundkin-mutants-") as folder,
        WorkerPool(find_model(), n_workers) as pool,
        Referee() as referee,
    ):

        def finish() -> Tally:
            mutant, path, submitted, future = waiting.popleft()
            outcome, detail = judge(future, str(path), referee)
            path.unlink()
            tally.add(mutant, outcome, detail, time.monotonic() - submitted)
            if sum(tally.outcomes.values()) % SAMPLE_EVERY == 0:
                tally.memory_mb.append(read_largest_mb(pool))
            return tally

        for number in numbers:
            mutant = make_mutant(seeds, seed, number)
            path = Path(folder) / f"{number}{mutant.suffix}"
            path.write_bytes(mutant.content)
            waiting.append((mutant, path, time.monotonic(), pool.submit(str(path))))
            if len(waiting) > 4 * pool.n_workers:
                yield finish()
        while waiting:
            yield finish()


def read_largest_mb(pool: WorkerPool) -> float:
    """Read the memory of the worker that has most of it."""
    found = [0.0]
    for pid in pool.list_pids():
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        except OSError:
            continue
        found += [int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS")]
    return max(found)


def report(tally: Tally, elapsed_s: float) -> None:
    """Print the table."""
    total = sum(tally.outcomes.values())
    print(f"\n{total} mutants in {elapsed_s:.0f} s, {total / elapsed_s:.0f} a second")
    for outcome, count in tally.outcomes.most_common():
        print(f"{outcome:28} {count:7} {100 * count / total:6.2f} %")
    print("slowest: " + ", ".join(f"{s:.1f} s (--only {n})" for s, n in tally.slowest[::-1]))
    if len(tally.memory_mb) > 4:
        quarter = len(tally.memory_mb) // 4
        first = np.median(tally.memory_mb[:quarter])
        last = np.median(tally.memory_mb[-quarter:])
        print(
            f"memory of the largest worker: {first:.0f} MB in the first quarter, {last:.0f} MB in"
            f" the last, {max(tally.memory_mb):.0f} MB at most"
        )


def tell(mutant: Mutant, what: str, keep: Path | None) -> None:
    """Print a mutant to look at; write it out, if there is a folder to keep it in."""
    shown = re.sub(r"\S*soundkin-mutants-\w+/", "", what)
    deeds = " ".join(mutant.deeds)
    print(f"--only {mutant.number}: {mutant.seed}, {deeds}, {mutant.suffix}: {shown}", flush=True)
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{mutant.number}{mutant.suffix}").write_bytes(mutant.content)


def main() -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--number", type=int, default=20_000, help="how many mutants")
    parser.add_argument("--seed", type=int, default=0, help="other mutants")
    parser.add_argument("--only", type=int, help="this one alone, written out to --keep")
    parser.add_argument("--keep", type=Path, help="a folder for the mutants that do harm")
    parser.add_argument("--tiny", type=int, default=0, help="index so many files of 10 ms instead")
    parser.add_argument("--hours", type=float, default=0, help="index one sound so long instead")
    options = parser.parse_args()
    if options.tiny or options.hours:
        return extreme_collections.run(options.tiny, options.hours)
    seeds = make_seeds()
    print(f"{len(seeds)} seeds; nothing here makes {', '.join(NOT_MADE)}", flush=True)
    worker_parent.PATIENCE_S = PATIENCE_S
    numbers = range(options.number) if options.only is None else [options.only]
    started, tally, n_told = time.monotonic(), Tally(), 0
    for tally in run_mutants(numbers, seeds, options.seed):
        for mutant, what in tally.noted[n_told:]:
            tell(mutant, what, options.keep)
        n_told = len(tally.noted)
        done = sum(tally.outcomes.values())
        if done % 1000 == 0:
            counts = ", ".join(f"{count} {what}" for what, count in tally.outcomes.most_common())
            print(f"{done} in {time.monotonic() - started:.0f} s: {counts}", file=sys.stderr)
    report(tally, time.monotonic() - started)
    if options.only is not None and options.keep is not None:
        mutant = make_mutant(seeds, options.seed, options.only)
        options.keep.mkdir(parents=True, exist_ok=True)
        path = options.keep / f"{mutant.number}{mutant.suffix}"
        path.write_bytes(mutant.content)
        print(f"{path}: {mutant.seed}, {' '.join(mutant.deeds)}")
    return 1 if tally.defects else 0


if __name__ == "__main__":
    sys.exit(main())
