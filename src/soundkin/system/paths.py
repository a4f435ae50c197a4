r"""Paths as any system writes them, so that a library that came from another one is understood.

Windows has `C:\Users\x` and `\\server\share`, the others have `/Users/x`. What is written in
one way stays as it is on a system of the other kind, where it would mean something else.
"""

from __future__ import annotations

import ntpath
import os
import posixpath
import re
from collections.abc import Iterable
from unicodedata import normalize

WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\[^\\/]")


def is_whole(path: str) -> bool:
    """Tell whether a path begins at a root, on whichever system."""
    return path.startswith("/") or WINDOWS.match(path) is not None


def find_separator(path: str) -> str:
    """Find what stands between the names of an absolute path, by how it begins."""
    if WINDOWS.match(path):
        return "\\"
    return "/" if path.startswith("/") else os.sep


def make_absolute(path: str | os.PathLike[str]) -> str:
    """Complete a path from where we are; one of another system is whole already."""
    text = os.path.expanduser(os.fsdecode(path))  # noqa: PTH111 (text, as it is in the library)
    separator = find_separator(text)
    if separator == os.sep:
        return os.path.abspath(text)  # noqa: PTH100 (no link is followed)
    if separator == "/":
        return posixpath.normpath(text)
    text = ntpath.normpath(text)  # which leaves a share its separator at the end
    return text if text.endswith(":\\") else text.rstrip("\\")


def lies_below(path: str, root: str) -> bool:
    """Tell whether a path is a root, or lies below it."""
    separator = find_separator(root)
    return f"{path}{separator}".startswith(f"{root.rstrip(separator)}{separator}")


def reroot(path: str, old: str, new: str) -> str:
    """Give what lies at or below `old` its path below `new`, which may be another system's."""
    before, after = find_separator(old), find_separator(new)
    names = path[len(old) :].strip(before).split(before)
    return after.join([new.rstrip(after), *names]) if names != [""] else new


def locate(path: str | os.PathLike[str]) -> str:
    """Make a path of this system absolute, spelt as its disk has it; no link is followed."""
    return Spellings().find(os.path.abspath(os.path.expanduser(os.fsdecode(path))))  # noqa: PTH100, PTH111


def fold_name(name: str) -> str:
    """Fold a name to what it is found by on disks that know no case and no form of Unicode's."""
    return _compose(_compose(name).casefold())


def is_listed(path: str, roots: Iterable[str] = ()) -> bool:
    """Tell whether something is there by this very name, not only by one taken for the same.

    The names of a root that it lies in are not looked at.
    """
    if not os.path.lexists(path):
        return False
    root = next((root for root in roots if lies_below(path, root)), "")
    return Spellings().find(path, root) == path


class Spellings:
    """How names are spelt on this disk, which may find them by other spellings too.

    Windows and macOS find `kick.wav` as `Kick.WAV`, macOS é in both of Unicode's forms; a library
    has one path for one file, the one that a walk of its folder finds. Folders are listed once.
    """

    def __init__(self) -> None:
        self._found: dict[str, str] = {}
        self._names: dict[str, frozenset[str]] = {}

    def find(self, path: str, root: str = "") -> str:
        """Give an absolute path as it is spelt here; the names of a root that it lies in stay.

        What is not there stays as it is, but for Unicode's form where one like it is there.
        """
        folder, name = os.path.split(path)
        if path == root or not name or not folder:
            return f"{path[0].upper()}{path[1:]}" if path[1:2] == ":" else path  # of a drive
        if folder not in self._found:
            self._found[folder] = self.find(folder, root)
        folder = self._found[folder]
        return os.path.join(folder, self._spell(folder, name))  # noqa: PTH118 (as the library has it)

    def _spell(self, folder: str, name: str) -> str:
        path = os.path.join(folder, name)  # noqa: PTH118
        fold = _compose
        if os.path.lexists(path):
            if not any(map(os.path.lexists, _respell(path, name))):
                return name  # this disk tells names apart
            fold = fold_name
        elif name.isascii():
            return name
        names = self._list_names(folder)
        alike = [] if name in names else [one for one in names if fold(one) == fold(name)]
        if len(alike) > 1:
            alike.sort(key=lambda one: not _is_same(os.path.join(folder, one), path))  # noqa: PTH118
        return alike[0] if alike else name

    def _list_names(self, folder: str) -> frozenset[str]:
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(os.listdir(folder))  # noqa: PTH208
            except OSError:
                self._names[folder] = frozenset()
        return self._names[folder]


def _respell(path: str, name: str) -> set[str]:
    """Spell a path's last name as a disk would not have it that tells names apart."""
    swapped = "".join(other if len(other := letter.swapcase()) == 1 else letter for letter in name)
    spellings = {swapped, normalize("NFC", name), normalize("NFD", name)} - {name}
    return {f"{path[: -len(name)]}{spelling}" for spelling in spellings}


def _compose(name: str) -> str:
    return normalize("NFC", name)


def _is_same(path: str, other: str) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.lstat(other))
    except OSError:
        return False
