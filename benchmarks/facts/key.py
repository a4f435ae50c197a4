"""Is the key of music told, and none of what has none? Ours beside others'.

    python -m benchmarks.facts.key [--corpus FOLDER] [--held-out] [--music 240] [--kinds]

A key is worth 1 where it is right, .5 a fifth off, .3 the relative one, .2 the parallel one, as
MIREX counts. Others tell a key of anything, so soundkin has two rows: of the key that fits best,
and of what it tells. A folder of `--noises` is of sounds that have no key.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.facts.keyed import Keyed, make_keyed, make_keyless
from benchmarks.facts.one_shots import RATE, OneShots
from benchmarks.facts.peers import TellKey, find_key_peers, measure_facts
from benchmarks.facts.without_tempo import collect_untimed
from soundkin.audio.read import read_audio

LEAST_S = 2.0
BANDS = (0.45, 0.6, 0.8, 1.01)


def score(told: int | None, key: int) -> float:
    """Score a told key, 0-11 major, 12-23 minor, beside the true one, as MIREX does."""
    if told is None:
        return 0.0
    if told == key:
        return 1.0
    apart = (told - key) % 12
    if (told < 12) == (key < 12):
        return 0.5 if apart in (5, 7) else 0.0
    major, minor = min(told, key), max(told, key) - 12
    if (major + 9) % 12 == minor:
        return 0.3
    return 0.2 if major == minor else 0.0


def print_peer(name: str, tell: TellKey, music: list[Keyed], keyless: list[Keyed]) -> None:
    """Print a line of the table."""
    tell(music[0].samples)  # what is compiled or loaded first is no cost of each
    started = time.process_time()
    pairs = [(tell(one.samples), one.key) for one in music]
    spent_s = time.process_time() - started
    audio_s = sum(len(one.samples) for one in music) / RATE
    told = [(a, b) for a, b in pairs if a is not None]
    falsely = np.mean([tell(one.samples) is not None for one in keyless]) if keyless else 0.0
    scores = np.mean([score(a, b) for a, b in pairs if b is not None])
    right = sum(a == b for a, b in told)
    print(
        f"{name:40}{scores:8.3f}{right / len(pairs):8.3f}{len(told) / len(pairs):8.3f}"
        f"{right / max(1, len(told)):15.3f}{falsely:14.3f}{1000 * spent_s / audio_s:10.2f}"
    )


def print_kinds(music: list[Keyed], keyless: list[Keyed]) -> None:
    """Print ours by kind of music, timbre and drums, and whether its confidence is true."""
    rows: dict[str, list[tuple[bool, float]]] = defaultdict(list)
    bands: dict[int, list[bool]] = defaultdict(list)
    for one in music:
        facts = measure_facts(one.samples)
        told = None if facts.key_number is None else int(facts.key_number)
        assert one.key is not None
        for kind in (one.kind, one.timbre, f"drums {one.drums}"):
            rows[kind].append((told is not None, score(told, one.key)))
        if told is not None:
            bands[int(np.searchsorted(BANDS, facts.key_confidence))].append(told == one.key)
    for kind, found in rows.items():
        of_told = sum(points for _, points in found) / max(1, sum(was for was, _ in found))
        print(f"    {kind:24}told {sum(w for w, _ in found):4} of {len(found):4}, {of_told:.2f}")
    for band, found_right in sorted(bands.items()):
        low, high = BANDS[band - 1], min(1.0, BANDS[band])
        print(f"    confidence {low:.2f} to {high:.2f}: right {np.mean(found_right):.2f}"
              f" of {len(found_right)}")  # fmt: skip
    told_of: dict[str, list[bool]] = defaultdict(list)
    for one in keyless:
        told_of[one.kind].append(measure_facts(one.samples).key_number is not None)
    for kind, found_told in sorted(told_of.items()):
        print(f"    no key: {kind:24}told {sum(found_told)} of {len(found_told)}")


def collect_keyless(options: argparse.Namespace, shots: OneShots) -> list[Keyed]:
    """Collect what has no key, of 2 s and more."""
    n, seed, held_out = options.keyless, options.seed, options.held_out
    found = make_keyless(n, seed, shots)
    others = collect_untimed(n, seed, options.corpus, held_out=held_out)
    found += [Keyed(one.kind, one.name, "none", None, one.samples) for one in others]
    for path in sorted(options.noises.rglob("*.*"))[:: options.every] if options.noises else ():
        samples = read_audio(path, RATE).astype(np.float64)
        found.append(Keyed(options.noises.name, path.stem, "none", None, samples))
    return [one for one in found if len(one.samples) >= LEAST_S * RATE]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--held-out", action="store_true", help="other chords, timbres and hits")
    parser.add_argument("--music", type=int, default=240)
    parser.add_argument("--keyless", type=int, default=10, help="of each kind; twice of real ones")
    parser.add_argument("--noises", type=Path, help="a folder of sounds that have no key")
    parser.add_argument("--every", type=int, default=2, help="of those, one in so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", action="store_true", help="ours by kind, timbre and drums")
    parser.add_argument("--ours", action="store_true", help="no others")
    options = parser.parse_args()
    shots = OneShots(options.corpus, held_out=options.held_out)
    music = make_keyed(options.music, options.seed, shots, held_out=options.held_out)
    keyless = collect_keyless(options, shots)
    print(f"{len(music)} pieces of music, {len(keyless)} sounds without a key")
    print(f"{'':40}   MIREX   right    told  right of told  told of none  ms per s")
    for name, tell in find_key_peers().items():
        if name.startswith("soundkin") or not options.ours:
            is_ours = name in ("soundkin", "soundkin, best fit")
            print_peer(name, tell, music, keyless if is_ours else keyless[:20])
    if options.kinds:
        print_kinds(music, keyless)


if __name__ == "__main__":
    main()
