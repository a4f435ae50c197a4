"""Disks as Windows and macOS have them, mounted by FUSE over a folder of this one.

Both find a file whatever the case of its name. Windows' keeps names as they were written, and
refuses some; macOS' (HFS+) takes é in both of Unicode's forms for one, and lists it decomposed.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest

from needed import miss

DEVICE = "/dev/fuse"
REFUSED = set('<>:"|?*\\') | set(map(chr, range(32)))
MOUNT_S = 10.0


class Disk:
    """What FUSE asks for, answered from a folder; paths begin at `/`."""

    use_ns = True  # for times

    def __init__(self, folder: str, kind: str) -> None:
        self._folder = folder
        self._kind = kind

    def _fold(self, name: str) -> str:
        return (normalize("NFC", name) if self._kind == "macos" else name).casefold()

    def _find(self, path: str) -> str:
        """Find what a path names in the folder; where nothing is there, what its name would be."""
        real = self._folder
        for name in filter(None, path.split("/")):
            names = os.listdir(real) if os.path.isdir(real) else []
            folded = self._fold(name)
            found = [one for one in names if self._fold(one) == folded]
            real = os.path.join(real, found[0] if found else self._spell(name))
        return real

    def _name(self, path: str) -> str:
        """Name what is to be made or renamed as it was written, and refuse what cannot be."""
        above, name = os.path.split(path)
        if self._kind == "windows" and (REFUSED & set(name) or name.endswith((".", " "))):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return os.path.join(self._find(above), self._spell(name))

    def _spell(self, name: str) -> str:
        return normalize("NFD", name) if self._kind == "macos" else name

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        status = os.lstat(self._find(path)) if fh is None else os.fstat(fh)
        kept = ("mode", "nlink", "uid", "gid", "size", "ino")
        times = {
            f"st_{one}": getattr(status, f"st_{one}_ns") for one in ("atime", "mtime", "ctime")
        }
        return times | {f"st_{one}": getattr(status, f"st_{one}") for one in kept}

    def readdir(self, path: str, fh: int) -> Iterator[tuple[str, dict[str, int], int]]:
        with os.scandir(self._find(path)) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                yield entry.name, {"st_mode": status.st_mode, "st_ino": status.st_ino}, 0

    def create(self, path: str, mode: int, flags: int) -> int:
        found = self._find(path)
        return os.open(
            found if os.path.lexists(found) else self._name(path), flags | os.O_CREAT, mode
        )

    def open(self, path: str, flags: int) -> int:
        return os.open(self._find(path), flags)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return os.pread(fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        return os.pwrite(fh, data, offset)

    def truncate(self, path: str, length: int, fh: int | None = None) -> None:
        os.truncate(self._find(path) if fh is None else fh, length)

    def fsync(self, path: str, datasync: int, fh: int) -> None:
        os.fsync(fh)

    def release(self, path: str, fh: int) -> None:
        os.close(fh)

    def mkdir(self, path: str, mode: int) -> None:
        os.mkdir(self._name(path), mode)

    def rmdir(self, path: str) -> None:
        os.rmdir(self._find(path))

    def unlink(self, path: str) -> None:
        os.unlink(self._find(path))

    def rename(self, old: str, new: str) -> None:
        source, target = self._find(old), self._find(new)
        if os.path.lexists(target) and target != source:
            os.rename(source, target)  # over a file, whose name stays as it was
            source = target
        os.rename(source, self._name(new))

    def link(self, target: str, source: str) -> None:
        os.link(self._find(source), self._name(target))

    def utimens(self, path: str, times: tuple[int, int]) -> None:
        os.utime(self._find(path), ns=times)

    def chmod(self, path: str, mode: int) -> None:
        os.chmod(self._find(path), mode)

    def chown(self, path: str, uid: int, gid: int) -> None:
        os.chown(self._find(path), uid, gid)


def answer(folder: str, place: str, kind: str) -> None:
    """Mount a disk, and answer until it is unmounted."""
    import mfusepy

    no_cache = {"entry_timeout": 0, "negative_timeout": 0, "attr_timeout": 0}
    options = {"foreground": True, "nothreads": True, "use_ino": True}
    mfusepy.FUSE(Disk(folder, kind), place, **options, **no_cache)


@contextmanager
def mount_disk(folder: Path, kind: str) -> Iterator[Path]:
    """Give an empty disk as `windows` or `macos` has it; skip where none can be mounted."""
    unmount = _require_fuse()
    kept, place = folder / f"{kind} kept", folder / f"{kind} disk"
    kept.mkdir()
    place.mkdir()
    command = [sys.executable, __file__, str(kept), str(place), kind]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + MOUNT_S
        while not os.path.ismount(place) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        if not os.path.ismount(place):
            process.kill()
            errors = process.communicate()[1].strip()
            if "not permitted" in errors:
                pytest.skip(f"this system lets nobody mount by FUSE: {errors}")
            miss(f"a disk could not be mounted by FUSE: {errors}")
        yield place
    finally:
        subprocess.run([unmount, "-u", "-z", str(place)], check=False, capture_output=True)
        process.communicate(timeout=MOUNT_S)


def _require_fuse() -> str:
    """See that there is all that mounting needs, and find what unmounts."""
    unmount = shutil.which("fusermount3")
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        pytest.skip(f"no {DEVICE} that may be opened, so no disk of another system is mounted")
    if unmount is None:
        pytest.skip("fuse3 is not installed (make installs it where it may)")
    if find_spec("mfusepy") is None:
        pytest.skip("mfusepy is not installed (make installs it)")
    return str(unmount)


if __name__ == "__main__":
    answer(*sys.argv[1:])
