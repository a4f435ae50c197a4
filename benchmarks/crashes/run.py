"""Attacks on a library: killed at any instant, disks full, cut power, files that fail or change.

    python -m benchmarks.crashes.run [--kills 500] [--others 40] [--seed 0] [--only NAME]

Every kill is SIGKILL at an instant drawn at random: half of them by the clock, half at a call that
changes a file, of these half in the middle of a write. After it `soundkin verify` must find nothing
damaged, everything that was committed before must be there, and running the command again must end
with the library that an undisturbed run makes, row for row and bit for bit.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.crashes.disk_faults import (
    change_files,
    cut_power,
    fail_reads,
    fill_disks,
    flip_bytes,
    revoke_permissions,
)
from benchmarks.crashes.launcher import Fault, Outcome, launch
from benchmarks.crashes.states import Action, Stage, attack, list_actions
from benchmarks.harness.commands import describe_machine, print_table


@dataclass
class Tally:
    """What came of the attacks of one kind."""

    n_runs: int = 0
    n_hit: int = 0
    seconds: float = 0.0


def draw_kill(action: Action, done: Outcome, generator: np.random.Generator) -> Fault:
    """Draw when to kill, and how."""
    if generator.random() < 0.5:
        return Fault(after_s=float(generator.uniform(0, 1.05 * done.elapsed_s)))
    at_call = int(generator.integers(1, max(2, done.n_calls + 1)))
    return Fault(at_call=at_call, torn=bool(generator.random() < 0.5))


def run_kills(
    stage: Stage, n_kills: int, generator: np.random.Generator, only: str = ""
) -> dict[str, Tally]:
    """Kill every action in turn, so many times in all."""
    actions = [action for action in list_actions(stage) if only in action.name]
    tallies = {action.name: Tally() for action in actions}
    n_killed = 0
    while n_killed < n_kills:
        for action in actions[: n_kills - n_killed]:
            fault = draw_kill(action, stage.find_undisturbed(action)[1], generator)
            started = time.monotonic()
            watch = action.is_watched and bool(generator.random() < 0.5)
            try:
                is_killed = attack(stage, action, fault, watch=watch).is_killed
            except AssertionError as error:
                raise AssertionError(f"{action.name}, {fault}: {error}") from error
            tally = tallies[action.name]
            tally.n_runs += 1
            tally.n_hit += is_killed
            tally.seconds += time.monotonic() - started
            n_killed += is_killed
    return tallies


ATTACKS: dict[str, Callable[[Stage, int, np.random.Generator], str]] = {
    "disk full": lambda stage, n, generator: (
        f"{n} runs, {fill_disks(stage, n, generator)} of them too large for it"
    ),
    "reads fail (EIO)": lambda stage, n, generator: f"{fail_reads(stage)} runs",
    "permissions taken": lambda stage, n, generator: f"{revoke_permissions(stage)} runs",
    "files change": lambda stage, n, generator: (
        f"{change_files(stage, max(1, n // 8), generator)} changes"
    ),
    "bytes of the file changed": lambda stage, n, generator: (
        f"{2 * n} files, {flip_bytes(stage, 2 * n, generator)} of them found damaged"
    ),
    "power cut": lambda stage, n, generator: (
        f"{n} cuts, {cut_power(stage, n, generator)} lost something not acknowledged"
    ),
}


def main() -> None:
    """Attack, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--others", type=int, default=40, help="other faults of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="part of an action's name")
    given = parser.parse_args()
    print(f"{describe_machine()}, seed {given.seed}\n")
    generator = np.random.default_rng(given.seed)
    with tempfile.TemporaryDirectory() as name, launch(Path(name)) as launcher:
        stage = Stage(Path(name), launcher)
        started = time.monotonic()
        tallies = run_kills(stage, given.kills, generator, given.only)
        seconds = time.monotonic() - started
        rows = [
            [name, str(tally.n_hit), str(tally.n_runs - tally.n_hit), f"{tally.seconds:.0f} s"]
            for name, tally in tallies.items()
        ]
        print_table(["killed", "kills", "ended before", "time"], rows)
        n_killed = sum(tally.n_hit for tally in tallies.values())
        print(f"\n{n_killed} kills in {seconds:.0f} s ({60 * n_killed / seconds:.0f} a minute)\n")
        if given.others and not given.only:
            rows = []
            for title, fault in ATTACKS.items():
                started = time.monotonic()
                words = fault(stage, given.others, generator)
                rows.append([title, words, f"{time.monotonic() - started:.0f} s"])
            print_table(["fault", "how often", "time"], rows)


if __name__ == "__main__":
    main()
