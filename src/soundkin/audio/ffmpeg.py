"""FFmpeg through PyAV: M4A, WMA, the sound of a video."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from soundkin.audio.decoder import BLOCK_S, Arrange, AudioInfo, Samples, join_pieces
from soundkin.errors import AudioError

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream
    from av.container import InputContainer

NO_OTHER_FILES = {"protocol_whitelist": "none"}  # playlists and the like may name some, or hosts
SEEKABLE_CONTAINERS = frozenset({"mov", "mp4", "matroska", "webm", "asf", "avi"})
# fmt: off
FFMPEG_EXTENSIONS = frozenset({
    ".3gp", ".aac", ".ac3", ".alac", ".amr", ".ape", ".avi", ".eac3", ".flv", ".m4a", ".m4b",
    ".m4v", ".mka", ".mkv", ".mov", ".mp4", ".mpc", ".mpeg", ".mpg", ".mts", ".ogv", ".spx", ".ts",
    ".tta", ".webm", ".wma", ".wmv", ".wv",
})
# fmt: on


class FfmpegDecoder:
    """Decodes the first sound stream of any container through FFmpeg."""

    def __init__(self, container: InputContainer, name: str, arrange: Arrange) -> None:
        if not container.streams.audio:
            raise AudioError("it has no sound stream")
        self._container = container
        self._name = name
        self._arrange = arrange
        self._stream: AudioStream = container.streams.audio[0]
        self._time_base = self._stream.time_base or Fraction(1, 1_000_000)
        context = self._stream.codec_context
        if context is None or not context.sample_rate or not context.channels:
            raise AudioError("its sound is in a codec that cannot be decoded")
        self.info = AudioInfo(
            duration_s=self._read_duration(),
            sample_rate=context.sample_rate,
            n_channels=context.channels,
            format=f"{container.format.name.split(',')[0]} {context.name}".upper(),
        )

    @property
    def _has_index(self) -> bool:
        return bool(set(self._container.format.name.split(",")) & SEEKABLE_CONTAINERS)

    def _read_duration(self) -> float | None:
        """Read the duration, where it is written down and not guessed from the bit rate."""
        if not self._has_index:
            return None
        if self._stream.duration:
            return float(self._stream.duration * self._time_base)
        return self._container.duration / 1e6 if self._container.duration else None

    def decode_from(self, frame: int, block_s: float = BLOCK_S) -> Iterator[Samples]:
        """Yield blocks of about `block_s` from sample number `frame` on.

        Containers without an index are decoded from their beginning, so that times stay exact.
        """
        return join_pieces(self._decode_pieces(frame), self.info, block_s, self._name)

    def _decode_pieces(self, frame: int) -> Iterator[Samples]:
        frames = self._decode_frames()
        opening = list(itertools.islice(frames, 2))
        position = 0
        if self._has_index and frame > self.info.sample_rate and len(opening) == 2:
            sought = self._seek_before(frame, opening)
            if sought is not None:
                position, frames = sought
                opening = []
        yield from self._convert_frames(itertools.chain(opening, frames), skip=frame - position)

    def _seek_before(
        self, frame: int, opening: list[av.AudioFrame]
    ) -> tuple[int, Iterator[av.AudioFrame]] | None:
        """Go to a packet before sample number `frame`; returns its position and what follows.

        Where the container counts time more coarsely than samples (Matroska: in ms), positions
        are brought back onto the codec's grid of frames, known from the two opening frames.
        """
        origin, rate = opening[0].pts, self.info.sample_rate
        if origin is None:
            return None
        target_s = Fraction(max(0, frame - rate // 2), rate)
        offset = origin + int(target_s / self._time_base)
        self._container.seek(offset, stream=self._stream, backward=True)
        frames = self._decode_frames()
        first = next(frames, None)
        if first is None or first.pts is None:
            return None
        position = (first.pts - origin) * self._time_base * rate
        n_first, n_frame = opening[0].samples, opening[1].samples
        on_grid = n_first + round((position - n_first) / n_frame) * n_frame
        if abs(on_grid - position) > self._time_base * rate:
            on_grid = round(position)
        return on_grid, itertools.chain([first], frames)

    def _decode_frames(self) -> Iterator[av.AudioFrame]:
        """Decode packet by packet; one damaged packet is skipped, as players do."""
        import av

        n_bad = n_good = 0
        for packet in self._container.demux(self._stream):
            try:
                decoded = packet.decode()
            except av.error.InvalidDataError:
                n_bad += 1
                continue
            n_good += len(decoded)
            yield from decoded
        if n_bad and not n_good:
            raise AudioError("none of its packets can be decoded")

    def _convert_frames(self, frames: Iterator[av.AudioFrame], skip: int) -> Iterator[Samples]:
        """Yield frames as pieces, without the first `skip` samples."""
        import av

        to_float = av.AudioResampler(format="flt")  # as planes, PyAV crashes on 8 channels and more
        for frame in frames:
            for converted in to_float.resample(frame):
                samples = converted.to_ndarray().astype(np.float32, copy=False)
                piece = self._arrange(samples.reshape(converted.samples, -1))
                dropped = min(max(skip, 0), len(piece))
                skip -= dropped
                yield piece[dropped:]
