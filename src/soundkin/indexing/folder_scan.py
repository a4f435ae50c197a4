"""What a run has to look at, and which of the library's recordings are not there any more.

A file that is gone was deleted, or the drive it is on is not plugged in. In doubt it is the drive:
recordings are kept, and where is told. That is so

- where a root is not there, is empty, or holds nothing at all of what was last seen in it: another
  drive may be in its place, which the library remembers until the first one is back;
- below an empty folder, as an unplugged drive leaves its mount point, and below a link to what is
  not there;
- below a folder that cannot be read.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from soundkin.audio.walk import (
    BROKEN,
    IN_THE_CLOUD,
    FoundFile,
    Unreadable,
    is_below,
    is_broken_link,
    walk_audio,
)
from soundkin.library.library import Library
from soundkin.library.records import REREAD_SIZE, KnownFile
from soundkin.library.sql import SELECT_KNOWN, encode_path, read_known
from soundkin.progress import Failure
from soundkin.system.paths import is_listed

EXCHANGED = "other files are there in place of those that were"
ADVICE = "kept; drop what is really gone by: soundkin index --drop-missing"


@dataclass(frozen=True)
class MissingFiles:
    """What becomes of recordings that were not seen: ids to drop, and what is kept and told.

    Of those kept, the ids in `away` are remembered to be on another drive; those `back` no more.
    """

    vanished: tuple[int, ...]
    away: tuple[int, ...]
    back: tuple[int, ...]
    missing: tuple[Failure, ...]
    n_missing: int
    failures: tuple[Failure, ...]


@dataclass
class FolderScan:
    """The files found, what the library knew of the places that were looked at, and what is blank.

    `roots` are folders of which all was looked at. `seen` has every file that is there, `moved` the
    old and the new path of those that the run has told to be moved, `away` the ids of recordings
    that were on another drive when all was last looked at; `others` counts what is no sound by its
    ending.
    """

    roots: Sequence[str] = ()
    found: list[FoundFile] = field(default_factory=list)
    seen: dict[str, FoundFile] = field(default_factory=dict)
    known: dict[str, KnownFile] = field(default_factory=dict)
    away: frozenset[int] = frozenset()
    unreadable: list[Unreadable] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    moved: list[tuple[str, str]] = field(default_factory=list)

    def walk(self, root: str) -> None:
        """Look at all files below a folder, or at a file."""
        for found in walk_audio(root, self.others):
            if isinstance(found, Unreadable):
                self.unreadable.append(found)
            elif found.path not in self.seen:
                self.seen[found.path] = found
                self.found.append(found)

    def defer_recent(self, after_ns: int) -> list[FoundFile]:
        """Take out the files that were written after a time: they may not be whole yet."""
        held = [file for file in self.found if file.mtime_ns > after_ns]
        self.found = [file for file in self.found if file.mtime_ns <= after_ns]
        return held

    def note_move(self, old: str, new: str) -> None:
        """Remember that what was known of a path is known of another one now."""
        if old != new:  # else it has only another time
            self.known.pop(old, None)
        self.moved.append((old, new))

    def settle(self, *, drop_missing: bool = False) -> MissingFiles:
        """Tell what is gone from what is only not there now."""
        unseen = {path: file for path, file in self.known.items() if path not in self.seen}
        away: list[KnownFile] = []
        missing: list[Failure] = []
        failures: list[Failure] = []
        n_unseen = n_missing = len(unseen)

        def keep(place: Unreadable, files: Sequence[KnownFile]) -> None:
            if place.is_missing and files:
                missing.append(Failure(place.path, f"{place.reason} ({len(files)} {ADVICE})"))
            elif place.matters:
                failures.append(Failure(place.path, place.reason))
            for file in files:
                del unseen[file.path]

        for blank in self.unreadable:
            if not (blank.is_missing and drop_missing) or blank.reason == IN_THE_CLOUD:
                keep(blank, _list_below(unseen, blank.path))
        for root in () if drop_missing else self.roots:
            exchanged = [
                file
                for file in _list_below(unseen, root)
                if file.id in self.away or not self._is_there(root)
            ]
            keep(Unreadable(root, EXCHANGED, is_missing=True, matters=False), exchanged)
            away += exchanged
        n_missing = n_unseen - len(unseen)
        return MissingFiles(
            vanished=tuple(file.id for file in unseen.values()),
            away=tuple(file.id for file in away if file.id not in self.away),
            back=tuple(file.id for path, file in self.known.items() if path in self.seen),
            missing=tuple(missing),
            n_missing=n_missing,
            failures=tuple(failures),
        )

    def _is_there(self, root: str) -> bool:
        """Whether anything is left of what was last seen in a root, be it under another name."""
        if any(is_below(old, root) and is_below(new, root) for old, new in self.moved):
            return True
        for path in filter(self.seen.__contains__, self.known):
            file, found = self.known[path], self.seen[path]
            is_same = file.size == REREAD_SIZE or (file.size, file.mtime_ns) == (
                found.size,
                found.mtime_ns,
            )
            if is_same and file.id not in self.away and is_below(path, root):
                return True
        return False


def _list_below(files: Mapping[str, KnownFile], folder: str) -> list[KnownFile]:
    return [file for path, file in files.items() if is_below(path, folder)]


def remember_away(library: Library, leaving: MissingFiles) -> None:
    """Write down which recordings are on another drive, and which are back."""
    for sql, ids in (
        ("INSERT OR IGNORE INTO away SELECT value FROM json_each(?)", leaving.away),
        ("DELETE FROM away WHERE recording_id IN (SELECT value FROM json_each(?))", leaving.back),
    ):
        if ids:
            library.connection.run(sql, [json.dumps(ids)])


def scan_folders(library: Library, roots: Sequence[str]) -> FolderScan:
    """Look at all files below some folders, or at files."""
    away = library.connection.fetch("SELECT recording_id FROM away", [])
    scan = FolderScan(roots, away=frozenset(row[0] for row in away))
    for root in roots:
        scan.known.update((file.path, file) for file in library.list_files_below(root))
        scan.walk(root)
    return scan


def scan_files(library: Library, paths: Iterable[str]) -> FolderScan:
    """Look at some files, whatever else is around them."""
    scan = FolderScan()
    for path in paths:
        scan.known.update((known.path, known) for known in _find_known(library, path))
        scan.walk(path)
    return scan


def scan_changes(
    library: Library, files: Sequence[FoundFile], gone: Iterable[str], roots: Sequence[str]
) -> FolderScan:
    """Look at some files, and at what was at or below some paths that are gone, and no more.

    Parameters
    ----------
    roots
        The folders that all this is in; what is known of one that is empty now is kept.
    """
    scan = FolderScan(found=list(files), seen={file.path: file for file in files})
    for file in files:
        scan.known.update((known.path, known) for known in _find_known(library, file.path))
    for path in gone:
        if not is_listed(path, roots):
            for known in (*_find_known(library, path), *_find_known_below(library, path)):
                scan.known[known.path] = known
    links = {link for path in scan.known if path not in scan.seen for link in _list_dead(path)}
    scan.unreadable += [Unreadable(link, BROKEN, is_missing=True, matters=False) for link in links]
    scan.unreadable += [
        Unreadable(root, "it is empty", is_missing=True, matters=False)
        for root in roots
        if os.path.isdir(root) and not os.listdir(root)  # noqa: PTH112, PTH208
    ]
    return scan


def _list_dead(path: str) -> list[str]:
    """List the folders above a path that are links to what is not there."""
    return [str(folder) for folder in Path(path).parents if is_broken_link(str(folder))]


def _find_known(library: Library, path: str) -> list[KnownFile]:
    """Find what is known of a file, by the index of paths."""
    return _select(library, "path = ?", [encode_path(path)])


def _find_known_below(library: Library, folder: str) -> list[KnownFile]:
    """Find what is known below a folder, by the index of paths: those that begin with it."""
    first = os.fsencode(f"{folder.rstrip(os.sep)}{os.sep}")
    last = first[:-1] + bytes([first[-1] + 1])
    condition = "path > ?1 AND path < ?2"
    found = _select(library, condition, [first, last])  # names that are no valid UTF-8
    with suppress(UnicodeDecodeError):
        found += _select(library, condition, [first.decode(), last.decode()])
    return found


def _select(library: Library, condition: str, parameters: Sequence[str | bytes]) -> list[KnownFile]:
    found = library.connection.fetch(f"{SELECT_KNOWN} WHERE {condition}", parameters)
    return list(map(read_known, found))
