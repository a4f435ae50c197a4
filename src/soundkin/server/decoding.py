"""Sounds that came from outside, decoded in a process of their own into plain WAV files.

A file made to break a decoder breaks this process, which has no more memory than it should need.
It is `python -m soundkin.server.decoding`; requests and answers are JSON lines.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue
from typing import IO, Any

import soundfile

from soundkin.audio import stream_audio
from soundkin.decoders import AudioInfo, Waveform, open_decoder
from soundkin.errors import AudioError, SoundkinError
from soundkin.workers import WorkerProcess, open_streams, read_line

N_DECODERS = 2
TIMEOUT_S = 60.0
MEMORY_BYTES = 2 << 30
HIGHEST_RATE = 384_000


@dataclass(frozen=True)
class Decoded:
    """What a file holds: its headers, and how long it is."""

    info: AudioInfo
    duration_s: float


class DecoderPool:
    """Decodes files in a few processes; for any thread."""

    def __init__(self) -> None:
        self._free: SimpleQueue[WorkerProcess] = SimpleQueue()
        self._all = [WorkerProcess("-m", "soundkin.server.decoding") for _ in range(N_DECODERS)]
        self._all[0].start()  # so that the first upload does not wait for it
        for process in self._all:
            self._free.put(process)

    def decode(self, path: str, copy: str, most_s: float) -> Decoded:
        """Decode a file into `copy`, a mono WAV of floats at the file's own sample rate.

        Raises
        ------
        AudioError
            It is no sound that can be read, or longer than `most_s` seconds.
        WorkerError
            The decoder died on it, or took more than a minute.
        """
        process = self._free.get()
        try:
            request = {"path": path, "copy": copy, "most_s": most_s}
            answer = process.ask(request, read_line, timeout_s=TIMEOUT_S)
        finally:
            self._free.put(process)
        return Decoded(AudioInfo(**answer["info"]), answer["duration_s"])

    def close(self) -> None:
        """End the processes."""
        for process in self._all:
            process.stop()


def copy_sound(path: str, copy: str, most_s: float) -> Decoded:
    """Decode a file into a mono WAV of floats; see `DecoderPool.decode`."""
    with open_decoder(path) as decoder:
        info = decoder.info
        if not 0 < info.sample_rate <= HIGHEST_RATE:
            raise AudioError(f"{path}: {info.sample_rate} Hz is no sample rate of sound")
        if info.duration_s is not None and info.duration_s > most_s:
            raise AudioError(f"{path}: it is {info.duration_s:.0f} s long; {most_s:g} s are taken")
        n_samples = 0
        with soundfile.SoundFile(copy, "w", info.sample_rate, 1, "FLOAT", format="WAV") as file:
            for block in _read_as_far(stream_audio(decoder, info.sample_rate)):
                n_samples += len(block)
                if n_samples > most_s * info.sample_rate:
                    raise AudioError(f"{path}: it is longer than the {most_s:g} s that are taken")
                file.write(block)
    if not n_samples:
        raise AudioError(f"{path}: there is no sound in it")
    return Decoded(info, n_samples / info.sample_rate)


def _read_as_far(blocks: Iterator[Waveform]) -> Iterator[Waveform]:
    """Yield blocks until they end, or are damaged; damage at the very beginning is raised."""
    yield from islice(blocks, 1)
    with suppress(AudioError):
        yield from blocks


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        decoded = copy_sound(request["path"], request["copy"], request["most_s"])
    except (SoundkinError, OSError) as error:
        return {"error": str(error)}
    except soundfile.SoundFileError as error:
        return {"error": f"{request['path']}: its copy cannot be written ({error})"}
    except MemoryError:
        return {"error": f"{request['path']}: it needs more memory than a sound should"}
    return dataclasses.asdict(decoded)


def _bound_memory() -> None:
    """Have no more memory than decoding takes, where the system can see to that."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def serve_requests(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests until they end: the process's whole life."""
    _bound_memory()
    for line in requests:
        answers.write(json.dumps(_answer(json.loads(line))).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    serve_requests(*open_streams())
