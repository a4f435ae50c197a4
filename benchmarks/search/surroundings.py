"""Is a sound found whatever surrounds it? Every sound of some folders, as people meet it.

    python -m benchmarks.search.surroundings FOLDER... [--sounds 1000] [--row NAME]...

The folders are indexed into a library of its own. Then each sound is searched with as it is, with
silence or room before and behind it, softer, over noise, coded, cut a little, and inside a take;
through the same way as any query. Of each surrounding the table says how often the sound's own
recording comes first, its median score, and the rank that nineteen in twenty have or better.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from soundkin.audio.read import read_audio
from soundkin.errors import QueryError
from soundkin.indexing.folders import index_folders
from soundkin.library.open import open_library
from soundkin.library.records import Recording
from soundkin.search.hits import Hit
from soundkin.search.query import EmbeddedQuery, Waveform
from soundkin.search.searcher import Searcher

RATE = 44_100
TOP = 50
LONGEST_S = 15.0
PEAK = 0.5  # -6 dBFS

Sound = npt.NDArray[np.float32]
Surround = Callable[[Sound, np.random.Generator], tuple[Sound, int]]


def pad(before_s: float, after_s: float) -> Surround:
    """Digital silence around it."""

    def surround(sound: Sound, _: np.random.Generator) -> tuple[Sound, int]:
        return np.pad(sound, (round(before_s * RATE), round(after_s * RATE))), RATE

    return surround


def in_room(before_s: float, after_s: float, floor_db: float) -> Surround:
    """White noise under it, before and behind it; it peaks at -6 dBFS."""

    def surround(sound: Sound, generator: np.random.Generator) -> tuple[Sound, int]:
        sound = PEAK * sound / max(float(np.abs(sound).max()), 1e-9)
        padded, _ = pad(before_s, after_s)(sound, generator)
        noise = generator.standard_normal(len(padded)).astype(np.float32)
        return padded + np.float32(10 ** (floor_db / 20)) * noise, RATE

    return surround


def in_take(seconds: float, floor_db: float) -> Surround:
    """At 1.3 s of a take of so many seconds, or longer where it has to be."""

    def surround(sound: Sound, generator: np.random.Generator) -> tuple[Sound, int]:
        after_s = max(0.3, seconds - 1.3 - len(sound) / RATE)
        return in_room(1.3, after_s, floor_db)(sound, generator)

    return surround


def scale(level_db: float) -> Surround:
    """At another level, in 16 bits, as files have it."""

    def surround(sound: Sound, _: np.random.Generator) -> tuple[Sound, int]:
        softer = sound * np.float32(10 ** (level_db / 20))
        return np.round(softer * 32_768) / np.float32(32_768), RATE

    return surround


def trim(start_s: float, end_s: float) -> Surround:
    """Cut at both ends, of what is long enough."""

    def surround(sound: Sound, _: np.random.Generator) -> tuple[Sound, int]:
        first, last = round(start_s * RATE), len(sound) - round(end_s * RATE)
        return (sound[first:last] if last - first > RATE // 20 else sound), RATE

    return surround


def resample(rate: int) -> Surround:
    """At another rate."""
    return lambda sound, _: (soxr.resample(sound, RATE, rate).astype(np.float32), rate)


def quantise(bits: int) -> Surround:
    """In so many bits."""
    steps = np.float32(1 << (bits - 1))
    return lambda sound, _: (np.round(sound * steps) / steps, RATE)


def code(kind: str, subtype: str, level: float | None = None) -> Surround:
    """Coded and decoded by libsndfile."""

    def surround(sound: Sound, _: np.random.Generator) -> tuple[Sound, int]:
        rate = 48_000 if subtype == "OPUS" else RATE
        samples = sound if rate == RATE else soxr.resample(sound, RATE, rate)
        file = io.BytesIO()
        options = {} if level is None else {"compression_level": level}
        soundfile.write(
            file, np.clip(samples, -1, 1), rate, format=kind, subtype=subtype, **options
        )
        file.seek(0)
        return soundfile.read(file, dtype="float32")[0], rate

    return surround


def code_aac(sound: Sound, _: np.random.Generator) -> tuple[Sound, int]:
    """Coded as M4A at 128 kbit/s by FFmpeg, and decoded by soundkin."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.m4a"
        with av.open(path, "w") as container:
            stream = container.add_stream("aac", rate=RATE, layout="mono")
            stream.bit_rate = 128_000
            frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
            frame.sample_rate = RATE
            for packet in (*stream.encode(frame), *stream.encode(None)):
                container.mux(packet)
        return read_audio(path, RATE), RATE


SURROUNDINGS: dict[str, Surround] = {
    "as it is": lambda sound, _: (sound, RATE),
    "20 ms of silence before": pad(0.02, 0),
    "0.3 s of silence before": pad(0.3, 0),
    "1 s before, 1 s behind": pad(1, 1),
    "2 s of silence behind": pad(0, 2),
    "room at -60 around": in_room(1, 1, -60),
    "room at -50 behind": in_room(0, 2, -50),
    "level -6 dB": scale(-6),
    "level -20 dB": scale(-20),
    "level -30 dB": scale(-30),
    "level -40 dB": scale(-40),
    "floor -90 dBFS": in_room(0, 0, -90),
    "floor -70 dBFS": in_room(0, 0, -70),
    "floor -60 dBFS": in_room(0, 0, -60),
    "floor -50 dBFS": in_room(0, 0, -50),
    "MP3 128 kbit/s": code("MP3", "MPEG_LAYER_III", 0.6),
    "Ogg Vorbis": code("OGG", "VORBIS", 0.6),
    "Opus": code("OGG", "OPUS", 0.5),
    "M4A 128 kbit/s": code_aac,
    "8 bit": quantise(8),
    "22.05 kHz": resample(22_050),
    "96 kHz": resample(96_000),
    "20 ms less at the start": trim(0.02, 0),
    "20 ms less at the end": trim(0, 0.02),
    "turned round": lambda sound, _: (-sound, RATE),
    "a constant under it": lambda sound, _: (sound + np.float32(0.02), RATE),
    "in a take of 3 s": in_take(3, -60),
    "in a take of 10 s": in_take(10, -60),
    "in a take of 3 s, floor -50": in_take(3, -50),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--sounds", type=int, default=1000, help="at most, drawn at random")
    parser.add_argument("--row", action="append", help="only this surrounding; may be repeated")
    words = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        open_library(f"{folder}/l.sqlite", create=True) as library,
    ):
        index_folders(library, words.folders)
        searcher = Searcher(library)
        recordings = [
            one
            for one in library.select_recordings()
            if one.duration_s <= LONGEST_S and one.facts and one.facts.loudness_lufs is not None
        ]
        if len(recordings) > words.sounds:
            chosen = np.random.default_rng(0).choice(len(recordings), words.sounds, replace=False)
            recordings = [recordings[place] for place in np.sort(chosen)]
        sounds = [read_audio(one.path, RATE) for one in recordings]
        print(f"{len(sounds)} sounds of {library.count().n_recordings} recordings")
        print(f"{'surrounding':32s} own first   median score   rank of 95 %")
        for name in words.row or SURROUNDINGS:
            found = list(measure(searcher, recordings, sounds, SURROUNDINGS[name]))
            ranks = np.array([rank for rank, _ in found])
            median = float(np.median([score for _, score in found]))
            worst = np.quantile(ranks, 0.95, method="higher")
            rank = f"> {TOP}" if worst > TOP else f"{worst:.0f}"
            print(f"{name:32s} {(ranks == 1).mean():9.3f} {median:14.3f} {rank:>14s}", flush=True)


def measure(
    searcher: Searcher, recordings: list[Recording], sounds: list[Sound], surround: Surround
) -> Iterator[tuple[int, float]]:
    """Yield the rank and the score that each sound's own recording has.

    What is too soft for a query by now is not found.
    """
    generator = np.random.default_rng(1)
    asked: list[tuple[Recording, EmbeddedQuery]] = []
    for recording, sound in zip(recordings, sounds, strict=True):
        try:
            asked.append((recording, searcher.embed(Waveform(*surround(sound, generator)))))
        except QueryError:
            yield TOP + 1, 0.0
    found = searcher.search_many([query for _, query in asked], TOP)
    for (recording, _), hits in zip(asked, found, strict=True):
        own = [hit for hit in hits if hit.recording.content_id == recording.content_id]
        if not own:
            yield TOP + 1, 0.0
            continue
        best = own[0]
        better = [hit for hit in hits[: best.rank - 1] if not _are_tied(hit, best)]
        yield len(better) + 1, best.score


def _are_tied(one: Hit, other: Hit) -> bool:
    """Tell whether two hits were ranked by nothing that tells them apart."""
    return one.same_sound == other.same_sound and abs(one.score - other.score) < 1e-6


if __name__ == "__main__":
    main()
