"""Sounds written one after the other into one file, decoded as the one sound that they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import soundfile

from soundkin.audio.decoders.decoder import BLOCK_S, Arrange, AudioInfo, Samples, join_pieces
from soundkin.audio.decoders.ffmpeg import FfmpegDecoder
from soundkin.audio.decoders.sndfile import SndfileDecoder
from soundkin.audio.resample import resample_blocks
from soundkin.errors import AudioError

Part = SndfileDecoder | FfmpegDecoder


class ChainedDecoder:
    """Decodes one part after the other, at the first one's rate and with its channels.

    A part that cannot be decoded is passed over, and told of.
    """

    def __init__(self, parts: Sequence[Part], name: str, arrange: Arrange) -> None:
        first = parts[0].info
        self._parts = parts
        self._name = name
        self._arrange = arrange
        self.warning: str | None = None
        self._lengths = [round((part.info.duration_s or 0.0) * first.sample_rate) for part in parts]
        self.info = AudioInfo(
            duration_s=sum(self._lengths) / first.sample_rate,
            sample_rate=first.sample_rate,
            n_channels=first.n_channels,
            format=f"{first.format} ({len(parts)} joined)",
        )

    def decode_from(self, frame: int, block_s: float = BLOCK_S) -> Iterator[Samples]:
        """Yield blocks of about `block_s` from sample number `frame` on."""
        return join_pieces(
            self._decode_pieces(frame), self.info, block_s, self._name, self._arrange
        )

    def _decode_pieces(self, frame: int) -> Iterator[Samples]:
        n_bad = 0
        for part, length in zip(self._parts, self._lengths, strict=True):
            if frame >= length > 0:
                frame -= length
                continue
            try:
                yield from self._decode_part(part, frame)
            except (AudioError, soundfile.SoundFileError):
                n_bad += 1
            frame = 0
        if n_bad:
            self.warning = f"{n_bad} of {len(self._parts)} joined parts could not be decoded"

    def _decode_part(self, part: Part, frame: int) -> Iterator[Samples]:
        """Yield a part's pieces from a sample of the whole's rate on."""
        rate, n_channels = self.info.sample_rate, self.info.n_channels
        own = part.info.sample_rate
        pieces = part.decode_pieces(round(frame * own / rate))
        for piece in pieces if own == rate else _resample(pieces, own, rate):
            same = piece.shape[1] == n_channels
            yield piece if same else np.repeat(piece.mean(1, keepdims=True), n_channels, axis=1)


def _resample(pieces: Iterator[Samples], own: int, rate: int) -> Iterator[Samples]:
    """Bring pieces `(n_samples, n_channels)` to another rate, mixed to one channel."""
    for piece in resample_blocks((one.mean(axis=1) for one in pieces), own, rate):
        yield piece[:, None]
