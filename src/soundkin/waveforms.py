"""Decoded audio on disk, ready to be drawn from in training: one memory-mapped int16 file.

The cache is made once per set of folders; recordings have numbers, no names.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from soundkin.audio import stream_audio
from soundkin.decoders import open_decoder
from soundkin.errors import AudioError, TrainingError
from soundkin.files import write_aside
from soundkin.reports import Failure
from soundkin.walking import FoundFile, hash_file, resolve_root, walk_audio

FULL_SCALE = 32767.0
SHORTEST_S = 0.05
QUIETEST_PEAK = 1e-3
DECODING_THREADS = 4


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
    on_progress: Callable[[int, int], None] = lambda n_done, n_files: None,
) -> WaveformCache:
    """Decode every audio file below folders once; the same bytes twice count once.

    A cache that is there already, of the same files, is taken as it is. Silent files and those
    under 50 ms are left out.

    Raises
    ------
    SoundkinError
        A folder is missing, nothing can be used, or the cache cannot be written.
    """
    files = sorted(
        {
            (found.path, found.size, found.mtime_ns)
            for folder in folders
            for found in walk_audio(resolve_root(folder))
            if isinstance(found, FoundFile)
        }
    )
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
    return WaveformCache(
        samples=np.memmap(cache, np.int16, "r"),
        offsets=np.array(known["offsets"], np.int64),
        sample_rate=sample_rate,
        failures=tuple(Failure(*failure) for failure in known["failures"]),
    )


def _decode_all(
    paths: Sequence[str], cache: Path, sample_rate: int, on_progress: Callable[[int, int], None]
) -> dict[str, object]:
    seen: set[bytes] = set()
    failures: list[tuple[str, str]] = []
    offsets = [0]

    def decode(path: str) -> tuple[bytes, npt.NDArray[np.int16]] | str:
        try:
            return hash_file(path), _decode(path, sample_rate)
        except AudioError as error:
            return str(error).removeprefix(f"{path}: ")

    with write_aside(cache) as file, ThreadPoolExecutor(DECODING_THREADS) as threads:
        for start in range(0, len(paths), 16):
            part = paths[start : start + 16]
            for path, found in zip(part, threads.map(decode, part), strict=True):
                if isinstance(found, str):
                    failures.append((path, found))
                elif found[0] not in seen and len(found[1]):
                    seen.add(found[0])
                    file.write(found[1].tobytes())
                    offsets.append(offsets[-1] + len(found[1]))
            on_progress(min(start + 16, len(paths)), len(paths))
    return {"offsets": offsets, "failures": failures}


def _decode(path: str, sample_rate: int) -> npt.NDArray[np.int16]:
    """Decode one file; nothing where it is too short or silent."""
    with open_decoder(path) as decoder:
        blocks = [
            (np.clip(block, -1.0, 1.0) * FULL_SCALE).astype(np.int16)
            for block in stream_audio(decoder, sample_rate)
        ]
    waveform = np.concatenate(blocks) if blocks else np.zeros(0, np.int16)
    is_usable = len(waveform) >= SHORTEST_S * sample_rate and int(np.abs(waveform).max()) >= round(
        QUIETEST_PEAK * FULL_SCALE
    )
    return waveform if is_usable else waveform[:0]
