"""Sounds that came from outside, decoded in processes apart and kept as plain WAV files."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue

import soundfile

from soundkin.audio.decoders.decoder import AudioInfo, Decoder, Samples
from soundkin.audio.decoders.decoder_process import DECODER, open_in_subprocess
from soundkin.audio.read import stream_audio
from soundkin.errors import AudioError, TooLongError, WorkerError
from soundkin.system.worker_parent import WorkerProcess

N_DECODERS = 2
TIMEOUT_S = 60.0
MAX_RATE = 384_000


@dataclass(frozen=True)
class Decoded:
    """What a file holds: its headers, and how long it is."""

    info: AudioInfo
    duration_s: float


@dataclass(frozen=True)
class Part:
    """The part of a sound that is wanted, in seconds; without an end, to where it ends."""

    start_s: float = 0.0
    end_s: float | None = None

    @property
    def is_all(self) -> bool:
        """Whether it is the whole sound."""
        return not self.start_s and self.end_s is None


class DecoderPool:
    """Decodes files in a few processes; for any thread."""

    def __init__(self) -> None:
        self._free: SimpleQueue[WorkerProcess] = SimpleQueue()
        self._all = [WorkerProcess(*DECODER, timeout_s=TIMEOUT_S) for _ in range(N_DECODERS)]
        self._all[0].start()  # so that the first upload does not wait for it
        for process in self._all:
            self._free.put(process)

    def decode(self, path: str, copy: str, most_s: float, part: Part) -> Decoded:
        """Decode a part of a file into `copy`, a mono WAV of floats at the file's own sample rate.

        Raises
        ------
        AudioError
            It is no sound that can be read; a TooLongError, the part is longer than `most_s`.
        WorkerError
            The decoder died on it, or took more than a minute.
        """
        process = self._free.get()
        try:
            with open_in_subprocess(process, path, keep_channels=False) as decoder:
                return _copy_sound(decoder, path, copy, most_s, part)
        finally:
            self._free.put(process)

    def close(self) -> None:
        """End the processes."""
        for process in self._all:
            process.stop()


def _copy_sound(decoder: Decoder, path: str, copy: str, most_s: float, part: Part) -> Decoded:
    info = decoder.info
    if not 0 < info.sample_rate <= MAX_RATE:
        raise AudioError(f"{path}: {info.sample_rate} Hz is no sample rate of sound")
    if part.is_all and info.duration_s is not None and info.duration_s > most_s:
        raise TooLongError(
            f"{path}: it is {info.duration_s:.0f} s long; {most_s:g} s are taken at once"
        )
    n_samples, deadline = 0, time.monotonic() + TIMEOUT_S
    try:
        with soundfile.SoundFile(copy, "w", info.sample_rate, 1, "FLOAT", format="WAV") as file:
            for block in _read_as_far(
                stream_audio(decoder, info.sample_rate, part.start_s, part.end_s)
            ):
                n_samples += len(block)
                if n_samples > most_s * info.sample_rate:
                    raise TooLongError(f"{path}: more than the {most_s:g} s that are taken at once")
                if time.monotonic() > deadline:
                    raise WorkerError(f"{path}: decoding it takes more than {TIMEOUT_S:g} s")
                file.write(block)
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioError(f"{path}: its copy cannot be written ({error})") from error
    if not n_samples:
        raise AudioError(f"{path}: there is no sound in it")
    return Decoded(info, n_samples / info.sample_rate)


def _read_as_far(blocks: Iterator[Samples]) -> Iterator[Samples]:
    """Yield blocks until they end, or are damaged; damage at the very beginning is raised."""
    yield from islice(blocks, 1)
    with suppress(AudioError):
        yield from blocks
