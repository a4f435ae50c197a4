"""A collection that was moved: its recordings given their new paths, nothing embedded again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from soundkin.errors import LibraryError
from soundkin.library.library import Library
from soundkin.library.locks import lock_library
from soundkin.library.records import Filters
from soundkin.library.slowed import find_slow
from soundkin.library.sql import compile_filters, encode_path, read_path
from soundkin.system.paths import Spellings, lies_below, locate, make_absolute, reroot
from soundkin.system.remote import is_remote

MERGED = "size, mtime_ns, slow, content_id, error"


@dataclass(frozen=True)
class RelocationReport:
    """What was given a new path.

    `n_found` recordings have a file there now, of the size that the library knows; `n_merged` were
    in the library under the new path already, and are one recording now, with the tags of both.
    """

    n_recordings: int
    n_found: int
    n_merged: int
    n_folders: int


@dataclass(frozen=True)
class _Move:
    """A recording, and where it goes."""

    id: int
    path: str
    size: int


def relocate(
    library: Library,
    old: str | os.PathLike[str],
    new: str | os.PathLike[str],
    *,
    force: bool = False,
) -> RelocationReport:
    r"""Say that what lay at or below `old` lies at or below `new` now.

    Tags, vectors and named sounds stay. All of it is done, or nothing. `old` may be another
    system's path, as `C:\Users\x\Samples`; names are found in whichever Unicode form this disk has.

    Parameters
    ----------
    force
        Do so even where none of the files is found there.

    Raises
    ------
    LibraryError
        Nothing in the library lies there, `new` does not exist, or no file is found there.
    """
    old_root, new_root = make_absolute(old), locate(make_absolute(new))
    if not Path(new_root).exists():
        raise LibraryError(f"{new_root}: no such file or folder; give where it lies now")
    if old_root == new_root:
        raise LibraryError(f"{new_root}: that is where it lies already")
    with lock_library(library.path), library.transaction():
        moves = list(_list_moves(library, old_root, new_root))
        folders = _list_folders(library, old_root)
        if not moves and not folders:
            raise LibraryError(f"{old_root}: nothing in {library.path} lies there")
        n_found = sum(_has_size(move) for move in moves)
        if moves and not n_found and not force:
            raise LibraryError(
                f"{new_root}: none of the {len(moves)} recordings is found there; give the folder"
                f" that lies where {old_root} lay, or --force"
            )
        n_merged = _move_recordings(library, moves)
        n_folders = _move_folders(library, folders, old_root, new_root)
    return RelocationReport(len(moves), n_found, n_merged, n_folders)


def follow_spelling(library: Library) -> None:
    """Have the library's folders as their disk spells them, with all that lies below.

    Their names may have been changed in nothing but case, or been typed so once. The caller has
    locked the library.
    """
    for old in library.list_folders():
        new = old if is_remote(old) else Spellings().find(old)
        if new != old:
            with library.transaction():
                _move_recordings(library, list(_list_moves(library, old, new)))
                _move_folders(library, _list_folders(library, old), old, new)


def _list_moves(library: Library, old: str, new: str) -> Iterator[_Move]:
    where, parameters = compile_filters(Filters(folders=(old,)))
    sql = f"SELECT id, path, size FROM recordings WHERE {where} ORDER BY id"
    spellings = Spellings()
    for recording_id, path, size in library.connection.fetch(sql, parameters):
        yield _Move(recording_id, spellings.find(reroot(read_path(path), old, new)), size)


def _list_folders(library: Library, old: str) -> list[str]:
    where, parameters = compile_filters(Filters(folders=(old,)))
    sql = f"SELECT path FROM folders WHERE {where}"
    return [read_path(path) for (path,) in library.connection.fetch(sql, parameters)]


def _has_size(move: _Move) -> bool:
    try:
        return Path(move.path).stat().st_size == move.size
    except OSError:
        return False


def _move_recordings(library: Library, moves: list[_Move]) -> int:
    """Give recordings their new paths, together with those that have them; returns how many."""
    run = library.connection.run
    for move in moves:  # out of each other's way, where the new place lies within the old one
        run("UPDATE recordings SET path = ? WHERE id = ?", [b"\0%d" % move.id, move.id])
    n_merged = 0
    for move in moves:
        path = encode_path(move.path)
        there = library.connection.fetch_one("SELECT id FROM recordings WHERE path = ?", [path])
        if there is not None:
            _merge(library, there[0], move.id)
            n_merged += 1
        # Whoever copied it may have kept its time, but not its ctime.
        run("UPDATE recordings SET path = ?, ctime_ns = NULL WHERE id = ?", [path, move.id])
    if n_merged:
        library.drop_orphans()
    return n_merged


def _merge(library: Library, other: int, kept: int) -> None:
    """Make one recording of two: what was indexed last of the file, and the tags of both.

    The one that was moved keeps its id, since named sounds may refer to it.
    """
    run = library.connection.run
    for table in ("tags", "rejected_tags"):
        run(
            f"INSERT OR IGNORE INTO {table} (tag, recording_id)"
            f" SELECT tag, ? FROM {table} WHERE recording_id = ?",
            [kept, other],
        )
    run(
        f"UPDATE recordings SET ({MERGED}) = (SELECT {MERGED} FROM recordings WHERE id = ?2)"
        " WHERE id = ?1"
        " AND (content_id IS NULL OR (SELECT content_id FROM recordings WHERE id = ?2) NOTNULL)",
        [kept, other],
    )
    run("DELETE FROM recordings WHERE id = ?", [other])


def _move_folders(library: Library, folders: list[str], old: str, new: str) -> int:
    """Have the new place indexed from now on instead of the old one."""
    slow = library.list_slow()
    for folder in folders:
        library.connection.run("DELETE FROM folders WHERE path = ?", [encode_path(folder)])
    for folder in folders:
        library.add_folder(reroot(folder, old, new), slow.get(folder))
    known = library.list_folders()
    was_below = any(lies_below(old, root) for root in known)
    if was_below and not any(lies_below(new, root) for root in known):
        # Of a folder that stays, a part went elsewhere.
        library.add_folder(new, find_slow(old, slow) if slow else None)
    return len(folders)
