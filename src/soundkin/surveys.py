"""What a run has to look at, and which of the library's recordings are not there any more.

A file that is gone was deleted, or the drive it is on is not plugged in. In doubt it is the drive:
recordings are kept, and where is told. That is so

- where a root is not there, is empty, or holds nothing at all of what was known of it (another
  drive may be in its place);
- below an empty folder, as an unplugged drive leaves its mount point, and below a link to what is
  not there;
- below a folder that cannot be read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from soundkin.filtering import encode_path
from soundkin.library import Library
from soundkin.records import KnownFile
from soundkin.reports import Failure
from soundkin.walking import BROKEN, FoundFile, Unreadable, is_below, is_broken_link, walk_audio

EXCHANGED = "nothing is there of what was indexed there"
ADVICE = "kept; drop what is really gone by: soundkin index --drop-missing"


@dataclass(frozen=True)
class Leaving:
    """What becomes of recordings that were not seen: ids to drop, and what is kept and told."""

    vanished: tuple[int, ...]
    missing: tuple[Failure, ...]
    n_missing: int
    failures: tuple[Failure, ...]


@dataclass
class Survey:
    """The files found, what the library knew of the places that were looked at, and what is blank.

    `roots` are folders of which all was looked at. `seen` has the path of every file that is there,
    `moved` the old and the new one of those that the run has told to be moved.
    """

    roots: Sequence[str] = ()
    found: list[FoundFile] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    known: dict[str, KnownFile] = field(default_factory=dict)
    blanks: list[Unreadable] = field(default_factory=list)
    moved: list[tuple[str, str]] = field(default_factory=list)

    def hold_back(self, after_ns: int) -> list[FoundFile]:
        """Take out the files that were written after a time: they may not be whole yet."""
        held = [file for file in self.found if file.mtime_ns > after_ns]
        self.found = [file for file in self.found if file.mtime_ns <= after_ns]
        return held

    def note_move(self, old: str, new: str) -> None:
        """Remember that what was known of a path is known of another one now."""
        self.known.pop(old, None)
        self.moved.append((old, new))

    def settle(self, *, drop_missing: bool = False) -> Leaving:
        """Tell what is gone from what is only not there now."""
        unseen = {path: file for path, file in self.known.items() if path not in self.seen}
        missing: list[Failure] = []
        failures: list[Failure] = []
        n_missing = 0
        for blank in [*self.blanks, *self._find_exchanged(unseen)]:
            below = [path for path in unseen if is_below(path, blank.path)]
            if blank.is_missing and drop_missing:
                continue
            if blank.is_missing and below:
                missing.append(Failure(blank.path, f"{blank.reason} ({len(below)} {ADVICE})"))
                n_missing += len(below)
            elif blank.matters:
                failures.append(Failure(blank.path, blank.reason))
            for path in below:
                del unseen[path]
        vanished = tuple(file.id for file in unseen.values())
        return Leaving(vanished, tuple(missing), n_missing, tuple(failures))

    def _find_exchanged(self, unseen: Iterable[str]) -> Iterator[Unreadable]:
        """Find the roots of which nothing is left that was known, not even under other names."""
        for root in self.roots:
            is_there = any(is_below(path, root) for path in self.known if path in self.seen)
            is_there |= any(is_below(old, root) and is_below(new, root) for old, new in self.moved)
            if not is_there and any(is_below(path, root) for path in unseen):
                yield Unreadable(root, EXCHANGED, is_missing=True, matters=False)


def survey_folders(library: Library, roots: Sequence[str]) -> Survey:
    """Look at all files below some folders, or at files."""
    survey = Survey(roots)
    for root in roots:
        survey.known.update((file.path, file) for file in library.list_files_below(root))
        for found in walk_audio(root):
            if isinstance(found, Unreadable):
                survey.blanks.append(found)
            elif found.path not in survey.seen:
                survey.seen.add(found.path)
                survey.found.append(found)
    return survey


def survey_changes(
    library: Library, files: Sequence[FoundFile], gone: Iterable[str], roots: Sequence[str]
) -> Survey:
    """Look at some files, and at what was at or below some paths that are gone, and no more.

    Parameters
    ----------
    roots
        The folders that all this is in; what is known of one that is empty now is kept.
    """
    survey = Survey(found=list(files), seen={file.path for file in files})
    for file in files:
        survey.known.update((known.path, known) for known in _find_known(library, file.path))
    for path in gone:
        if not os.path.lexists(path):
            for known in (*_find_known(library, path), *_find_known_below(library, path)):
                survey.known[known.path] = known
    links = {link for path in survey.known if path not in survey.seen for link in _list_dead(path)}
    survey.blanks += [Unreadable(link, BROKEN, is_missing=True, matters=False) for link in links]
    survey.blanks += [
        Unreadable(root, "it is empty", is_missing=True, matters=False)
        for root in roots
        if os.path.isdir(root) and not os.listdir(root)  # noqa: PTH112, PTH208
    ]
    return survey


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
    sql = f"SELECT id, path, size, mtime_ns, error IS NOT NULL FROM recordings WHERE {condition}"
    return [
        KnownFile(id_, os.fsdecode(path), size, mtime_ns, bool(failed))
        for id_, path, size, mtime_ns, failed in library.connection.fetch(sql, parameters)
    ]
