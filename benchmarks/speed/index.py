"""How fast and how lean indexing is, beside decoding and resampling the same files alone.

    python -m benchmarks.speed.index FOLDER... [--runs 3] [--model kin]

FOLDERs hold real recordings; a mix of a third each WAV, Ogg and MP3 is made of them first. Each
run times, in turn, `soundkin index` into a new library, and the same number of processes that
only decode and resample. The second part makes 5,000 short files and one of three hours.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.harness.commands import (
    COMMAND,
    compute_median,
    describe_machine,
    print_table,
    run_command,
)
from soundkin.audio.decoders.open import open_decoder
from soundkin.audio.read import stream_audio
from soundkin.audio.walk import FoundFile, walk_audio
from soundkin.errors import AudioError
from soundkin.system.processors import count_processors

SAMPLE_RATE = 32_000  # of both shipped models
FORMATS = (("wav", "WAV", "PCM_16"), ("ogg", "OGG", "VORBIS"), ("mp3", "MP3", "MPEG_LAYER_III"))


def make_mix(folders: list[str], target: Path, hours: float) -> float:
    """Write recordings again in three formats by turns until there are enough; returns hours."""
    total_s = 0.0
    for number, found in enumerate(f for folder in folders for f in walk_audio(folder)):
        if total_s > hours * 3600:
            break
        if not isinstance(found, FoundFile):
            continue
        suffix, container, subtype = FORMATS[number % 3]
        try:
            data, rate = soundfile.read(found.path, dtype="float32", always_2d=True)
            path = target / f"{number:05}.{suffix}"
            with soundfile.SoundFile(
                path, "w", rate, data.shape[1], subtype, format=container
            ) as file:
                for start in range(0, len(data), rate):
                    file.write(data[start : start + rate])
        except (soundfile.LibsndfileError, ValueError):
            continue
        total_s += len(data) / rate
    return total_s / 3600


def decode(path: str) -> float:
    """Decode and resample one file, and drop it; returns its seconds."""
    try:
        with open_decoder(path) as decoder:
            return sum(map(len, stream_audio(decoder, SAMPLE_RATE))) / SAMPLE_RATE
    except AudioError:
        return 0.0


def time_decoding(folder: Path) -> tuple[float, float]:
    """Decode every file in as many processes as indexing uses; returns seconds, audio seconds."""
    files = [found for found in walk_audio(str(folder)) if isinstance(found, FoundFile)]
    files.sort(key=lambda file: -file.size)
    with multiprocessing.get_context("spawn").Pool(count_processors()) as pool:
        pool.map(decode, [file.path for file in files[:2]], chunksize=1)  # all started and loaded
        started = time.perf_counter()
        audio_s = sum(pool.imap_unordered(decode, [file.path for file in files], chunksize=1))
        return time.perf_counter() - started, audio_s


def compare_speed(folder: Path, runs: int, model: str = "melstats") -> None:
    """Print indexing beside decoding alone."""
    rows, ratios, usages = [], [], []
    for number in range(runs):
        library = folder.parent / f"speed-{number}.sqlite"
        indexed = run_command([COMMAND, "index", folder, "--library", library, "--model", model])
        decode_s, audio_s = time_decoding(folder)
        ratios.append(decode_s / indexed.wall_s)
        usages.append(indexed.cpu_s / indexed.wall_s / count_processors())
        rows.append(
            [
                str(number + 1),
                f"{audio_s / 3600:.2f}",
                f"{decode_s:.1f}",
                f"{indexed.wall_s:.1f}",
                f"{audio_s / indexed.wall_s:.0f}",
                f"{ratios[-1]:.2f}",
                f"{usages[-1]:.0%}",
            ]
        )
    columns = ["run", "hours", "decode s", "index s", "× real time", "ratio", "cores used"]
    print_table(columns, rows)
    wanted = "≥ 0.6 wanted with melstats, ≥ 0.5 with kin"
    print(f"\nmedian ratio {compute_median(ratios):.2f} ({wanted})\n")


def measure_memory(folder: Path) -> None:
    """Print the peak memory of indexing 5,000 short files and one of three hours."""
    generator = np.random.default_rng(0)
    for number in range(5000):
        noise = 0.1 * generator.standard_normal(4000)
        soundfile.write(folder / f"{number}.wav", noise, 16_000)
    hour = 0.1 * generator.standard_normal(3600 * 22_050)
    with soundfile.SoundFile(folder / "long.flac", "w", 22_050, 1) as file:
        for _ in range(3):
            file.write(hour)
    library = folder.parent / "memory.sqlite"
    measured = run_command([COMMAND, "index", folder, "--library", library], follow_memory=True)
    print(
        f"5,000 short files and one of 3 hours: {measured.wall_s:.1f} s, peak memory of all"
        f" processes {measured.peak_mb:.0f} MB (< 700 MB wanted)"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--model", default="melstats")
    parser.add_argument("--hours", type=float, default=2.2)
    arguments = parser.parse_args()
    print(f"{describe_machine()}\n")
    with tempfile.TemporaryDirectory() as name:
        mix, many = Path(name) / "mix", Path(name) / "many"
        mix.mkdir()
        many.mkdir()
        hours = make_mix(arguments.folders, mix, arguments.hours)
        print(f"{hours:.2f} hours in {len(list(mix.iterdir()))} files, WAV, Ogg and MP3 by turns\n")
        compare_speed(mix, arguments.runs, arguments.model)
        measure_memory(many)


if __name__ == "__main__":
    main()
