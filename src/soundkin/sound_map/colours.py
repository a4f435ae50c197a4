"""What the points of a map can be coloured by: folder, first tag, duration, measured facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
import numpy.typing as npt

from soundkin.audio_facts import FACTS, Fact
from soundkin.embedding.segments import locate_in_recording
from soundkin.errors import QueryError
from soundkin.library.library import Library
from soundkin.library.records import Recording
from soundkin.sound_map.sound_map import SoundMap
from soundkin.text import format_hours

N_SHADES = 64
OUTERMOST = 2.0  # per cent of values at either end that share the end's colour
GREY = (128, 128, 136)

Colour = tuple[int, int, int]

# Hues that people with any colour vision tell apart, after Okabe and Ito, and between these.
# fmt: off
HUES: tuple[Colour, ...] = (
    (86, 180, 233), (230, 159, 0), (0, 158, 115), (204, 121, 167), (240, 228, 66), (213, 94, 0),
    (60, 120, 216), (158, 218, 130), (170, 100, 220), (250, 170, 160), (140, 110, 70),
    (70, 210, 200),
)
# Of even lightness steps, none so dark or so light that it is lost on its background.
STOPS = np.array([
    (88, 64, 158), (60, 104, 188), (38, 142, 178), (52, 176, 140), (126, 204, 88), (214, 220, 60),
], np.float32)
# fmt: on


@dataclass(frozen=True)
class Column:
    """One thing that points differ in, as colours.

    Point number i has the colour `palette[codes[i]]`, red, green and blue, 0-255. `legend` says
    in words what some places of the palette mean.
    """

    name: str
    title: str
    codes: npt.NDArray[np.uint8]
    palette: tuple[Colour, ...]
    legend: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class PointDetails:
    """What the points of a map are: point i is `recordings[owners[i]]`, from `starts_s[i]` on."""

    recordings: tuple[Recording, ...]
    owners: npt.NDArray[np.int64]
    starts_s: npt.NDArray[np.float32]
    columns: dict[str, Column]


def describe_points(library: Library, sound_map: SoundMap) -> PointDetails:
    """Find out what the points of a map are, and everything that they can be coloured by."""
    known = {recording.id: recording for recording in library.select_recordings()}
    ids, owners = np.unique(sound_map.ids, return_inverse=True)
    recordings = tuple(known[id_] for id_ in ids.tolist())
    columns = [
        _sort_by_label("folder", "Folder", _name_folders(recordings, library.list_folders())),
        _sort_by_label("tag", "First tag", [r.tags[0] if r.tags else None for r in recordings]),
        _shade("duration", "Duration", [r.duration_s for r in recordings], _format_seconds),
        *_shade_facts(recordings),
    ]
    return PointDetails(
        recordings,
        owners,
        _find_starts(library, sound_map, recordings, owners),
        {column.name: _spread(column, owners) for column in columns},
    )


def choose_column(details: PointDetails, name: str | None) -> Column:
    """Choose what to colour by; by default the folder, or where there is one only, the duration.

    Raises
    ------
    QueryError
        Points cannot be coloured by that.
    """
    if name is None:
        name = "folder" if len(details.columns["folder"].legend) > 1 else "duration"
    if name not in details.columns:
        known = ", ".join(details.columns)
        raise QueryError(f"{name}: no colour of this library's map; there are {known}")
    return details.columns[name]


def _find_starts(
    library: Library,
    sound_map: SoundMap,
    recordings: Sequence[Recording],
    owners: npt.NDArray[np.int64],
) -> npt.NDArray[np.float32]:
    """Find the second that each point's sound begins at."""
    starts_s = np.zeros(len(sound_map), np.float32)
    model = library.model
    if sound_map.by == "recordings" or model is None:
        return starts_s
    order = np.argsort(owners, kind="stable")
    bounds = np.searchsorted(owners[order], np.arange(len(recordings) + 1))
    for recording, first, stop in zip(recordings, bounds[:-1], bounds[1:], strict=True):
        points = order[first:stop]
        starts, _ = locate_in_recording(recording, model.segments)
        starts_s[points] = starts[sound_map.segments[points]]
    return starts_s


def _name_folders(recordings: Sequence[Recording], roots: Sequence[str]) -> list[str]:
    """Name the folder just below an indexed one that each recording lies in, or that one."""
    parts = sorted((PurePath(root).parts for root in roots), key=len, reverse=True)
    names = []
    for recording in recordings:
        own = PurePath(recording.path).parts[:-1]
        depth = next((len(p) for p in parts if own[: len(p)] == p), len(own))
        below = own[max(0, depth - 1) : depth + 1]
        names.append(str(PurePath(*(below[-1:] if len(roots) == 1 else below))))
    return names


def _sort_by_label(name: str, title: str, labels: Sequence[str | None]) -> Column:
    """Colour the most frequent labels; the others, and what has none, are grey."""
    counts = Counter(label for label in labels if label is not None)
    ranked = sorted(counts, key=lambda label: (-counts[label], label))
    coloured = ranked[: len(HUES)]
    code_of = {label: code for code, label in enumerate(coloured)}
    codes = np.array([code_of.get(label or "", len(coloured)) for label in labels], np.uint8)
    legend = [(label, code) for code, label in enumerate(coloured)]
    if len(ranked) > len(coloured):
        legend.append((f"{len(ranked) - len(coloured)} others", len(coloured)))
    elif None in labels:
        legend.append(("none", len(coloured)))
    return Column(name, title, codes, (*HUES[: len(coloured)], GREY), tuple(legend))


def _shade_facts(recordings: Sequence[Recording]) -> list[Column]:
    """Colour by each of the facts that were measured."""
    columns = []
    for fact in FACTS.values():
        numbers = [None if r.facts is None else getattr(r.facts, fact.column) for r in recordings]
        if any(number is not None for number in numbers):
            columns.append(_colour(fact, numbers))
    return columns


def _colour(fact: Fact, numbers: Sequence[float | None]) -> Column:
    if fact.kinds:
        return _sort_by_label(fact.name, fact.title, list(map(fact.name_of, numbers)))
    return _shade(fact.name, fact.title, numbers, fact.text.format, fact.scale.is_even)


def _shade(
    name: str,
    title: str,
    numbers: Sequence[float | None],
    write: Callable[[float], str],
    is_even: bool = False,
) -> Column:
    """Colour numbers from dark to light; what has none is grey.

    Their logarithm counts, and 0 is none, unless equal steps are to be equal wherever they lie.
    """
    values = np.array([np.nan if n is None else n for n in numbers], np.float64)
    if not is_even:
        values = np.log(np.where(values > 0, values, np.nan))
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, [OUTERMOST, 100 - OUTERMOST]) if len(known) else (0.0, 0.0)
    places = np.clip((values - low) / max(high - low, 1e-9), 0, 1) * (N_SHADES - 1)
    codes = np.where(np.isfinite(places), np.round(places), N_SHADES).astype(np.uint8)
    stops = np.linspace(0, N_SHADES - 1, len(STOPS))
    ramp = [np.interp(np.arange(N_SHADES), stops, STOPS[:, channel]) for channel in range(3)]
    palette = [(int(r), int(g), int(b)) for r, g, b in np.stack(ramp, axis=1).round()]
    marks = np.linspace(0, N_SHADES - 1, 5).round().astype(int)
    at_marks = low + (high - low) * marks / (N_SHADES - 1)
    at_marks = at_marks if is_even else np.exp(at_marks)
    legend = [
        (write(value), mark) for value, mark in zip(at_marks.tolist(), marks.tolist(), strict=True)
    ]
    if len(known) == 0:
        legend = []
    if len(known) < len(numbers):
        legend.append(("none", N_SHADES))
    return Column(name, title, codes, (*palette, GREY), tuple(legend))


def _spread(column: Column, owners: npt.NDArray[np.int64]) -> Column:
    """Give the codes of recordings to their points."""
    return Column(column.name, column.title, column.codes[owners], column.palette, column.legend)


def _format_seconds(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds < 60 else format_hours(seconds)
