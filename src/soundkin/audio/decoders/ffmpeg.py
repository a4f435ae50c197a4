"""FFmpeg through PyAV: M4A, WMA, the sound of a video, and what libsndfile does not read whole.

All sound streams of a container are heard, mixed where there are several; times are the player's
(`ffmpeg_track`).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np

from soundkin.audio.decoders.decoder import BLOCK_S, Arrange, AudioInfo, Samples, join_pieces
from soundkin.audio.decoders.ffmpeg_track import Track
from soundkin.errors import AudioError

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream
    from av.container import InputContainer

NO_OTHER_FILES = {"protocol_whitelist": "none"}  # playlists and the like may name some, or hosts
SEEKABLE_CONTAINERS = frozenset({"mov", "mp4", "matroska", "webm", "asf", "avi"})
TIMED_CONTAINERS = SEEKABLE_CONTAINERS | {"mpegts", "mpeg", "flv", "ogg"}
MAX_LEAD_S = 10.0  # of one stream before another, which is then taken to be silent
MIN_LOSS_S = 0.05  # in damaged packets, that is worth telling
# fmt: off
FFMPEG_EXTENSIONS = frozenset({
    ".3g2", ".3gp", ".aa3", ".aac", ".ac3", ".adts", ".alac", ".amr", ".ape", ".asf", ".avi",
    ".awb", ".dff", ".divx", ".dsf", ".dts", ".dtshd", ".eac3", ".f4a", ".f4v", ".flv", ".gsm",
    ".m2a", ".m2t", ".m2ts", ".m4a", ".m4b", ".m4r", ".m4v", ".mka", ".mkv", ".mlp", ".mov",
    ".mp4", ".mpa", ".mpc", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ogm", ".ogv", ".ogx",
    ".oma", ".qt", ".ra", ".rm", ".rmvb", ".shn", ".spx", ".tak", ".thd", ".ts", ".tta", ".vob",
    ".vqf", ".weba", ".webm", ".wma", ".wmv", ".wtv", ".wv",
})
# fmt: on


class FfmpegDecoder:
    """Decodes the sound streams of any container through FFmpeg.

    `duration_s` is how long it is known to be by other means; `note` what is odd about the file.
    `warning` says, once all is decoded, what could not be.
    """

    def __init__(
        self,
        container: InputContainer,
        name: str,
        arrange: Arrange,
        *,
        duration_s: float | None = None,
        note: str = "",
        warning: str | None = None,
    ) -> None:
        if not container.streams.audio:
            raise AudioError("it has no sound stream")
        self._container = container
        self._name = name
        self._arrange = arrange
        self.warning = warning
        self._kinds = set(container.format.name.split(","))
        self._streams = [one for one in container.streams.audio if _is_decodable(one)]
        if not self._streams:
            raise AudioError("its sound is in a codec that cannot be decoded")
        first = self._streams[0].codec_context
        self._rate = max(one.codec_context.sample_rate for one in self._streams)
        self._n_channels = max(one.codec_context.channels for one in self._streams)
        self._origin_s = Fraction(container.start_time or 0, 1_000_000)
        if len(self._streams) > 1:
            note = f" ({len(self._streams)} streams)"
            self.warning = f"{len(self._streams)} sound streams, heard mixed"
        elif self._is_late(self._streams[0]):
            note = " (late)"
        self.info = AudioInfo(
            duration_s=duration_s if duration_s is not None else self._read_duration(),
            sample_rate=self._rate,
            n_channels=self._n_channels,
            format=f"{container.format.name.split(',')[0]} {first.name}".upper() + note,
        )

    def _is_late(self, stream: AudioStream) -> bool:
        """Whether a stream begins well after its container does."""
        if stream.start_time is None or stream.time_base is None or not self._is_timed:
            return False
        return stream.start_time * stream.time_base - self._origin_s > Fraction(1, 20)

    @property
    def length_s(self) -> float | None:
        """How long the container says that it is, written down or found out."""
        duration = self._container.duration
        return duration / 1e6 if duration else None

    @property
    def _has_index(self) -> bool:
        return bool(self._kinds & SEEKABLE_CONTAINERS)

    @property
    def _is_timed(self) -> bool:
        return bool(self._kinds & TIMED_CONTAINERS)

    def _read_duration(self) -> float | None:
        """Read how long the sound is, where that is written down and not guessed."""
        if not self._has_index:
            return None
        ends = [self._read_end(one) for one in self._streams]
        known = [end for end in ends if end is not None]
        return float(max(known)) if known else None

    def _read_end(self, stream: AudioStream) -> Fraction | None:
        """Read where a stream ends on the container's clock."""
        if stream.duration and stream.time_base is not None:
            start = stream.start_time or 0
            return (start + stream.duration) * stream.time_base - self._origin_s
        text = stream.metadata.get("DURATION", "")
        try:
            hours, minutes, seconds = text.split(":")
            return 3600 * int(hours) + 60 * int(minutes) + Fraction(seconds) - self._origin_s
        except ValueError:
            pass
        if self._container.duration and len(self._container.streams) == len(self._streams):
            return Fraction(self._container.duration, 1_000_000)
        return None

    def decode_from(self, frame: int, block_s: float = BLOCK_S) -> Iterator[Samples]:
        """Yield blocks of about `block_s` from sample number `frame` on.

        Containers without an index are decoded from their beginning, so that times stay exact.
        """
        return join_pieces(self.decode_pieces(frame), self.info, block_s, self._name, self._arrange)

    def _make_tracks(self) -> dict[int, Track]:
        settings = (self._rate, self._origin_s, self.length_s)
        return {one.index: Track(*settings, is_timed=self._is_timed) for one in self._streams}

    def decode_pieces(self, frame: int) -> Iterator[Samples]:
        """Yield pieces `(n_samples, n_channels)` from sample number `frame` on."""
        tracks = self._make_tracks()
        frames = self._decode_frames()
        if self._has_index and frame > self._rate:
            opening = list(islice(frames, 2 if len(tracks) == 1 else 0))
            sought = self._seek_before(frame, opening, tracks)
            frames = chain(opening, frames) if sought is None else sought
        places = [track.place for track in tracks.values() if track.place is not None]
        skip = frame - min(places, default=0)
        pieces = self._convert(frames, tracks)
        for piece in pieces if len(tracks) == 1 else self._mix(pieces, tracks):
            dropped = min(max(skip, 0), len(piece))
            skip -= dropped
            if dropped < len(piece):
                yield piece[dropped:]

    def _seek_before(
        self, frame: int, opening: list[tuple[int, av.AudioFrame]], tracks: dict[int, Track]
    ) -> Iterator[tuple[int, av.AudioFrame]] | None:
        """Go to a packet before sample number `frame`; tracks are told where they are then.

        Where the container counts time more coarsely than samples (Matroska: in ms), places are
        brought back onto the codec's grid of frames, known from the two opening frames.
        """
        stream = self._streams[0]
        time_base = stream.time_base
        if time_base is None or (len(tracks) == 1 and len(opening) < 2):
            return None
        target_s = Fraction(max(0, frame - self._rate // 2), self._rate) + self._origin_s
        self._container.seek(int(target_s / time_base), stream=stream, backward=True)
        frames = self._decode_frames()
        first = next(frames, None)
        if first is None:
            return None
        track = tracks[first[0]]
        place = track.locate(first[1])
        if place is None:
            return None
        if opening:
            begun = track.locate(opening[0][1]) or 0
            begun = 0 if abs(begun) <= self._rate // 40 else begun
            n_first, n_frame = opening[0][1].samples, opening[1][1].samples
            grid = begun + n_first
            on_grid = grid + round((place - grid) / n_frame) * n_frame
            place = on_grid if abs(on_grid - place) <= time_base * self._rate else place
        for one in tracks.values():
            one.place = max(0, place)
        return chain([first], frames)

    def _decode_frames(self) -> Iterator[tuple[int, av.AudioFrame]]:
        """Decode packet by packet; a damaged packet is skipped, as players do, and told of."""
        import av

        n_bad = n_good = 0
        lost_s = 0.0
        for packet in self._container.demux(self._streams):
            index = packet.stream.index
            try:
                decoded = packet.decode()
            except av.error.InvalidDataError:
                n_bad += 1
                lost_s += float((packet.duration or 0) * (packet.time_base or 0))
                continue
            n_good += len(decoded)
            yield from ((index, frame) for frame in decoded)  # type: ignore[misc]
        if n_bad and not n_good:
            raise AudioError("none of its packets can be decoded")
        if n_bad and lost_s >= MIN_LOSS_S:
            self.warning = f"{n_bad} damaged packets, {lost_s:.1f} s, could not be decoded"

    def _convert(
        self, frames: Iterator[tuple[int, av.AudioFrame]], tracks: dict[int, Track]
    ) -> Iterator[Samples]:
        """Yield the pieces of all tracks as they come, with as many channels as `info` says."""
        for index, frame in frames:
            for piece in tracks[index].convert(frame):
                self._current = index
                yield self._fit_channels(piece)
        for index, track in tracks.items():
            for piece in track.convert(None):
                self._current = index
                yield self._fit_channels(piece)
        n_streams = len(self._container.streams.audio)  # some may have come later
        if n_streams > len(self._streams):
            n_left_out = n_streams - len(self._streams)
            self.warning = f"{n_left_out} of {n_streams} sound streams could not be decoded"
        dropped_s = max(track.n_dropped for track in tracks.values()) / self._rate
        if dropped_s >= MIN_LOSS_S:
            self.warning = f"{dropped_s:.1f} s are left out: they have the times of what was before"

    def _fit_channels(self, piece: Samples) -> Samples:
        if piece.shape[1] == self._n_channels:
            return piece
        return np.repeat(piece.mean(axis=1, keepdims=True), self._n_channels, axis=1)

    def _mix(self, pieces: Iterator[Samples], tracks: dict[int, Track]) -> Iterator[Samples]:
        """Add the tracks' pieces up, each at its place; yields what all of them have reached."""
        first = min((track.place or 0 for track in tracks.values()), default=0)
        mixed = np.zeros((0, self._n_channels), np.float32)
        ends = dict.fromkeys(tracks, first)
        for piece in pieces:
            end = ends[self._current] + len(piece)
            if end - first > len(mixed):
                longer = np.zeros((end - first, self._n_channels), np.float32)
                longer[: len(mixed)] = mixed
                mixed = longer
            start = max(ends[self._current], first)  # what came too late is not waited for
            if end > start:
                mixed[start - first : end - first] += piece[len(piece) - (end - start) :]
            ends[self._current] = end
            reached = max(min(ends.values()), max(ends.values()) - round(MAX_LEAD_S * self._rate))
            if reached - first >= self._rate:
                yield mixed[: reached - first]
                mixed, first = mixed[reached - first :].copy(), reached
        if len(mixed):
            yield mixed


def _is_decodable(stream: AudioStream) -> bool:
    context = stream.codec_context
    return context is not None and bool(context.sample_rate and context.channels)
