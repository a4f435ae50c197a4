r"""Paths as any system writes them, so that a library that came from another one is understood.

Windows has `C:\Users\x` and `\\server\share`, the others have `/Users/x`. What is written in
one way stays as it is on a system of the other kind, where it would mean something else.
"""

from __future__ import annotations

import ntpath
import os
import posixpath
import re
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


class Spellings:
    """How names are spelt on this disk, in one of Unicode's forms or the other.

    macOS takes both for the same, and gives what was written; other systems have them for two.
    """

    def __init__(self) -> None:
        self._known: dict[str, dict[str, str]] = {}

    def find(self, path: str) -> str:
        """Give a path as it is spelt here, or as it is where nothing like it is there."""
        if path.isascii() or os.path.lexists(path):
            return path
        folder, name = os.path.split(path)
        if folder == path:
            return path
        folder = self.find(folder)
        spelt = self._list_names(folder).get(normalize("NFC", name), name)
        return os.path.join(folder, spelt)  # noqa: PTH118 (as the library has it)

    def _list_names(self, folder: str) -> dict[str, str]:
        if folder not in self._known:
            try:
                names = os.listdir(folder)  # noqa: PTH208
            except OSError:
                names = []
            self._known[folder] = {normalize("NFC", name): name for name in names}
        return self._known[folder]
