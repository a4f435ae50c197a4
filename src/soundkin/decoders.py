"""Sound files opened for decoding: any format, from any sample on, as mono blocks.

libsndfile decodes WAV, AIFF, FLAC, Ogg and MP3; what it refuses (M4A, WMA, the sound of a video)
goes to FFmpeg through PyAV.
"""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import soundfile

from soundkin.errors import AudioError
from soundkin.far import bring_near, is_url
from soundkin.heartbeat import beat

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream
    from av.container import InputContainer

Waveform = npt.NDArray[np.float32]
Arrange = Callable[[Waveform], Waveform]  # what is made of the channels `(n_samples, n_channels)`

BLOCK_S = 20.0
PIECE_S = 1.0
LOUDEST = 1e10  # integers written as floats stay below; squares and their sums stay numbers
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 100, 10_000_000  # seconds of what is slower would be years
MAX_BLOCK_SAMPLES = 1 << 22
NO_MEMORY = "it takes more memory than a sound should"
NO_OTHER_FILES = {"protocol_whitelist": "none"}  # playlists and the like may name some, or hosts
SEEKABLE_CONTAINERS = frozenset({"mov", "mp4", "matroska", "webm", "asf", "avi"})

# fmt: off
SNDFILE_EXTENSIONS = frozenset({
    ".aif", ".aifc", ".aiff", ".au", ".bwf", ".caf", ".flac", ".mp2", ".mp3", ".oga", ".ogg",
    ".opus", ".rf64", ".sd2", ".snd", ".voc", ".w64", ".wav", ".wave",
})
FFMPEG_EXTENSIONS = frozenset({
    ".3gp", ".aac", ".ac3", ".alac", ".amr", ".ape", ".avi", ".eac3", ".flv", ".m4a", ".m4b",
    ".m4v", ".mka", ".mkv", ".mov", ".mp4", ".mpc", ".mpeg", ".mpg", ".mts", ".ogv", ".spx", ".ts",
    ".tta", ".webm", ".wma", ".wmv", ".wv",
})
# fmt: on
EXTENSIONS = SNDFILE_EXTENSIONS | FFMPEG_EXTENSIONS


@dataclass(frozen=True)
class AudioInfo:
    """What a file's headers say. `duration_s` is None where they do not say it."""

    duration_s: float | None
    sample_rate: int
    n_channels: int
    format: str


class Decoder(Protocol):
    """An open sound: its info, and its blocks at its own sample rate from any frame on.

    A block is mono, `(n_samples,)`, or `(n_samples, n_channels)` where the channels are kept.
    """

    info: AudioInfo

    def decode_from(self, frame: int, block_s: float = BLOCK_S) -> Iterator[Waveform]:
        """Yield blocks of about `block_s`, the first sample being sample number `frame`."""
        ...


class _SequentialFile(soundfile.SoundFile):  # type: ignore[misc]
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

    def decode_from(self, frame: int, block_s: float = BLOCK_S) -> Iterator[Waveform]:
        """Yield blocks of about `block_s` from sample number `frame` on."""
        return _join_pieces(self._read_pieces(frame), self.info, block_s, self._name)

    def _read_pieces(self, frame: int) -> Iterator[Waveform]:
        """Yield short pieces, since a damaged stretch costs the whole read that meets it."""
        if frame:
            self._sound.seek(min(frame, self._sound.frames))
        n_piece = _compute_block_length(self.info, PIECE_S)
        while True:
            piece = self._sound.read(n_piece, dtype="float32", always_2d=True)
            if not len(piece):
                return
            yield self._arrange(piece)


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

    def decode_from(self, frame: int, block_s: float = BLOCK_S) -> Iterator[Waveform]:
        """Yield blocks of about `block_s` from sample number `frame` on.

        Containers without an index are decoded from their beginning, so that times stay exact.
        """
        return _join_pieces(self._decode_pieces(frame), self.info, block_s, self._name)

    def _decode_pieces(self, frame: int) -> Iterator[Waveform]:
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

    def _convert_frames(self, frames: Iterator[av.AudioFrame], skip: int) -> Iterator[Waveform]:
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


def _join_pieces(
    pieces: Iterator[Waveform], info: AudioInfo, block_s: float, name: str
) -> Iterator[Waveform]:
    """Join pieces to blocks of at least `block_s`; what came before an error is not lost.

    Raises
    ------
    AudioError
        Decoding failed, for whatever reason a native library gave.
    """
    n_block = _compute_block_length(info, block_s)
    parts: list[Waveform] = []
    n_parts = 0
    try:
        for piece in pieces:
            beat()
            parts.append(piece)
            n_parts += len(piece)
            if n_parts >= n_block:
                yield np.concatenate(parts)
                parts, n_parts = [], 0
    except Exception as error:  # the libraries' errors share no other root
        if n_parts:
            yield np.concatenate(parts)
        raise AudioError(f"{name}: decoding stopped ({_read_reason(error)})") from error
    if n_parts:
        yield np.concatenate(parts)


def _compute_block_length(info: AudioInfo, block_s: float) -> int:
    """Compute samples a block, bounded whatever rate and channels a header claims."""
    return max(1, min(int(block_s * info.sample_rate), MAX_BLOCK_SAMPLES // info.n_channels))


def mix_to_mono(block: npt.NDArray[np.float32]) -> Waveform:
    """Average the channels of `(n_samples, n_channels)`; what is no sample of sound becomes 0."""
    n_channels = block.shape[1]
    with np.errstate(over="ignore", invalid="ignore"):
        mono = block[:, 0].copy() if n_channels == 1 else block[:, 0] + block[:, 1]
        for channel in range(2, n_channels):
            mono += block[:, channel]
        if n_channels > 1:
            mono *= np.float32(1 / n_channels)
        energy = float(np.dot(mono, mono))
    if not energy <= LOUDEST**2:  # so some may lie beyond, or be no number
        _silence_odd(mono)
    return mono


def _keep_channels(block: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Leave `(n_samples, n_channels)` as they are, but for what is no sample of sound."""
    kept = block.copy()
    _silence_odd(kept)
    return kept


def _silence_odd(samples: npt.NDArray[np.float32]) -> None:
    samples[~(np.abs(samples) <= LOUDEST)] = 0.0


def open_decoder(
    path: str | os.PathLike[str], *, keep_channels: bool = False
) -> AbstractContextManager[Decoder]:
    """Open a sound file, or a URL, with the decoder that takes it.

    Blocks are mono but with `keep_channels`.

    Raises
    ------
    AudioError
        The file cannot be opened, or neither libsndfile nor FFmpeg takes it.
    """
    name = os.fsdecode(path)
    return _open_far(name, keep_channels) if is_url(name) else OPENER.get()(name, keep_channels)


@contextmanager
def _open_far(url: str, keep_channels: bool) -> Iterator[Decoder]:
    """Open what is far; errors name it as it is known."""
    near = bring_near(url)
    try:
        with OPENER.get()(near, keep_channels) as decoder:
            yield decoder
    except AudioError as error:
        raise type(error)(str(error).replace(near, url)) from error


@contextmanager
def open_here(name: str, keep_channels: bool) -> Iterator[Decoder]:
    """Open a sound file in this process; see `open_decoder`."""
    with ExitStack() as stack:
        try:
            if not stat.S_ISREG(Path(name).stat().st_mode):
                raise AudioError(f"{name}: not a file")
            file = stack.enter_context(Path(name).open("rb"))
            if os.fstat(file.fileno()).st_size == 0:
                raise AudioError(f"{name}: the file is empty")
            arrange = _keep_channels if keep_channels else mix_to_mono
            decoder = _open_any(file, name, stack, arrange)
            if not LOWEST_RATE_HZ <= decoder.info.sample_rate <= HIGHEST_RATE_HZ:
                rate = decoder.info.sample_rate
                raise AudioError(f"{name}: {rate} Hz is no sample rate of sound")
        except OSError as error:
            raise AudioError(f"{name}: {error.strerror or error}") from error
        yield decoder


OPENER: ContextVar[Callable[[str, bool], AbstractContextManager[Decoder]]] = ContextVar(
    "opener", default=open_here
)


def _open_any(file: IO[bytes], name: str, stack: ExitStack, arrange: Arrange) -> Decoder:
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122
    sndfile_reason = ""
    if suffix not in FFMPEG_EXTENSIONS:
        try:
            sound = stack.enter_context(_SequentialFile(os.fsencode(name)))
            return SndfileDecoder(sound, name, arrange)
        except soundfile.LibsndfileError as error:
            sndfile_reason = _read_reason(error)
    import av  # 40 ms, and most collections never need it

    try:
        source: Any = file
        opened = av.open(source, metadata_errors="ignore", options=NO_OTHER_FILES)
        container = stack.enter_context(opened)
        return FfmpegDecoder(container, name, arrange)
    except (av.error.FFmpegError, AudioError, ValueError) as error:
        reason = sndfile_reason or _read_reason(error)
        raise AudioError(f"{name}: not sound that soundkin can read ({reason})") from error


def _read_reason(error: Exception) -> str:
    if isinstance(error, MemoryError):  # FFmpeg's is one too
        return NO_MEMORY
    reason = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return " ".join(str(reason).split()).rstrip(".") or type(error).__name__
