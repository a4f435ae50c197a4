"""A stretch of a sound as a WAV file that is never written: any bytes of it, when asked for."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from soundkin.audio.decoders.open import open_decoder
from soundkin.audio.read import stream_audio
from soundkin.errors import AudioError

SAMPLE_BYTES = 4
HEADER_BYTES = 58
IEEE_FLOAT = 3
MAX_BYTES = (1 << 32) - 1
CHUNK_BYTES = 1 << 18


@dataclass(frozen=True)
class Wave:
    """Frames `first` to `first + n_frames` of a sound, all its channels, as 32-bit floats.

    Floats, because sounds decoded from MP3 and the like may go beyond full scale.
    """

    path: Path
    sample_rate: int
    n_channels: int
    first: int
    n_frames: int

    @classmethod
    def cut(
        cls,
        path: Path,
        sample_rate: int,
        n_channels: int,
        duration_s: float,
        start_s: float,
        end_s: float | None,
    ) -> Wave:
        """Take the region from `start_s` to `end_s` seconds, or to the end.

        Raises
        ------
        AudioError
            It is empty, lies after the sound's end, or is too long for a WAV file.
        """
        n_all = round(duration_s * sample_rate)
        first = round(start_s * sample_rate)
        last = n_all if end_s is None else min(n_all, round(end_s * sample_rate))
        if last <= first:
            raise AudioError(f"{path.name}: no sound from {start_s:g} s; it has {duration_s:.3f} s")
        wave = cls(path, sample_rate, n_channels, first, last - first)
        if wave.n_bytes > MAX_BYTES:
            raise AudioError(f"{path.name}: too long for a WAV file; ask for a region of it")
        return wave

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return SAMPLE_BYTES * self.n_channels

    @property
    def n_bytes(self) -> int:
        """How large the file is."""
        return HEADER_BYTES + self.n_frames * self.frame_bytes

    def make_header(self) -> bytes:
        """Write what stands before the samples."""
        n_data = self.n_frames * self.frame_bytes
        byte_rate = self.sample_rate * self.frame_bytes
        shape = (self.n_channels, self.sample_rate, byte_rate, self.frame_bytes, 8 * SAMPLE_BYTES)
        return b"".join(
            (
                struct.pack("<4sI4s", b"RIFF", self.n_bytes - 8, b"WAVE"),
                struct.pack("<4sIHHIIHHH", b"fmt ", 18, IEEE_FLOAT, *shape, 0),
                struct.pack("<4sII", b"fact", 4, self.n_frames),
                struct.pack("<4sI", b"data", n_data),
            )
        )

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from `start` to `stop`; silence where the file ends before it said."""
        if start < HEADER_BYTES:
            yield self.make_header()[start:stop]
        skip, frame = 0, 0
        if start > HEADER_BYTES:
            frame, skip = divmod(start - HEADER_BYTES, self.frame_bytes)
        n_left = stop - max(start, HEADER_BYTES)
        if n_left <= 0:
            return
        for block in self._decode(frame):
            data = block[skip : skip + n_left]
            skip = max(0, skip - len(block))
            n_left -= len(data)
            yield from (data[at : at + CHUNK_BYTES] for at in range(0, len(data), CHUNK_BYTES))
            if not n_left:
                return
        while n_left:
            yield bytes(min(n_left, CHUNK_BYTES))
            n_left -= min(n_left, CHUNK_BYTES)

    def _decode(self, frame: int) -> Iterator[bytes]:
        """Yield the samples from a frame on."""
        start_s = (self.first + frame) / self.sample_rate
        end_s = (self.first + self.n_frames) / self.sample_rate
        with open_decoder(self.path, keep_channels=True) as decoder:
            if decoder.info.n_channels != self.n_channels:
                raise AudioError(f"{self.path.name}: the file was changed; index it again")
            for block in stream_audio(decoder, self.sample_rate, start_s, end_s):
                yield block.tobytes()
