"""Decoded audio on disk, ready to be drawn from in training: one memory-mapped int16 file.

What is short is there from its onset to its end, as it is embedded. The cache is made once per set
of folders; recordings have numbers, no names.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from soundkin.audio.audible import find_sound
from soundkin.audio.decoders.decoder_process import DecoderProcesses
from soundkin.audio.read import stream_audio
from soundkin.audio.walk import FoundFile, Unreadable, resolve_root, walk_audio
from soundkin.embedding.sound_stream import TAKE_S
from soundkin.errors import AudioError, TrainingError, WorkerError
from soundkin.progress import Failure, ignore
from soundkin.system.files import hash_file, write_aside

FULL_SCALE = 32767.0
MIN_S = 0.05
MIN_PEAK = 1e-3
DECODING_THREADS = 4
IN_FLIGHT = 16
MIN_RECORDINGS = 8
SPOOL_BYTES = 1 << 24


@dataclass(frozen=True)
class WaveformCache:
    """Recordings side by side: number i has samples `offsets[i]` to `offsets[i + 1]`."""

    samples: npt.NDArray[np.int16]
    offsets: npt.NDArray[np.int64]
    sample_rate: int
    failures: tuple[Failure, ...] = ()

    @property
    def duration_s(self) -> float:
        """Seconds of audio in all."""
        return len(self.samples) / self.sample_rate


def build_cache(
    folders: Sequence[str | Path],
    cache: Path,
    sample_rate: int,
    *,
    on_progress: Callable[[int, int], None] = ignore,
) -> WaveformCache:
    """Decode every audio file below folders once; the same bytes twice count once.

    A cache that is there already, of the same files, is taken as it is. Silent files and those
    under 50 ms are left out.

    Raises
    ------
    SoundkinError
        A folder is missing, nothing can be used, or the cache cannot be written.
    """
    found = [one for folder in folders for one in walk_audio(resolve_root(folder))]
    files = sorted({(f.path, f.size, f.mtime_ns) for f in found if isinstance(f, FoundFile)})
    unreadable = [
        Failure(u.path, u.reason) for u in found if isinstance(u, Unreadable) and u.matters
    ]
    facts = {"sample_rate": sample_rate, "files": [list(file) for file in files]}
    listing = cache.with_suffix(".json")
    try:
        known = json.loads(listing.read_text("utf-8")) if listing.exists() else {}
        if {key: known.get(key) for key in facts} != facts:
            facts |= _decode_all([path for path, *_ in files], cache, sample_rate, on_progress)
            with write_aside(listing) as file:
                file.write(json.dumps(facts).encode())
            known = facts
    except (OSError, ValueError) as error:
        raise TrainingError(f"{cache}: {getattr(error, 'strerror', None) or error}") from error
    if len(known["offsets"]) < 2:
        raise TrainingError(f"no sound to train on below {', '.join(map(str, folders))}")
    built = open_cache(cache)
    return replace(built, failures=(*unreadable, *built.failures))


def open_cache(cache: Path) -> WaveformCache:
    """Open a cache that `build_cache` made, on this machine or on another that sees it, too.

    Raises
    ------
    TrainingError
        It is not there, or damaged.
    """
    try:
        known = json.loads(cache.with_suffix(".json").read_text("utf-8"))
        return WaveformCache(
            samples=np.memmap(cache, np.int16, "r"),
            offsets=np.array(known["offsets"], np.int64),
            sample_rate=known["sample_rate"],
            failures=tuple(Failure(*failure) for failure in known["failures"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{cache}: {getattr(error, 'strerror', None) or error}") from error


def split_recordings(
    cache: WaveformCache, held_out: float, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Hold a share of the recordings out, by chance; returns the others and these, ascending.

    Raises
    ------
    TrainingError
        There are too few.
    """
    count = len(cache.offsets) - 1
    if count < MIN_RECORDINGS:
        raise TrainingError(
            f"{count} recordings are too few to train on; at least {MIN_RECORDINGS} are needed"
        )
    order = np.random.default_rng([seed, 1 << 41]).permutation(count)
    n_held_out = max(2, round(held_out * count))
    return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])


def _decode_all(
    paths: Sequence[str], cache: Path, sample_rate: int, on_progress: Callable[[int, int], None]
) -> dict[str, object]:
    seen: set[bytes] = set()
    failures: list[Failure] = []
    offsets = [0]

    def decode(path: str) -> _Decoded | Failure:
        try:
            return _decode(path, processes, sample_rate, cache.parent)
        except (AudioError, WorkerError) as error:
            return Failure.of(path, error)

    with (
        write_aside(cache) as file,
        DecoderProcesses() as processes,
        ThreadPoolExecutor(DECODING_THREADS) as threads,
    ):
        for start in range(0, len(paths), IN_FLIGHT):
            part = paths[start : start + IN_FLIGHT]
            for found in threads.map(decode, part):
                if isinstance(found, Failure):
                    failures.append(found)
                    continue
                with found.spool:
                    if found.is_usable and found.digest not in seen:
                        seen.add(found.digest)
                        found.spool.seek(0)
                        shutil.copyfileobj(found.spool, file, SPOOL_BYTES)
                        offsets.append(offsets[-1] + found.n_samples)
            on_progress(min(start + IN_FLIGHT, len(paths)), len(paths))
    return {"offsets": offsets, "failures": [[f.path, f.reason] for f in failures]}


@dataclass(frozen=True)
class _Decoded:
    """A decoded file, in memory where it is short and on disk where it is long."""

    digest: bytes
    spool: tempfile.SpooledTemporaryFile[bytes]
    n_samples: int
    is_usable: bool


def _decode(path: str, processes: DecoderProcesses, sample_rate: int, folder: Path) -> _Decoded:
    """Decode one file to int16; it is of no use where it is too short or silent."""
    digest = hash_file(path)
    with ExitStack() as failing, processes.open(path) as decoder:
        spool = tempfile.SpooledTemporaryFile(SPOOL_BYTES, mode="w+b", dir=str(folder))  # noqa: SIM115
        failing.enter_context(spool)
        n_samples, peak = 0, 0
        for block in stream_audio(decoder, sample_rate):
            samples = (np.clip(block, -1.0, 1.0) * FULL_SCALE).astype(np.int16)
            n_samples += len(samples)
            peak = max(peak, int(np.abs(samples).max()))
            spool.write(samples.tobytes())
        failing.pop_all()  # all went well: the spool stays open for whoever asked
    if n_samples <= TAKE_S * sample_rate:
        n_samples = _trim(spool, sample_rate)
    is_long = n_samples >= MIN_S * sample_rate
    return _Decoded(digest, spool, n_samples, is_long and peak >= MIN_PEAK * FULL_SCALE)


def _trim(spool: IO[bytes], sample_rate: int) -> int:
    """Keep of a take what is embedded of it, from its onset to its end; returns its samples."""
    spool.seek(0)
    samples = np.frombuffer(spool.read(), np.int16)
    sound = find_sound(samples.astype(np.float32) / FULL_SCALE, sample_rate)
    kept = samples[max(0, sound.start) : sound.stop]
    spool.seek(0)
    spool.truncate()
    spool.write(kept.tobytes())
    return len(kept)
