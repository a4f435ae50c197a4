"""Sound files as streams of blocks that end where decoding fails, and say why."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

import numpy as np

from soundkin.audio.decoders.decoder import BLOCK_S, Decoder, Samples
from soundkin.audio.decoders.open import open_decoder
from soundkin.audio.read import check_region, stream_audio
from soundkin.errors import AudioError

MAX_SOUND_S = 48 * 3600.0  # what decodes to more is made to: some bytes can stand for years
TAKE_S = 20.0  # up to which a recording is a sound by itself, with nothing to hear around it


@contextmanager
def open_blocks(
    path: str | os.PathLike[str], rate: int, start_s: float, end_s: float | None, slow: float
) -> Iterator[GuardedBlocks]:
    """Open a sound file, or a region of it, as a stream that has at least one block.

    One that is heard slower has so many more samples for each of its seconds.
    """
    name = os.fsdecode(path)
    with open_decoder(name) as decoder:
        check_region(name, decoder.info.duration_s, start_s, end_s)
        blocks = stream_audio(decoder, round(slow * rate), start_s, end_s, BLOCK_S / slow)
        first = next(blocks, None)
        if first is None:
            where = f"after {start_s:g} s" if start_s else "in it"
            raise AudioError(f"{name}: there is no sound {where}")
        most = round(MAX_SOUND_S * rate)
        hours = MAX_SOUND_S / slow / 3600
        yield GuardedBlocks(chain([first], blocks), name, decoder, most, hours)


class GuardedBlocks:
    """Passes blocks on until the decoder fails, then ends, and remembers why.

    Of more than `most` samples, `hours` of it, there is no end to be waited for: AudioError.
    """

    def __init__(
        self, blocks: Iterator[Samples], name: str, decoder: Decoder, most: int, hours: float
    ) -> None:
        self.decoder = decoder
        self.info = decoder.info
        self._blocks = blocks
        self._name = name
        self._n_left, self._hours = most, hours
        self.warning: str | None = None

    def __iter__(self) -> Iterator[Samples]:
        return self

    def __next__(self) -> Samples:
        try:
            block = next(self._blocks)
        except AudioError as error:
            self.warning = str(error).removeprefix(f"{self._name}: ")
            raise StopIteration from error
        self._n_left -= len(block)
        if self._n_left < 0:
            hours = f"{self._hours:g} h"
            raise AudioError(f"{self._name}: it goes on after {hours}; so long no sound is")
        return block


def check_length(promised_s: float | None, decoded_s: float) -> str | None:
    """Tell a recording that ends well before its headers say from one that is whole."""
    if promised_s is None or promised_s - decoded_s <= max(1.0, 0.02 * promised_s):
        return None
    return f"cut short: {decoded_s:.1f} s of {promised_s:.1f} s could be decoded"


def take_head(blocks: Iterator[Samples], most: int) -> tuple[Samples, bool]:
    """Take the first blocks of a stream, more than `most` samples of them or all; whether all."""
    head: list[Samples] = []
    n_samples = 0
    for block in blocks:
        head.append(block)
        n_samples += len(block)
        if n_samples > most:
            return np.concatenate(head), False
    return np.concatenate(head), True


def read_take(path: str | os.PathLike[str], rate: int, slow: float = 1.0) -> Samples | None:
    """Decode a sound file of up to 20 s to mono samples at a rate in Hz; None if it is longer.

    Raises
    ------
    AudioError
        The file is not sound that can be read.
    """
    with open_blocks(path, rate, 0.0, None, slow) as blocks:
        head, ended = take_head(blocks, round(TAKE_S * rate))
    return head if ended else None
