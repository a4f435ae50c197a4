"""Which decoder reads a file whole: libsndfile where it does, else FFmpeg, parts, bare samples.

libsndfile is the quicker, and its seeks are exact. But it believes what a header says of a length,
or guesses it, and ends there. So the file's own structure is asked first (`containers`): where it
holds more than libsndfile would read, or other, another way is taken.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import IO, Any

import soundfile

from soundkin.audio.containers import au, flac, mpeg, ogg, riff
from soundkin.audio.decoders.chained import ChainedDecoder
from soundkin.audio.decoders.decoder import Arrange, Decoder, Samples, check_rate, read_reason
from soundkin.audio.decoders.ffmpeg import FFMPEG_EXTENSIONS, NO_OTHER_FILES, FfmpegDecoder
from soundkin.audio.decoders.sndfile import FileSlice, SequentialFile, SndfileDecoder
from soundkin.errors import AudioError

OPUS_RATE = 48_000  # that its counts of samples are of, whatever it was made from
MPEG_SLACK_S = 0.1  # beside a count of frames: what encoders pad and decoders leave out
MIN_CUT_S = 0.1  # of a header's promise that is worth telling
WAV_SIZES_UNKNOWN = {"ignore_length": "true"}


def choose_decoder(file: IO[bytes], name: str, stack: ExitStack, arrange: Arrange) -> Decoder:
    """Open a sound file with the decoder that reads it whole; `stack` closes what it needs.

    Raises
    ------
    AudioError
        Neither libsndfile nor FFmpeg takes it.
    """
    choice = _Choice(file, name, stack, arrange)
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122
    reason = ""
    if suffix not in FFMPEG_EXTENSIONS:
        try:
            return choice.open_by_structure()
        except soundfile.LibsndfileError as error:
            reason = read_reason(error)
    return choice.open_ffmpeg(reason)


class _Choice:
    """One file, and the ways to open it."""

    def __init__(self, file: IO[bytes], name: str, stack: ExitStack, arrange: Arrange) -> None:
        self._file = file
        self._name = name
        self._stack = stack
        self._arrange = arrange
        self._size = os.fstat(file.fileno()).st_size
        self._warning: str | None = None  # of the structure, whoever decodes it

    def open_by_structure(self) -> Decoder:
        """Open a file by libsndfile, or otherwise where its structure says that is not all."""
        head = self._file.read(12)
        if head[:4] in riff.FORMS or head[:4] in au.FORMS:
            room = riff if head[:4] in riff.FORMS else au
            samples = room.find_samples(self._file, self._size)
            if samples is not None and not samples.is_told_right:
                return self._open_samples(samples)
            if samples is not None and room is riff:
                self._warn_of_next(samples)
        elif head[:4] == b"OggS":
            links = ogg.find_links(self._map())
            return self._open_parts([(one.start, one.stop, one.granule) for one in links])
        elif head[:4] == b"fLaC":
            parts = flac.find_parts(self._map())
            return self._open_parts([(start, stop, 0) for start, stop in parts])
        sound = self._stack.enter_context(SequentialFile(os.fsencode(self._name)))
        if sound.format in ("MPEG", "MP3"):
            return self._check_frames(sound)
        if sound.format == "RAW":  # by the file's name
            return self._prefer_ffmpeg(sound, f"it has no header: taken for {sound.subtype}")
        return self._wrap(sound)

    def open_ffmpeg(self, reason: str = "", **known: Any) -> FfmpegDecoder:
        """Open a file by FFmpeg; `reason` is why libsndfile could not."""
        import av  # 40 ms, and most collections never need it

        known.setdefault("warning", self._warning)
        options = NO_OTHER_FILES | known.pop("options", {})
        try:
            source: Any = known.pop("file", self._file)
            source.seek(0)
            opened = av.open(source, metadata_errors="ignore", options=options)
            container = self._stack.enter_context(opened)
            return FfmpegDecoder(container, self._name, self._arrange, **known)
        except (av.error.FFmpegError, AudioError, ValueError) as error:
            reason = reason or read_reason(error)
            raise AudioError(
                f"{self._name}: not sound that soundkin can read ({reason})"
            ) from error

    def _map(self) -> mmap.mmap:
        return self._stack.enter_context(mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ))

    def _wrap(self, sound: soundfile.SoundFile, **known: Any) -> SndfileDecoder:
        known.setdefault("warning", self._warning)
        return SndfileDecoder(
            sound, self._name, self._arrange, rescue=partial(self._rescue, sound), **known
        )

    def _warn_of_next(self, samples: riff.RawSamples) -> None:
        """Warn of another file joined to this one, of which players play nothing either."""
        place = riff.find_next_file(self._file, self._size, samples)
        if place is not None:
            self._warning = (
                f"another {samples.form} file follows at byte {place}; only the first is heard"
            )

    def _rescue(self, sound: soundfile.SoundFile, frame: int) -> Iterator[Samples]:
        """Decode by FFmpeg from a sample on, at which libsndfile had ended too early."""
        decoder = self.open_ffmpeg()
        info = decoder.info
        if (info.sample_rate, info.n_channels) == (sound.samplerate, sound.channels):
            yield from decoder.decode_pieces(frame)  # else it is another sound to FFmpeg

    def _prefer_ffmpeg(self, sound: soundfile.SoundFile, warning: str | None = None) -> Decoder:
        """Open by FFmpeg what libsndfile may only guess to be sound; else as it does."""
        try:
            return self.open_ffmpeg()
        except AudioError:
            return self._wrap(sound, warning=warning)

    def _open_samples(self, samples: riff.RawSamples) -> Decoder:
        """Open a WAV, AIFF or AU whose header is wrong about where its samples end."""
        check_rate(self._name, samples.sample_rate)
        there_s = samples.n_frames / samples.sample_rate
        promised_s = samples.promised_s
        if promised_s is not None and promised_s > there_s:
            sound = self._stack.enter_context(SequentialFile(os.fsencode(self._name)))
            warning = f"cut short: {there_s:.1f} s of {promised_s:.1f} s are there"
            if samples.subtype is None:  # coded, so that only bytes can be counted
                warning = f"cut short: {there_s / promised_s:.0%} of its bytes are there"
            cut = promised_s - there_s > MIN_CUT_S
            return self._wrap(sound, warning=warning if cut else None)
        if not samples.n_frames:
            raise AudioError(f"{self._name}: there is no sound in it")
        if samples.subtype is None:
            known: dict[str, Any] = {"options": WAV_SIZES_UNKNOWN, "note": " (header mended)"}
            return self.open_ffmpeg(warning="its header is wrong: read on to its end", **known)
        told = "no length" if promised_s is None else f"{promised_s:.1f} s"
        warning = f"its header is wrong ({told}): read on to its end, {there_s:.1f} s"
        end = samples.start + samples.n_frames * samples.frame_bytes
        sound = soundfile.SoundFile(
            FileSlice(self._file, samples.start, end),
            samplerate=samples.sample_rate,
            channels=samples.n_channels,
            format="RAW",
            subtype=samples.subtype,
            endian=samples.endian,
        )
        self._stack.enter_context(sound)
        return SndfileDecoder(
            sound, self._name, self._arrange, form=samples.form, note=" (header mended)",
            warning=warning,
        )  # fmt: skip

    def _open_parts(self, parts: list[tuple[int, int, int]]) -> Decoder:
        """Open a file of several streams one after the other, or of one.

        Each begins and ends at some bytes, and has so many samples as far as that is known.
        """
        if len(parts) < 2:
            sound = self._stack.enter_context(SequentialFile(os.fsencode(self._name)))
            longer = self._open_if_longer(sound, self._file, parts[0][2] if parts else 0)
            return longer or self._wrap(sound)
        decoders: list[SndfileDecoder | FfmpegDecoder] = []
        for start, stop, n_samples in parts:
            part = FileSlice(self._file, start, stop)
            try:
                sound = self._stack.enter_context(SequentialFile(part))
            except soundfile.LibsndfileError:
                length_s = self.open_ffmpeg(file=part).length_s
                decoders.append(self.open_ffmpeg(file=part, duration_s=length_s))
                continue
            longer = self._open_if_longer(sound, FileSlice(self._file, start, stop), n_samples)
            decoders.append(longer or SndfileDecoder(sound, self._name, self._arrange))
        return ChainedDecoder(decoders, self._name, self._arrange)

    def _open_if_longer(
        self, sound: soundfile.SoundFile, file: Any, n_samples: int
    ) -> FfmpegDecoder | None:
        """Open an Ogg stream by FFmpeg where libsndfile takes its first page for a late start."""
        rate = OPUS_RATE if sound.subtype == "OPUS" else sound.samplerate
        heard_s = sound.frames / sound.samplerate
        if n_samples / rate - heard_s <= MPEG_SLACK_S:
            return None
        decoder = self.open_ffmpeg(file=file)
        there_s = decoder.length_s
        if there_s is None or there_s - heard_s <= MPEG_SLACK_S:  # it does start late
            return None
        return self.open_ffmpeg(file=file, duration_s=there_s)

    def _check_frames(self, sound: soundfile.SoundFile) -> Decoder:
        """Take FFmpeg for MPEG audio of which libsndfile knows another length than its frames."""
        frames = mpeg.walk_frames(self._map())
        if frames is None:
            return self._prefer_ffmpeg(sound)
        heard_s, there_s = sound.frames / sound.samplerate, frames.n_samples / frames.sample_rate
        is_known = frames.is_uniform and frames.stray_s <= MPEG_SLACK_S
        if is_known and frames.n_parts == 1 and abs(heard_s - there_s) <= MPEG_SLACK_S:
            return self._wrap(sound)
        note = f" ({frames.n_parts} joined)" if frames.n_parts > 1 else ""
        return self.open_ffmpeg(duration_s=there_s if is_known else None, note=note)
