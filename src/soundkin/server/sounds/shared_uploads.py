"""Sounds from outside where all replicas of a server find them: in files beside the library.

A page's next request may reach another replica than the one that took its sound, and a replica may
be replaced in between. What was sent is kept for a day, and decoded again by who is asked for it.
"""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soundkin.audio.decoders.open import EXTENSIONS
from soundkin.errors import AudioError
from soundkin.server.problems import ProblemError
from soundkin.system.remote import open_filesystem, read_mtime

FOLDER = "uploads"
KEPT_S = 86_400.0
SWEEP_EVERY_S = 600.0
ID = re.compile(r"u[0-9a-f]{32}")


@dataclass(frozen=True)
class SharedUpload:
    """What is noted of a shared sound: its name, its file's extension, who made it."""

    name: str
    suffix: str
    is_made: bool


class SharedUploads:
    """A folder beside a library's tables, on whatever these lie in; for any thread."""

    def __init__(self, library: str) -> None:
        self._system, root = open_filesystem(library)
        self._folder = f"{root.rstrip('/')}/{FOLDER}"
        self._swept_at = 0.0

    def keep(self, upload_id: str, path: Path, note: SharedUpload) -> None:
        """Copy a sound there; it can be found once its note, the last, is written.

        Raises
        ------
        ProblemError
            There is no room for it, or the storage cannot be reached.
        """
        self._sweep()
        try:
            self._system.makedirs(self._folder, exist_ok=True)
            self._system.put_file(str(path), self._name(upload_id, note.suffix))
            facts = {"name": note.name, "suffix": note.suffix, "is_made": note.is_made}
            self._system.pipe_file(self._name(upload_id, ".json"), json.dumps(facts).encode())
        except OSError as error:
            raise ProblemError(503, "the sound could not be kept for the other servers") from error

    def find(self, upload_id: str) -> SharedUpload | None:
        """Read what was noted of a sound; None where there is none."""
        if not ID.fullmatch(upload_id):
            return None
        try:
            note = SharedUpload(**json.loads(self._system.cat_file(self._name(upload_id, ".json"))))
        except (OSError, ValueError, TypeError):
            return None
        return note if note.suffix in {"", *EXTENSIONS} else None

    def fetch(self, upload_id: str, note: SharedUpload, target: Path) -> None:
        """Copy a sound here.

        Raises
        ------
        AudioError
            It is gone, or cannot be reached.
        """
        try:
            self._system.get_file(self._name(upload_id, note.suffix), str(target))
        except OSError as error:
            raise AudioError(f"{note.name}: it is not kept any more") from error

    def forget(self, upload_id: str) -> None:
        """Delete a sound."""
        note = self.find(upload_id)
        if note is not None:
            self._delete(self._name(upload_id, ".json"))
            self._delete(self._name(upload_id, note.suffix))

    def _name(self, upload_id: str, suffix: str) -> str:
        return f"{self._folder}/{upload_id}{suffix}"

    def _delete(self, path: str) -> None:
        with suppress(OSError):  # another replica may have been quicker
            self._system.rm_file(path)

    def _sweep(self) -> None:
        """Delete what is older than a day, now and then."""
        if time.monotonic() - self._swept_at < SWEEP_EVERY_S:
            return
        self._swept_at = time.monotonic()
        found: dict[str, Any] = {}
        with suppress(OSError):
            self._system.invalidate_cache()
            found = self._system.find(self._folder, detail=True)
        for path, info in found.items():
            if time.time() - read_mtime(info) > KEPT_S:
                self._delete(path)
