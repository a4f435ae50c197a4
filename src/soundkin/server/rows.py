"""Rows as the API gives them: those of the command line, and what the page needs beside."""

from __future__ import annotations

import os
from typing import Any

from soundkin.library.records import FAVOURITE, Recording
from soundkin.search.hits import Hit
from soundkin.search.rows import describe_hit, describe_recording
from soundkin.server.sounds.sound import SoundRef

Row = dict[str, Any]


def describe_identity(recording: Recording) -> Row:
    """Say which recording it is, and whether it is a favourite."""
    folder, name = os.path.split(recording.path)
    return {
        "id": f"r{recording.id}",
        "name": name,
        "folder": folder,
        "favourite": FAVOURITE in recording.tags,
    }


def describe_hit_row(hit: Hit) -> Row:
    """Write a hit: what `soundkin search --json` says, and its identity."""
    return describe_hit(hit) | describe_identity(hit.recording)


def describe_recording_row(recording: Recording) -> Row:
    """Write a recording: what `soundkin list --json` says, and its identity."""
    return describe_recording(recording) | describe_identity(recording)


def describe_sound(heard: SoundRef) -> Row:
    """Write a recording or an upload, whichever it is."""
    if heard.recording is not None:
        return describe_recording_row(heard.recording)
    return {
        "id": heard.id,
        "name": heard.name,
        "duration_s": round(heard.duration_s, 6),
        "sample_rate": heard.info.sample_rate,
        "n_channels": heard.info.n_channels,
        "format": heard.info.format,
        **_describe_strokes(heard),
    }


def _describe_strokes(heard: SoundRef) -> Row:
    """Write what sounds in an upload, where that is not all of it."""
    assert heard.upload is not None  # recordings are asked for as they are
    take = heard.upload.take
    if take is None or not take.leaves_out:
        return {"strokes": [], "loudest": None}
    strokes = [{"start_s": round(a, 6), "end_s": round(b, 6)} for a, b in take.strokes]
    return {"strokes": strokes, "loudest": take.chosen}
