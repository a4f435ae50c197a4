"""What must hold of a library, whatever happened to it."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from soundkin.audio_facts import FACT_COLUMNS
from soundkin.integrity.verify import verify_library


def read_library(path: Path) -> dict[str, Any]:
    """Read all that a library holds, as two that were made of the same should hold it."""
    recordings = (
        "SELECT path, size, mtime_ns, error, hex(hash), duration_s, sample_rate, n_channels,"
        f" format, warning, n_segments, levels, vectors, {', '.join(FACT_COLUMNS)} FROM recordings"
        " LEFT JOIN contents ON contents.id = content_id"
        " LEFT JOIN facts ON facts.content = content_id ORDER BY path"
    )
    tags = "SELECT path, tag FROM {} JOIN recordings ON recordings.id = recording_id ORDER BY 1, 2"
    questions = {
        "recordings": recordings,
        "tags": tags.format("tags"),
        "rejected": tags.format("rejected_tags"),
        "folders": "SELECT path FROM folders ORDER BY path",
        "concepts": "SELECT name, model_hash, definition, vectors FROM concepts ORDER BY name",
        "meta": "SELECT model_name, model_hash, model_file, model_config, index_kind FROM meta",
    }
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return {name: connection.execute(sql).fetchall() for name, sql in questions.items()}


def check_library(path: Path, *, deep: bool = False) -> None:
    """Hold a library against `soundkin verify`; AssertionError where it is damaged."""
    report = verify_library(path, deep=deep)
    assert report.is_whole, [finding for finding in report.findings if finding.is_damage][:5]


class Reader:
    """Sees what is committed while a command writes: paths that were embedded."""

    def __init__(self, path: Path) -> None:
        self.seen: set[str] = set()
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def look(self) -> None:
        """Note what is there now."""
        try:
            if self._connection is None:
                if not self._path.exists():
                    return
                self._connection = sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True)
            sql = "SELECT path FROM recordings WHERE content_id NOTNULL"
            self.seen |= {path for (path,) in self._connection.execute(sql)}
        except sqlite3.Error:
            pass  # there is nothing to see yet

    def close(self) -> None:
        """Look no more."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def list_left_over(folder: Path) -> list[str]:
    """List the files that an interrupted write has left."""
    return sorted(path.name for path in folder.rglob("*.part*"))
