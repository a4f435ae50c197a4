"""A file shown where it lies, in the file manager of whoever sits at this machine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

GIVEN_S = 3.0  # for a program to fail; one that is still at work by then has opened something

# File managers of freedesktop.org select a file where they are asked by D-Bus.
ASK = (
    *("dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.FileManager1"),
    *("/org/freedesktop/FileManager1", "org.freedesktop.FileManager1.ShowItems"),
)


def reveal_file(path: str) -> bool:
    """Show a file in its folder; False where no file manager could be started."""
    return any(_works(command) for command in _list_ways(path))


def _list_ways(path: str) -> Sequence[Sequence[str]]:
    if sys.platform == "darwin":
        return [["open", "-R", path]]
    if sys.platform == "win32":
        return [["explorer", f"/select,{path}"]]
    return [
        [*ASK, f"array:string:{Path(path).as_uri()}", "string:"],
        ["xdg-open", str(Path(path).parent)],
    ]


def _works(command: Sequence[str]) -> bool:
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except OSError:
        return False
    try:
        # Explorer ends with 1 even where it has shown what it was asked for.
        return process.wait(GIVEN_S) == 0 or sys.platform == "win32"
    except subprocess.TimeoutExpired:
        return True
