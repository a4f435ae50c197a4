"""Which files there are: folders walked for sound, loops of links cut, trouble reported."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from soundkin.audio.decoders.open import is_audio_path
from soundkin.errors import AudioError

BROKEN = "No such file or directory (a link to it is there)"


@dataclass(frozen=True)
class FoundFile:
    """A file as the walk saw it; equal size and mtime are taken for equal bytes."""

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Unreadable:
    """A place that sounds may be at, though none was seen.

    Either it could not be read, or, with `is_missing`, nothing is there as where a drive is not
    plugged in: a root that is not there, an empty folder, a link to nothing. `matters` is set
    where that is worth telling whatever was there before.
    """

    path: str
    reason: str
    is_missing: bool = False
    matters: bool = True


def resolve_root(path: str | os.PathLike[str]) -> str:
    """Make a folder's or file's path absolute, without following links in it.

    Raises
    ------
    AudioError
        There is no such file or folder.
    """
    absolute = os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 (keeps links)
    if not Path(absolute).exists():
        raise AudioError(f"{os.fsdecode(path)}: no such file or folder")
    return absolute


def walk_audio(root: str) -> Iterator[FoundFile | Unreadable]:
    """Yield the audio files below a folder in order of name, or the file itself, whatever its name.

    Links to folders are followed, each folder once; hidden files and folders are left out. Between
    them come the places that could not be read, or where nothing is.
    """
    try:
        status = Path(root).stat()
    except OSError as error:
        is_missing = isinstance(error, FileNotFoundError)
        yield Unreadable(root, error.strerror or str(error), is_missing)
        return
    if not stat.S_ISDIR(status.st_mode):
        if not stat.S_ISREG(status.st_mode):  # a pipe, whose end nobody knows
            yield Unreadable(root, "neither a file nor a folder")
            return
        yield FoundFile(root, status.st_size, status.st_mtime_ns)
        return
    seen: set[tuple[int, int]] = set()
    pending = [root]
    while pending:
        folder = pending.pop()
        try:
            status = Path(folder).stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield Unreadable(folder, error.strerror or str(error))
            continue
        if not entries:
            yield Unreadable(folder, "it is empty", is_missing=True, matters=False)
        folders: list[str] = []
        yield from _walk_entries(entries, folders)
        pending.extend(reversed(folders))


def _walk_entries(
    entries: Iterable[os.DirEntry[str]], folders: list[str]
) -> Iterator[FoundFile | Unreadable]:
    for entry in entries:
        if entry.name.startswith("."):
            continue
        try:
            if entry.is_dir():
                folders.append(entry.path)
            elif is_audio_path(entry.name):
                status = entry.stat()
                if stat.S_ISREG(status.st_mode):
                    yield FoundFile(entry.path, status.st_size, status.st_mtime_ns)
            elif entry.is_symlink() and is_broken_link(entry.path):
                yield Unreadable(entry.path, BROKEN, is_missing=True, matters=False)
        except OSError as error:
            if is_broken_link(entry.path):
                yield Unreadable(entry.path, BROKEN, is_missing=True)
            elif not isinstance(error, FileNotFoundError):  # else it went a moment ago
                yield Unreadable(entry.path, error.strerror or str(error))


def is_broken_link(path: str) -> bool:
    """Tell whether a path is a link to what is not there."""
    return os.path.islink(path) and not os.path.exists(path)  # noqa: PTH110, PTH114 (thousands)


def is_below(path: str, folder: str) -> bool:
    """Tell whether a path is a folder, or lies in it at any depth."""
    return path == folder or path.startswith(f"{folder.rstrip(os.sep)}{os.sep}")
