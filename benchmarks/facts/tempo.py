"""Is the tempo of loops told, and none of what has none? Ours beside others'.

    python -m benchmarks.facts.tempo [--corpus FOLDER] [--held-out] [--loops 98] [--styles]

Right is within 2 % of the tempo that a loop was made at; octave within 2 % of its half, double,
third or triple. A corpus (`manifest.csv` with `file, repository, path`) gives more real hits, and
real sounds without tempo; the half that is not `--held-out` is what soundkin was tuned on.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from pathlib import Path

from benchmarks.facts.loops import Loop, make_loops
from benchmarks.facts.one_shots import RATE, OneShots
from benchmarks.facts.peers import TellTempo, find_peers
from benchmarks.facts.without_tempo import Untimed, collect_untimed

WITHIN = 0.02
OCTAVES = (2, 1 / 2, 3, 1 / 3)
WORDS = ("right", "octave", "wrong", "none")


def judge(told: float | None, bpm: float) -> str:
    """Say what a told tempo is beside the true one."""
    if told is None:
        return "none"
    if abs(told / bpm - 1) <= WITHIN:
        return "right"
    return "octave" if any(abs(told / bpm / o - 1) <= WITHIN for o in OCTAVES) else "wrong"


def print_peer(
    name: str, tell: TellTempo, loops: list[Loop], untimed: list[Untimed], *, by_style: bool
) -> None:
    """Print a line of the table, and lines for each style, ending, length and kind if asked."""
    tell(loops[0].samples)  # what is compiled or loaded first is no cost of each
    started = time.perf_counter()
    judged = [(loop, judge(tell(loop.samples), loop.bpm)) for loop in loops]
    told = [(sound, tell(sound.samples) is not None) for sound in untimed]
    spent_s = time.perf_counter() - started
    audio_s = sum(len(one.samples) for one in [*loops, *untimed]) / RATE
    counts = Counter(word for _, word in judged)
    shares = "  ".join(f"{counts[word] / len(loops):6.3f}" for word in WORDS)
    near = (counts["right"] + counts["octave"]) / len(loops)
    falsely = sum(is_told for _, is_told in told) / max(1, len(told))
    print(f"{name:30}{shares}  {near:12.3f}  {falsely:12.3f}  {1000 * spent_s / audio_s:8.2f}")
    if not by_style:
        return
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for loop, word in judged:
        for kind in (loop.style, f"{loop.n_bars} bars", loop.ending):
            rows[kind][word] += 1
    for kind, found in sorted(rows.items()):
        print(f"    {kind:26}" + "  ".join(f"{found[word]:6}" for word in WORDS))
    for kind in sorted({sound.kind for sound in untimed}):
        of_kind = [is_told for sound, is_told in told if sound.kind == kind]
        print(f"    {kind:26}told {sum(of_kind)} of {len(of_kind)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--held-out", action="store_true", help="other hits, and more styles")
    parser.add_argument("--loops", type=int, default=98)
    parser.add_argument("--untimed", type=int, default=10, help="of each kind; twice of real ones")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--styles", action="store_true", help="ours by style, ending and length")
    options = parser.parse_args()
    held_out = options.held_out
    shots = OneShots(options.corpus, held_out=held_out)
    loops = make_loops(options.loops, options.seed, shots, held_out=held_out)
    untimed = collect_untimed(options.untimed, options.seed, options.corpus, held_out=held_out)
    print(f"{len(loops)} loops, {len(untimed)} sounds without tempo")
    heads = "  ".join(f"{word:>6}" for word in WORDS)
    print(f"{'':30}{heads}  right+octave  told of none  ms per s")
    for name, tell in find_peers().items():
        print_peer(name, tell, loops, untimed, by_style=options.styles and name == "soundkin")


if __name__ == "__main__":
    main()
