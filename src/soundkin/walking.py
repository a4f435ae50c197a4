"""Which files there are: folders walked for sound, loops of links cut, trouble reported."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from soundkin.audio import is_audio_path
from soundkin.errors import AudioError


@dataclass(frozen=True)
class FoundFile:
    """A file as the walk saw it; equal size and mtime are taken for equal bytes."""

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Unreadable:
    """A folder that could not be walked, or a file that could not be looked at.

    `gone` means that there is nothing there, as behind a broken link.
    """

    path: str
    reason: str
    gone: bool = False


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

    Links to folders are followed, each folder once; hidden files and folders are left out.
    """
    try:
        status = Path(root).stat()
    except OSError as error:
        yield Unreadable(root, error.strerror or str(error))
        return
    if not stat.S_ISDIR(status.st_mode):
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
        except OSError as error:
            gone = isinstance(error, FileNotFoundError)
            yield Unreadable(entry.path, error.strerror or str(error), gone)


def is_below(path: str, folders: Iterable[str]) -> bool:
    """Tell whether a path is one of some folders, or lies below one."""
    return any(
        f"{path}{os.sep}".startswith(f"{folder.rstrip(os.sep)}{os.sep}") for folder in folders
    )


def hash_file(path: str) -> bytes:
    """Compute the SHA-256 of a file's bytes.

    Raises
    ------
    AudioError
        The file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise AudioError(f"{path}: {error.strerror or error}") from error
