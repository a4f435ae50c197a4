"""How well `soundkin find` finds every occurrence of a sound in a generated hour.

    python -m benchmarks.search.occurrences CALLS_FOLDER... --rain FOLDER --others FOLDER
        [--seeds 0 1 2] [--rain-db -50] [--minutes 60] [--min-score X]

Sixty calls of six kinds lie in an hour of rain among three hundred other events. A kind is one
short recording drawn from CALLS_FOLDER; each of its ten calls has a pitch within 6 % of it
(resampled, so that its length changes too) and a peak between -6 and -36 dBFS. The rain is one
recording drawn from those below the rain folder, joined end to end with faded seams, at
`--rain-db` dBFS RMS. The other events are drawn from the folders of others, none from where a kind
comes from nor a copy of one, up to four seconds of each, at peaks between -6 and -36 dBFS. No two
overlap. A call is
found where an event overlaps it; what overlaps no call, and what overlaps one found before, is a
false one. Everything is drawn by the seed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

import soundkin
from benchmarks.harness.commands import print_table
from soundkin.audio.read import read_audio
from soundkin.audio.resample import resample_blocks
from soundkin.errors import AudioError

RATE = 32_000
N_KINDS = 6
N_CALLS = 60
N_OTHERS = 300
PITCH = 0.06
PEAKS_DB = (-36.0, -6.0)
CALL_S = (0.15, 1.5)
MAX_OTHER_S = 4.0
GAP_S = 0.3
SEAM_S = 1.0
FLOOR = 1e-3  # of the peak, below which a sound's ends are cut off
COPY_S = 1.5
COPY = 0.7  # cross-correlation of waveforms, from which on they are the same recording
SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3"}

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Call:
    """A call as it was put into the hour."""

    kind: int
    start_s: float
    end_s: float
    peak_db: float


def list_sounds(folder: Path) -> list[Path]:
    """List the sound files below a folder, or the file that it is."""
    if folder.is_file():
        return [folder]
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def read_trimmed(path: Path) -> Samples:
    """Read a sound with its quiet ends cut off, its peak at 1; empty where it cannot be read."""
    try:
        waveform = read_audio(path, RATE)
    except AudioError:
        return np.zeros(0, np.float32)
    peak = float(np.abs(waveform).max())
    if peak < 0.01:
        return np.zeros(0, np.float32)
    heard = np.flatnonzero(np.abs(waveform) > FLOOR * peak)
    return np.asarray(waveform[heard[0] : heard[-1] + 1] / peak, np.float32)


def draw_kinds(paths: Sequence[Path], generator: np.random.Generator) -> list[tuple[Path, Samples]]:
    """Draw short sounds of different folders."""
    kinds: list[tuple[Path, Samples]] = []
    for place in generator.permutation(len(paths)).tolist():
        path = paths[place]
        known = [other.parent for other, _ in kinds]
        waveform = read_trimmed(path)
        if CALL_S[0] <= len(waveform) / RATE <= CALL_S[1] and known.count(path.parent) < 2:
            kinds.append((path, waveform))
        if len(kinds) == N_KINDS:
            return kinds
    raise SystemExit("there are too few short sounds to draw kinds from")


def make_rain(paths: Sequence[Path], n_samples: int, generator: np.random.Generator) -> Samples:
    """Join a long enough recording of rain to itself, at an RMS of 1."""
    for place in generator.permutation(len(paths)).tolist():
        rain = read_audio(paths[place], RATE)
        if len(rain) >= 8 * RATE:
            break
    else:
        raise SystemExit("no recording of rain is longer than 8 s")
    n_seam = round(SEAM_S * RATE)
    fade = np.sqrt(np.linspace(0, 1, n_seam, dtype=np.float32))
    piece = rain.copy()
    piece[:n_seam] *= fade
    piece[-n_seam:] *= fade[::-1]
    joined = np.zeros(n_samples + len(piece), np.float32)
    for start in range(0, n_samples, len(piece) - n_seam):
        joined[start : start + len(piece)] += piece[: len(joined) - start]
    joined = joined[:n_samples]
    return joined / np.float32(np.sqrt(np.mean(np.square(joined, dtype=np.float64))))


def is_copy(one: Samples, other: Samples) -> bool:
    """Whether two sounds are the same recording: collections hold copies of each other's files."""
    one, other = one[: round(COPY_S * RATE)], other[: round(COPY_S * RATE)]
    size = 1 << (len(one) + len(other)).bit_length()
    spectrum = np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size))
    largest = float(np.abs(np.fft.irfft(spectrum, size)).max())
    return largest > COPY * float(np.linalg.norm(one) * np.linalg.norm(other))


def make_hour(
    kinds: Sequence[tuple[Path, Samples]],
    others: Sequence[Path],
    rain: Samples,
    generator: np.random.Generator,
    rain_db: float,
) -> tuple[Samples, list[Call]]:
    """Mix calls and other events into rain."""
    sources = {path.parent for path, _ in kinds}
    others = [path for path in others if path.parent not in sources]
    events: list[tuple[int | None, Samples]] = []
    for number in range(N_CALLS):
        kind = number % N_KINDS
        rate = round(RATE * generator.uniform(1 - PITCH, 1 + PITCH) / 10) * 10
        blocks = resample_blocks(iter([kinds[kind][1]]), rate, RATE)
        events.append((kind, np.concatenate(list(blocks))))
    while len(events) < N_CALLS + N_OTHERS:
        waveform = read_trimmed(others[int(generator.integers(len(others)))])
        if len(waveform) and not any(is_copy(waveform, kind) for _, kind in kinds):
            events.append((None, waveform[: round(MAX_OTHER_S * RATE)]))
    order = generator.permutation(len(events))
    lengths = np.array([len(events[place][1]) for place in order]) + round(GAP_S * RATE)
    slack = len(rain) - int(lengths.sum())
    if slack < 0:
        raise SystemExit("so many events do not fit; give more --minutes")
    gaps = np.sort(generator.integers(0, slack, len(events)))
    starts = gaps + np.concatenate([[0], np.cumsum(lengths)[:-1]])
    mixed = rain * np.float32(10 ** (rain_db / 20))
    calls = []
    for place, start in zip(order.tolist(), starts.tolist(), strict=True):
        kind_of, waveform = events[place]
        peak_db = float(generator.uniform(*PEAKS_DB))
        gain = np.float32(10 ** (peak_db / 20) / np.abs(waveform).max())
        mixed[start : start + len(waveform)] += gain * waveform
        if kind_of is not None:
            calls.append(Call(kind_of, start / RATE, (start + len(waveform)) / RATE, peak_db))
    return mixed, calls


def compare(
    found: Sequence[soundkin.Occurrence], calls: Sequence[Call]
) -> tuple[set[int], list[float]]:
    """Tell which calls were found, each by one event, and by how much their begins are off."""
    taken: set[int] = set()
    errors_s = []
    for event in sorted(found, key=lambda event: -event.score):
        for number, call in enumerate(calls):
            overlaps = event.start_s < call.end_s and event.end_s > call.start_s
            if number not in taken and overlaps:
                taken.add(number)
                errors_s.append(abs(event.start_s - call.start_s))
                break
    return taken, errors_s


def measure_hour(folder: Path, arguments: argparse.Namespace, seed: int) -> list[list[str]]:
    """Make an hour, index it, find each kind in it; a row for each kind."""
    generator = np.random.default_rng(seed)
    calls_from = [path for place in arguments.calls for path in list_sounds(place)]
    kinds = draw_kinds(calls_from, generator)
    n_samples = round(60 * arguments.minutes * RATE)
    rain = make_rain(list_sounds(arguments.rain), n_samples, generator)
    others = [path for place in arguments.others for path in list_sounds(place)]
    mixed, calls = make_hour(kinds, others, rain, generator, arguments.rain_db)
    path = folder / f"{seed}.wav"
    soundfile.write(path, np.clip(mixed, -1, 1), RATE, subtype="PCM_16")
    rows = []
    with soundkin.Library.open(folder / f"{seed}.sqlite", create=True) as library:
        soundkin.index_folders(library, [path])
        searcher = soundkin.Searcher(library)
        for kind, (source, waveform) in enumerate(kinds):
            here = [call for call in calls if call.kind == kind]
            query = soundkin.Waveform(0.5 * waveform, RATE)
            started = time.perf_counter()
            found = searcher.find(query, [path], min_score=arguments.min_score)
            took_s = time.perf_counter() - started
            taken, errors_s = compare(found.events, here)
            missed = sorted(call.peak_db for n, call in enumerate(here) if n not in taken)
            rows.append(
                [
                    str(seed),
                    f"{len(waveform) / RATE:.2f} s",
                    f"{found.min_score:.2f}",
                    *map(str, (len(here), len(found.events), len(taken))),
                    f"{1000 * float(np.median(errors_s or [0])):.0f} ms",
                    f"{60 * arguments.minutes / took_s:.0f} ×",
                    " ".join(f"{level:.0f}" for level in missed),
                    source.name,
                ]
            )
    path.unlink()
    return rows


def main() -> None:
    """Measure hours of several seeds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("calls", nargs="+", type=Path)
    parser.add_argument("--rain", type=Path, required=True)
    parser.add_argument("--others", nargs="+", type=Path, required=True)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rain-db", type=float, default=-50.0)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--min-score", type=float)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in arguments.seeds:
            rows += measure_hour(Path(folder), arguments, seed)
    header = (
        "seed",
        "kind",
        "least",
        "calls",
        "events",
        "found",
        "begin",
        "speed",
        "missed, dB",
        "",
    )
    print_table(header, rows)
    n_calls, n_events, n_found = (sum(int(row[column]) for row in rows) for column in (3, 4, 5))
    print(f"\nprecision {n_found / max(1, n_events):.3f}, recall {n_found / n_calls:.3f}")


if __name__ == "__main__":
    main()
