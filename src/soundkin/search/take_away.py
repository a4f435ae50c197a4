"""What is in a crate as real files: copied into a folder, or packed into one file.

A whole recording is its own file, byte for byte; a stretch of one is cut out as WAV.
"""

from __future__ import annotations

import errno
import filecmp
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

from soundkin.errors import AudioError, LibraryError, SoundkinError, naming
from soundkin.library.crates import CrateItem
from soundkin.progress import Failure
from soundkin.search.rows import Row, describe_stretch
from soundkin.search.wav import read_wav
from soundkin.system.files import put_in_place
from soundkin.system.paths import fold_name
from soundkin.text import make_file_name, make_printable

# What is said of a name: letters that may not be in it, too many of them, or no valid text.
REFUSED = {errno.EINVAL, errno.ENAMETOOLONG, errno.EILSEQ}


def copy_items(items: Sequence[CrateItem], folder: Path) -> tuple[list[str], list[Failure]]:
    """Copy sounds into a folder, which is made where it is missing; nothing there is overwritten.

    A file that is there already with the same bytes is left as it is; another one of the same name,
    be it in other letters' case, makes the new one's end in a number. A name that the folder's disk
    refuses is made one that every system takes.

    Returns
    -------
    The paths of the files, in order of those that could be read, and what could not.

    Raises
    ------
    LibraryError
        The folder cannot be made, or written to.
    """
    with naming(folder, LibraryError):
        folder.mkdir(exist_ok=True)
    written: list[str] = []
    names: set[str] = set()
    failures: list[Failure] = []
    for item in items:
        try:
            written.append(_copy(item, folder, names))
        except AudioError as error:
            failures.append(Failure.of(item.recording.path, error))
    return written, failures


def pack_items(
    items: Sequence[CrateItem], file: IO[bytes], *, list_failures: bool = False
) -> list[Failure]:
    """Write sounds into a zip archive, as they are: most sounds are packed already.

    Returns what could not be read; with `list_failures` a text in the archive tells it, too.
    """
    names: set[str] = set()
    failures: list[Failure] = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for item in items:
            name = next(one for one in _suggest_names(item) if fold_name(one) not in names)
            names.add(fold_name(name))
            try:
                _pack(item, archive, name)
            except SoundkinError as error:
                failures.append(Failure.of(item.recording.path, error))
        if failures and list_failures:
            lines = (make_printable(f"{one.path}: {one.reason}") for one in failures)
            archive.writestr("not read.txt", "\n".join(lines))
    return failures


def describe_items(items: Sequence[CrateItem]) -> list[Row]:
    """Write sounds as rows that `FORMATS` takes; nobody has searched for them."""
    return [
        describe_stretch(item.recording, rank, item.start_s, round(item.duration_s, 6))
        for rank, item in enumerate(items, 1)
    ]


def _suggest_names(item: CrateItem, *, for_all: bool = False) -> Iterator[str]:
    """Give a file's name, then the same with numbers; a stretch has its place in it.

    With `for_all`, names that every system takes.
    """
    name = os.path.basename(item.recording.path)  # noqa: PTH119 (bytes of any kind)
    stem, suffix = os.path.splitext(name.rstrip(". ") if for_all else name)  # noqa: PTH122
    if for_all:
        stem, suffix = make_file_name(stem), suffix and make_file_name(suffix)
    if not item.is_whole:
        stem = make_file_name(f"{stem} {item.start_s:.3f}s")
        suffix = ".wav"
    yield stem + suffix
    number = 2
    while True:
        yield f"{stem} {number}{suffix}"
        number += 1


def _copy(item: CrateItem, folder: Path, names: set[str]) -> str:
    """Write one file, and note its name; what of this copy has that already is another sound."""
    source = item.recording.path
    cut = None if item.is_whole else _cut(item)
    for for_all in (False, True):
        target = _find_place(_suggest_names(item, for_all=for_all), folder, names, source, cut)
        try:
            if not os.path.lexists(target):
                _write(source, cut, target)
        except LibraryError as error:
            if for_all or getattr(error.__cause__, "errno", None) not in REFUSED:
                raise
        else:
            names.add(fold_name(target.name))
            return str(target)
    raise AssertionError("the second time an error is raised")


def _find_place(
    suggested: Iterable[str], folder: Path, names: Container[str], source: str, cut: bytes | None
) -> Path:
    """Find the first name that is free, or that the same bytes have already."""
    for name in suggested:
        target = folder / name
        if fold_name(name) not in names:
            with naming(target, LibraryError):
                if not os.path.lexists(target) or _is_same(target, source, cut):
                    return target
    raise AssertionError("names go on without end")


def _write(source: str, cut: bytes | None, target: Path) -> None:
    """Write a file aside, under a name of no length of its own, and give it its name once whole."""
    with naming(source, AudioError):
        original = io.BytesIO(cut) if cut is not None else Path(source).open("rb")  # noqa: SIM115
    with original, naming(target, LibraryError):
        made, aside = tempfile.mkstemp(prefix=".soundkin-", suffix=".part", dir=target.parent)
        try:
            with open(made, "wb") as file:  # noqa: PTH123 (a descriptor)
                shutil.copyfileobj(original, file)
            if cut is None:
                shutil.copystat(source, aside)
            put_in_place(Path(aside), target)
        finally:
            Path(aside).unlink(missing_ok=True)


def _is_same(target: Path, source: str, cut: bytes | None) -> bool:
    if not target.is_file():
        return False
    if cut is not None:
        return target.read_bytes() == cut
    return os.path.exists(source) and filecmp.cmp(target, source, shallow=False)  # noqa: PTH110


def _cut(item: CrateItem) -> bytes:
    end_s = item.recording.duration_s if item.end_s is None else item.end_s
    return read_wav(item.recording.path, item.start_s, end_s)


def _pack(item: CrateItem, archive: zipfile.ZipFile, name: str) -> None:
    if not item.is_whole:
        archive.writestr(_make_text(name), _cut(item))
        return
    with naming(item.recording.path, AudioError):
        archive.write(item.recording.path, _make_text(name))


def _make_text(name: str) -> str:
    """Make a name that an archive can hold, of one that may be no valid text."""
    return name.encode("utf-8", "replace").decode()
