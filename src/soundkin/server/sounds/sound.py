"""Anything that can be listened to: a recording of the library, or a sound from outside."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from soundkin.audio.decoders.decoder import AudioInfo
from soundkin.library.library import Library
from soundkin.library.records import Recording
from soundkin.search.query import Sound
from soundkin.server.sounds.uploads import Upload
from soundkin.system.remote import fetch_cached


@dataclass(frozen=True)
class SoundRef:
    """A sound with its id; `source` is what to decode: the file, or the copy of an upload."""

    id: str
    name: str
    source: str
    duration_s: float
    info: AudioInfo
    recording: Recording | None = None
    upload: Upload | None = None

    @classmethod
    def of_recording(cls, recording: Recording) -> Self:
        """Take a recording that could be read."""
        info = AudioInfo(
            recording.duration_s, recording.sample_rate, recording.n_channels, recording.format
        )
        identity = f"r{recording.id}"
        name = os.path.basename(recording.path)  # noqa: PTH119
        return cls(identity, name, recording.path, recording.duration_s, info, recording=recording)

    @classmethod
    def of_upload(cls, upload: Upload) -> Self:
        """Take an upload by its decoded copy."""
        facts = (upload.id, upload.name, str(upload.copy), upload.duration_s, upload.info)
        return cls(*facts, upload=upload)

    @property
    def slow(self) -> float:
        """How many times slower it is heard, as ultrasound."""
        return 1.0 if self.recording is None else self.recording.slow

    @property
    def path(self) -> Path:
        """The file to decode, on this machine; what is far is brought near first.

        Raises
        ------
        AudioError
            It cannot be reached.
        """
        return Path(fetch_cached(self.source))

    def as_query(
        self,
        library: Library,
        weight: float = 1.0,
        start_s: float = 0.0,
        end_s: float | None = None,
    ) -> Sound:
        """Make a part of a query of it; an upload that the library has is that recording."""
        recording = self.recording
        if self.upload is not None:
            content_id = library.find_bytes(self.upload.digest) or 0
            known = library.get_recordings([content_id]).get(content_id)
            if not known:
                return Sound(self.source, weight, start_s, end_s, self.upload.digest)
            recording = known[0]
        assert recording is not None  # it is one or the other
        return Sound(recording, weight, start_s, end_s)
