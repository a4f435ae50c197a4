"""Which files there are: folders walked for sound, loops of links cut, trouble reported."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from soundkin.audio.decoders.open import is_audio_path
from soundkin.errors import AudioError
from soundkin.system.paths import locate

BROKEN = "No such file or directory (a link to it is there)"
IN_THE_CLOUD = "in the cloud, and not on this machine"
PLACEHOLDER = ".icloud"  # `.NAME.icloud` stands where a file NAME was
DATALESS = 0x40000000  # of macOS's file flags
OFFLINE = (
    0x1000 | 0x40000 | 0x400000
)  # of Windows' attributes: offline, recalled when opened or read
TEXT_ENDINGS = {".ts", ".mts"}  # of TypeScript as well as of video
TEXT_BYTES = 512


@dataclass(frozen=True)
class FoundFile:
    """A file as the walk saw it; equal size, mtime and ctime are taken for equal bytes.

    `ctime_ns` is when its bytes, its name or its permissions were last changed, which nobody can
    put back; None where that is not known, as of what is far.
    """

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int | None = None

    @classmethod
    def of(cls, path: str, status: os.stat_result) -> Self:
        """Take what its system says of it."""
        return cls(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


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
    """Make a folder's or file's path absolute, as its disk spells it; no link is followed.

    Raises
    ------
    AudioError
        There is no such file or folder.
    """
    absolute = locate(path)
    if not Path(absolute).exists():
        raise AudioError(f"{os.fsdecode(path)}: no such file or folder")
    return absolute


def walk_audio(root: str, others: Counter[str] | None = None) -> Iterator[FoundFile | Unreadable]:
    """Yield the audio files below a folder in order of name, or the file itself, whatever its name.

    Links to folders are followed, each folder once; hidden files and folders are left out. Between
    them come the places that could not be read, or where nothing is. `others` counts, by their
    endings, the files that were left out since they are no sound, or are not on this machine.
    """
    others = Counter() if others is None else others
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
        yield FoundFile.of(root, status)
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
        yield from _walk_entries(entries, folders, others)
        pending.extend(reversed(folders))


def _walk_entries(
    entries: Iterable[os.DirEntry[str]], folders: list[str], others: Counter[str]
) -> Iterator[FoundFile | Unreadable]:
    for entry in entries:
        if entry.name.startswith("."):
            yield from _read_placeholder(entry, others)
            continue
        try:
            if entry.is_dir():
                folders.append(entry.path)
            elif is_audio_path(entry.name):
                yield from _take_sound(entry, others)
            elif entry.is_symlink() and is_broken_link(entry.path):
                yield Unreadable(entry.path, BROKEN, is_missing=True, matters=False)
            else:
                others[_read_ending(entry.name)] += 1
        except OSError as error:
            if is_broken_link(entry.path):
                yield Unreadable(entry.path, BROKEN, is_missing=True)
            elif not isinstance(error, FileNotFoundError):  # else it went a moment ago
                yield Unreadable(entry.path, error.strerror or str(error))


def _take_sound(entry: os.DirEntry[str], others: Counter[str]) -> Iterator[FoundFile | Unreadable]:
    """Take a file by its name for sound, unless it is elsewhere, or text."""
    status = entry.stat()
    if _is_offline(status):
        others[f"{_read_ending(entry.name)} ({IN_THE_CLOUD})"] += 1
        yield Unreadable(entry.path, IN_THE_CLOUD, is_missing=True, matters=False)
    elif _holds_text(entry):
        others[f"{_read_ending(entry.name)} (text)"] += 1
    elif stat.S_ISREG(status.st_mode):
        yield FoundFile.of(entry.path, status)


def _read_placeholder(entry: os.DirEntry[str], others: Counter[str]) -> Iterator[Unreadable]:
    """Tell which file a hidden one stands for, if it is in the cloud."""
    name = entry.name[1:].removesuffix(PLACEHOLDER)
    if entry.name.endswith(PLACEHOLDER) and is_audio_path(name):
        others[f"{_read_ending(name)} ({IN_THE_CLOUD})"] += 1
        path = os.path.join(os.path.dirname(entry.path), name)  # noqa: PTH118, PTH120
        yield Unreadable(path, IN_THE_CLOUD, is_missing=True, matters=False)


def _is_offline(status: os.stat_result) -> bool:
    """Tell whether reading a file would have to fetch it first, by what its system says of it."""
    flags, attributes = getattr(status, "st_flags", 0), getattr(status, "st_file_attributes", 0)
    return bool(flags & DATALESS or attributes & OFFLINE)


def _holds_text(entry: os.DirEntry[str]) -> bool:
    """Tell text from video where both have the same ending."""
    if _read_ending(entry.name) not in TEXT_ENDINGS:
        return False
    try:
        with open(entry.path, "rb") as file:  # noqa: PTH123 (thousands)
            head = file.read(TEXT_BYTES)
    except OSError:
        return False
    return is_text(head)


def is_text(head: bytes) -> bool:
    """Tell whether a file that begins so is text: UTF-8, without control characters."""
    if not head or any(byte < 32 and byte not in b"\t\n\r\f" for byte in head):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4 and len(head) == TEXT_BYTES  # cut within a letter
    return True


def _read_ending(name: str) -> str:
    return os.path.splitext(name)[1].lower() or "without an ending"  # noqa: PTH122


def is_broken_link(path: str) -> bool:
    """Tell whether a path is a link to what is not there."""
    return os.path.islink(path) and not os.path.exists(path)  # noqa: PTH110, PTH114 (thousands)


def is_below(path: str, folder: str) -> bool:
    """Tell whether a path is a folder, or lies in it at any depth."""
    return path == folder or path.startswith(f"{folder.rstrip(os.sep)}{os.sep}")
