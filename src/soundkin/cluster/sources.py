"""Which files a cluster is to index: folders, lists of paths, and object storage."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from soundkin.audio.decoders.open import is_audio_path
from soundkin.audio.walk import FoundFile, Unreadable, resolve_root, walk_audio
from soundkin.errors import LibraryError
from soundkin.system.remote import is_remote, open_filesystem, read_mtime

LISTS = (".txt", ".csv")


def is_list(source: str) -> bool:
    """Tell by its name whether a source is a list of paths."""
    return source.lower().endswith(LISTS) and not is_remote(source)


def resolve_source(source: str | os.PathLike[str]) -> str:
    """Make a source absolute.

    Raises
    ------
    AudioError
        There is no such file or folder; what is far is only looked for when it is listed.
    """
    name = os.fsdecode(source)
    return name.rstrip("/") if is_remote(name) else resolve_root(name)


def list_source(source: str) -> Iterator[FoundFile | Unreadable]:
    """Yield the audio files of a source: below a folder or URL, or named in a list."""
    if is_remote(source):
        yield from _list_far(source)
    elif is_list(source):
        yield from _list_named(Path(source))
    else:
        yield from walk_audio(source)


def _list_far(url: str) -> Iterator[FoundFile | Unreadable]:
    system, root = open_filesystem(url)
    scheme = url.split("://")[0]
    try:
        if system.isfile(root):
            yield _describe(url, system.info(root))
            return
        for path, info in sorted(system.find(root, detail=True).items()):
            if is_audio_path(path) and not any(p.startswith(".") for p in path.split("/")):
                yield _describe(f"{scheme}://{path.lstrip('/')}", info)
    except OSError as error:
        yield Unreadable(url, str(error))


def _describe(url: str, info: dict[str, Any]) -> FoundFile:
    """Describe what is far; where no time is told, equal sizes are taken for equal bytes."""
    return FoundFile(url, int(info["size"] or 0), round(read_mtime(info) * 1e9))


def _list_named(path: Path) -> Iterator[FoundFile | Unreadable]:
    """Yield the files of a list: a path a line, or the column `path` of a CSV."""
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            for name in _read_names(file, path):
                if is_remote(name):
                    yield from _list_far(name)
                else:
                    found = os.path.normpath(path.parent / Path(name).expanduser())
                    yield from walk_audio(found)
    except OSError as error:
        yield Unreadable(str(path), error.strerror or str(error))


def _read_names(file: Any, path: Path) -> Iterator[str]:
    if path.suffix.lower() == ".txt":
        yield from (line.strip("\r\n") for line in file if line.strip())
        return
    rows = csv.DictReader(file)
    if "path" not in (rows.fieldnames or ()):
        raise LibraryError(f"{path}: a list of files in CSV needs a column named path")
    yield from (row["path"] for row in rows if row["path"])
