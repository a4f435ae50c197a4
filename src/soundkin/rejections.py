"""Suggested tags that a person did not want, so that they are not suggested again."""

from __future__ import annotations

from soundkin.library import Library
from soundkin.records import Recording


def list_rejected(library: Library) -> set[tuple[int, str]]:
    """List them as (id of a recording, tag)."""
    sql = "SELECT recording_id, tag FROM rejected_tags"
    return {(recording_id, tag) for recording_id, tag in library.connection.fetch(sql)}


def reject_tag(library: Library, recording: Recording, tag: str) -> None:
    """Never want this tag for this recording."""
    library.connection.run(
        "INSERT OR IGNORE INTO rejected_tags (recording_id, tag) VALUES (?, ?)", [recording.id, tag]
    )
