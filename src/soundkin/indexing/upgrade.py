"""Whether a newer model than a library's own is there, and what embedding it anew would take."""

from __future__ import annotations

from dataclasses import dataclass

from soundkin.embedding.trusted_models import find_newer_model
from soundkin.library.library import Library
from soundkin.system.processors import count_processors
from soundkin.text import format_hours

REAL_TIME = 350.0  # times faster than it lasts that a core embeds a recording
FILE_S = 0.006  # that a core needs for each file beside


@dataclass(frozen=True)
class Upgrade:
    """A library that a newer version of its model could embed, in about `estimated_s` seconds."""

    name: str
    hash: str
    n_recordings: int
    duration_s: float
    estimated_s: float

    def __str__(self) -> str:
        """Say it in a line."""
        minutes = max(1, round(self.estimated_s / 60))
        return (
            f"a newer {self.name} is there; until told, this library goes on with its own. To embed"
            f" its {self.n_recordings} recordings ({format_hours(self.duration_s)}) anew takes some"
            f" {minutes} min: soundkin index --rebuild"
        )


def find_upgrade(library: Library) -> Upgrade | None:
    """Find what a library whose model has gone out of date could have instead."""
    newer = None if library.model is None else find_newer_model(library.model)
    if newer is None:
        return None
    counts = library.count()
    work_s = counts.duration_s / REAL_TIME + counts.n_contents * FILE_S
    estimated_s = work_s / count_processors()
    return Upgrade(newer.name, newer.hash, counts.n_recordings, counts.duration_s, estimated_s)
