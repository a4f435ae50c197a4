"""A whole decode by FFmpeg, to hold soundkin's against: how long each sound stream of a file is.

It runs in a process apart, since FFmpeg may crash, hang or eat memory over a file: `ask_referee`.
That process has this file as its program.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from soundkin.errors import SoundkinError
from soundkin.system.limits import DECODING_BYTES, limit_memory
from soundkin.system.worker_child import declare_ready, heartbeat, open_streams, write_answer
from soundkin.system.worker_parent import Answers, WorkerProcess

TOLERANCE_S, TOLERANCE = 0.05, 0.01  # that codecs pad, or decoders leave out
# The first frames after damage, whose bits lie in frames that are gone: FFmpeg gives silence.
MPEG_FRAMES = 2
# libsndfile's containers that FFmpeg has by another name, and those that it has not: it takes NMS's
# codec for another, and believes what headers say of G.721's bits, which are always 4.
CONTAINERS = {
    "WAV": "wav", "WAVEX": "wav", "RF64": "wav", "AIFF": "aiff", "AU": "au", "FLAC": "flac",
    "OGG": "ogg", "MP3": "mp3", "CAF": "caf", "W64": "w64", "VOC": "voc", "IRCAM": "ircam",
    "NIST": "nistsphere", "PVF": "pvf", "SVX": "iff", "WVE": "wve", "AVR": "avr",
    "PAF": "epaf",
}  # fmt: skip
UNKNOWN_TO_FFMPEG = ("MAT4", "MAT5", "XI", "HTK", "MPC2K", "SDS", "WAV NMS_ADPCM", "WAV G721")


@dataclass(frozen=True)
class Verdict:
    """What FFmpeg makes of a file: seconds and samples of its longest sound stream, as decoded.

    `form` names container and codec, `frame_s` is the longest frame, `n_bad` counts packets that
    could not be decoded, of all streams.
    """

    seconds: float
    n_samples: int
    frame_s: float
    form: str
    n_bad: int


def is_comparable(form: str, verdict: Verdict) -> bool:
    """Tell whether FFmpeg took a file for what soundkin did, which calls it `form`.

    It takes another container for one where it does not know libsndfile's, and finds something
    inside; where headers contradict themselves, the same bytes are samples of other sizes to both.
    """
    container, codec = form.split()[:2]
    if form.startswith(UNKNOWN_TO_FFMPEG):
        return False
    if container in CONTAINERS and not verdict.form.startswith(CONTAINERS[container]):
        return False
    ours, theirs = re.search(r"PCM_[A-Z]?(\d+)", codec), re.search(r"pcm_[a-z](\d+)", verdict.form)
    return not (ours and theirs and ours[1] != theirs[1])


def find_loss(heard_s: float, sample_rate: int, verdict: Verdict) -> str | None:
    """Tell whether notably less of a file was heard than FFmpeg decodes, and how much.

    Both seconds and samples have to be fewer: where headers contradict each other, the two may
    take the same samples for those of different rates, and nothing is lost.
    """
    tolerance_s = max(TOLERANCE_S, TOLERANCE * verdict.seconds)
    if verdict.form.startswith("mp3 "):
        tolerance_s += MPEG_FRAMES * verdict.frame_s
    least_samples = verdict.n_samples * (1 - tolerance_s / verdict.seconds)
    if heard_s >= verdict.seconds - tolerance_s or heard_s * sample_rate >= least_samples:
        return None
    return f"{heard_s:.3f} s heard, {verdict.seconds:.3f} s by FFmpeg ({verdict.form})"


class Referee:
    """Asks one process about file after file; a context manager."""

    def __init__(self) -> None:
        self._process = WorkerProcess(__file__)

    def __enter__(self) -> Referee:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def judge(self, path: str) -> Verdict | None:
        """Decode a file; None where FFmpeg finds no sound in it, or does not survive it."""
        try:
            answer = self._process.ask({"path": path}, Answers.read_line)
        except SoundkinError:
            return None
        return Verdict(**answer) if answer else None


def decode(path: str) -> Verdict | None:
    """Decode all sound streams of a file packet by packet; None where there is no sound in it.

    Frames are counted, whatever their time stamps say; a packet that fails is passed over.
    """
    import av

    lengths: dict[int, tuple[float, int]] = {}
    n_bad, longest_s = 0, 0.0
    try:
        options = {"protocol_whitelist": "file"}
        with av.open(path, metadata_errors="ignore", options=options) as container:
            streams = [one for one in container.streams.audio if one.codec_context is not None]
            names = " ".join(one.codec_context.name for one in streams)
            form = f"{container.format.name} {names}"
            for packet in container.demux(streams):
                heartbeat()
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:
                    n_bad += 1
                    continue
                for frame in frames:
                    seconds = frame.samples / frame.sample_rate
                    longest_s = max(longest_s, seconds)
                    former_s, n_samples = lengths.get(packet.stream.index, (0.0, 0))
                    lengths[packet.stream.index] = former_s + seconds, n_samples + frame.samples
    except (av.error.FFmpegError, ValueError, ZeroDivisionError):
        if not lengths:
            return None
    seconds, n_samples = max(lengths.values(), default=(0.0, 0))
    return Verdict(seconds, n_samples, longest_s, form, n_bad) if seconds else None


def serve_requests() -> None:
    """Answer requests until they end."""
    requests, answers = open_streams()
    limit_memory(DECODING_BYTES)
    declare_ready(answers)
    for line in requests:
        request: dict[str, Any] = json.loads(line)
        try:
            verdict = decode(request["path"])
        except MemoryError:
            verdict = None
        write_answer(answers, {} if verdict is None else vars(verdict))


if __name__ == "__main__":
    serve_requests()
