"""libsndfile: WAV, AIFF, FLAC, Ogg, MP3."""

from __future__ import annotations

from collections.abc import Iterator

import soundfile

from soundkin.audio.decoder import (
    BLOCK_S,
    Arrange,
    AudioInfo,
    Samples,
    compute_block_length,
    join_pieces,
)

PIECE_S = 1.0

# fmt: off
SNDFILE_EXTENSIONS = frozenset({
    ".aif", ".aifc", ".aiff", ".au", ".bwf", ".caf", ".flac", ".mp2", ".mp3", ".oga", ".ogg",
    ".opus", ".rf64", ".sd2", ".snd", ".voc", ".w64", ".wav", ".wave",
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


class SndfileDecoder:
    """Decodes through libsndfile, whose seeks are sample-exact."""

    def __init__(self, sound: soundfile.SoundFile, name: str, arrange: Arrange) -> None:
        self._sound = sound
        self._name = name
        self._arrange = arrange
        known = 0 < sound.frames < 2**62
        self.info = AudioInfo(
            duration_s=sound.frames / sound.samplerate if known else None,
            sample_rate=sound.samplerate,
            n_channels=sound.channels,
            format=f"{sound.format} {sound.subtype}",
        )

    def decode_from(self, frame: int, block_s: float = BLOCK_S) -> Iterator[Samples]:
        """Yield blocks of about `block_s` from sample number `frame` on."""
        return join_pieces(self._read_pieces(frame), self.info, block_s, self._name)

    def _read_pieces(self, frame: int) -> Iterator[Samples]:
        """Yield short pieces, since a damaged stretch costs the whole read that meets it."""
        if frame:
            self._sound.seek(min(frame, self._sound.frames))
        n_piece = compute_block_length(self.info, PIECE_S)
        while True:
            piece = self._sound.read(n_piece, dtype="float32", always_2d=True)
            if not len(piece):
                return
            yield self._arrange(piece)
