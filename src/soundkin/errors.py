"""Every error soundkin raises on purpose. Each message names the thing and the fix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class SoundkinError(Exception):
    """Root of all soundkin errors; its message is one line, fit to show a person."""


class AudioError(SoundkinError):
    """A sound cannot be read: not audio, empty, damaged, or a region outside of it."""


class TooLongError(AudioError):
    """A sound is longer than what is taken at once; a part of it, or indexing it, would do."""


class ModelError(SoundkinError):
    """A model is missing, damaged, or not the one a library was made with."""


class LibraryError(SoundkinError):
    """A library file is missing, foreign, locked, full, or from a newer soundkin."""


class BusyError(LibraryError):
    """Another process is indexing into the library."""


class DamagedLibraryError(LibraryError):
    """A library file is damaged, or another program changed its tables; it can be repaired."""


class QueryError(SoundkinError):
    """A query makes no sense: nothing to search for, or nothing to search in."""


class WorkerError(SoundkinError):
    """The process that decoded a file died; the file is at fault, not the run."""


class TrainingError(SoundkinError):
    """Training cannot start or go on: too little audio, a bad recipe, no room to write."""


class DeformationError(SoundkinError):
    """A deformation is out of its range, or cannot be done to this sound, or not be written."""


class ClusterError(SoundkinError):
    """A cluster cannot be reached, or gave up on its work."""


class ServerError(SoundkinError):
    """The server cannot be started: its address is taken, or not this machine's."""


@contextmanager
def naming(name: object, kind: type[SoundkinError]) -> Iterator[None]:
    """Raise the system's errors of a file as `kind`, with the file's name and the reason."""
    try:
        yield
    except OSError as error:
        raise kind(f"{name}: {error.strerror or error}") from error
