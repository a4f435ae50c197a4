"""libsndfile: WAV, AIFF, FLAC, Ogg, MP3; whole files, stretches of files, and bare samples."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import IO

import soundfile

from soundkin.audio.decoders.decoder import (
    BLOCK_S,
    Arrange,
    AudioInfo,
    Samples,
    compute_block_length,
    join_pieces,
)
from soundkin.errors import AudioError

PIECE_S = 1.0
SLACK_S = 0.05  # that a container may promise more than its codec gives

# fmt: off
SNDFILE_EXTENSIONS = frozenset({
    ".aif", ".aifc", ".aiff", ".au", ".bw64", ".bwf", ".caf", ".flac", ".mp2", ".mp3", ".oga",
    ".ogg", ".opus", ".rf64", ".sd2", ".snd", ".voc", ".w64", ".wav", ".wave",
})
# fmt: on


class SequentialFile(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file read on and on, from wherever it was last told to go.

    soundfile seeks after every read of a file that says it can; at each such seek an MP3 loses
    what its decoder had overlapping, and an Ogg file costs time.
    """

    def seekable(self) -> bool:
        """Say no, so that reading does not seek; `seek` itself works all the same."""
        return False


class FileSlice(io.RawIOBase):
    """Bytes `start` to `stop` of an open file, as a file of their own."""

    def __init__(self, file: IO[bytes], start: int, stop: int) -> None:
        super().__init__()
        self._file, self._start, self._size = file, start, stop - start
        self._place = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def tell(self) -> int:
        """Tell where the next byte comes from."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place in the slice."""
        self._place = (0, self._place, self._size)[whence] + offset
        return self._place

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read what there is, up to the slice's end."""
        n_bytes = max(0, min(len(buffer), self._size - self._place))
        self._file.seek(self._start + self._place)
        data = self._file.read(n_bytes)
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)


class SndfileDecoder:
    """Decodes through libsndfile, whose seeks are sample-exact.

    `form` is the container, where libsndfile does not know it; `note` what is odd about the file;
    both are told in `info.format`. `rescue` decodes from a sample on
    by other means; it is asked where libsndfile ends before it promised to.
    """

    def __init__(
        self,
        sound: soundfile.SoundFile,
        name: str,
        arrange: Arrange,
        *,
        form: str | None = None,
        note: str = "",
        warning: str | None = None,
        rescue: Callable[[int], Iterator[Samples]] | None = None,
    ) -> None:
        self._sound = sound
        self._name = name
        self._arrange = arrange
        self._rescue = rescue
        self.warning = warning
        known = 0 < sound.frames < 2**62
        self._n_promised = sound.frames if known else 0
        self.info = AudioInfo(
            duration_s=sound.frames / sound.samplerate if known else None,
            sample_rate=sound.samplerate,
            n_channels=sound.channels,
            format=f"{form or sound.format} {sound.subtype}{note}",
        )

    def decode_from(self, frame: int, block_s: float = BLOCK_S) -> Iterator[Samples]:
        """Yield blocks of about `block_s` from sample number `frame` on."""
        return join_pieces(self.decode_pieces(frame), self.info, block_s, self._name, self._arrange)

    def decode_pieces(self, frame: int) -> Iterator[Samples]:
        """Yield pieces `(n_samples, n_channels)`; what is left out is asked of the rescue."""
        place = frame
        failure: Exception | None = None
        try:
            for piece in self._read_pieces(frame):
                yield piece
                place += len(piece)
        except (soundfile.SoundFileError, MemoryError) as error:
            failure = error
        slack = round(SLACK_S * self.info.sample_rate)
        if self._rescue is None or (failure is None and place >= self._n_promised - slack):
            if failure is not None:
                raise failure
            return
        n_rescued = 0
        with suppress(AudioError):
            for piece in self._rescue(place):
                n_rescued += len(piece)
                yield piece
        if failure is not None and place + n_rescued < self._n_promised - slack:
            raise failure

    def _read_pieces(self, frame: int) -> Iterator[Samples]:
        """Yield short pieces, since a damaged stretch costs the whole read that meets it."""
        if frame:
            self._sound.seek(min(frame, self._sound.frames))
        n_piece = compute_block_length(self.info, PIECE_S)
        while True:
            piece = self._sound.read(n_piece, dtype="float32", always_2d=True)
            if not len(piece):
                return
            yield piece
