"""What to look for and where to look, as a person names them, brought to examples and sources."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from soundkin.embedding.embedder import Embedder
from soundkin.embedding.model import DEFAULT_MODEL
from soundkin.embedding.segments import locate_in_recording, locate_segments
from soundkin.errors import AudioError, QueryError
from soundkin.library.browse import explain_nothing
from soundkin.library.concepts import Concept
from soundkin.library.folder_tree import find_folders
from soundkin.library.library import Library
from soundkin.library.records import Filters, Recording
from soundkin.library.slowed import find_slow
from soundkin.search.finding.finder import find_occurrences
from soundkin.search.finding.occurrence import Occurrences
from soundkin.search.finding.scene import Source
from soundkin.search.finding.templates import Example
from soundkin.search.query import EmbeddedSound, Query, Sound
from soundkin.search.query import Source as QuerySource
from soundkin.search.query_embedder import QueryEmbedder, list_sounds, may_be_unchanged
from soundkin.system.paths import locate
from soundkin.system.remote import is_remote

Place = str | os.PathLike[str] | Recording


def find_in_files(
    query: str | os.PathLike[str],
    paths: Sequence[str | os.PathLike[str]],
    *,
    start_s: float = 0.0,
    end_s: float | None = None,
    liked: Sequence[str | os.PathLike[str]] = (),
    disliked: Sequence[str | os.PathLike[str]] = (),
    min_score: float | None = None,
    model: str | os.PathLike[str] = DEFAULT_MODEL,
) -> Occurrences:
    """Find every occurrence of a sound file, or a region of it, in others, without a library.

    `liked`, `disliked` and `min_score` are as for `Searcher.find`.

    Raises
    ------
    SoundkinError
        A file cannot be read, or what is sought is silent.
    """
    embedder = Embedder.load(model, measures=False)

    def read(
        path: str | os.PathLike[str], from_s: float = 0.0, to_s: float | None = None
    ) -> Example:
        embeddings = embedder.embed_file(path, from_s, to_s)
        sound = Sound(path, 1.0, from_s, to_s)
        return _make_example(EmbeddedSound(sound, embeddings, None, lambda: embedder))

    examples = [read(query, start_s, end_s), *map(read, liked)]
    unwanted = list(map(read, disliked))
    sources = (_embed(os.fspath(path), embedder, 1.0) for path in paths)
    return find_occurrences(sources, examples, unwanted, embedder, min_score)


def list_examples(
    reader: QueryEmbedder,
    query: Query,
    liked: Sequence[Sound | QuerySource],
    disliked: Sequence[Sound | QuerySource],
) -> tuple[list[Example], list[Example]]:
    """Bring a query to what is sought, at least one example, and what is not wanted."""
    sounds = list_sounds(query)
    wanted = [*(sound for sound in sounds if sound.weight > 0), *liked]
    unwanted = [*(sound for sound in sounds if sound.weight <= 0), *disliked]
    if not wanted:
        raise QueryError("nothing to find: at least one sound must count for more than 0")
    return [_read(reader, one) for one in wanted], [_read(reader, one) for one in unwanted]


def recall_concept(
    library: Library, concept: Concept
) -> tuple[list[Sound], list[Sound], list[Sound]]:
    """Bring a concept to the sounds, the liked and the disliked places that it was made of.

    A recording can be listened to again, which finds more than a vector; for what is gone, the
    vectors stand that the concept kept.
    """
    model = library.model
    length_s = model.segments.segment_s if model else 1.0
    asked = concept.definition
    parts = [_recall(library, one, one.get("end_s")) for one in asked["sounds"]]
    query = [part for part in parts if part is not None]
    if len(query) < len(parts):
        query = [Sound(concept.query)]
    places = []
    for names, vectors in ((asked["liked"], concept.liked), (asked["disliked"], concept.disliked)):
        recalled = [_recall(library, one, one.get("start_s", 0.0) + length_s) for one in names]
        places.append([one or Sound(v) for one, v in zip(recalled, vectors, strict=True)])
    return query, places[0], places[1]


def _recall(library: Library, part: dict[str, Any], end_s: float | None) -> Sound | None:
    """Find a part of a concept among the recordings; None where it was an upload, or is gone."""
    name = str(part.get("id", ""))
    recording = library.get_recording(int(name[1:])) if name.startswith("r") else None
    if recording is None or recording.content_id is None:
        return None
    if end_s is not None:
        end_s = min(end_s, recording.duration_s)
    return Sound(recording, part.get("weight", 1.0), part.get("start_s", 0.0), end_s)


def _read(reader: QueryEmbedder, sound: Sound | QuerySource) -> Example:
    one = sound if isinstance(sound, Sound) else Sound(sound)
    (part,) = reader.embed(replace(one, weight=1.0)).parts
    return _make_example(part)


def _make_example(part: EmbeddedSound) -> Example:
    mean = part.vector  # which refuses what is silent
    segments = part.embedder().model.segments
    audible = part.embeddings.vectors[~part.embeddings.silent]
    if isinstance(part.sound.source, np.ndarray):
        return Example(None, mean[None], segments)
    try:
        return Example(part.read_waveform(), audible, segments)
    except AudioError:  # a recording that is gone: its vectors stand for it
        return Example(None, audible, segments)


def list_sources(
    library: Library, embedder: Embedder, within: Sequence[Place], filters: Filters | None
) -> Iterator[Source]:
    """Yield what to look in; see `Searcher.find`.

    Raises
    ------
    SoundkinError
        A place is no file and no recording, or nothing passes.
    """
    n_sources = 0
    seen: set[str] = set()
    for source in _list_all(library, embedder, within, filters):
        if source.recording.path not in seen:
            seen.add(source.recording.path)
            n_sources += 1
            yield source
    if not n_sources:
        raise QueryError(explain_nothing(library, filters or Filters()))


def _list_all(
    library: Library, embedder: Embedder, within: Sequence[Place], filters: Filters | None
) -> Iterator[Source]:
    if not within:
        for recording in library.select_recordings(filters):
            yield _read_stored(library, recording, embedder)
        return
    allowed = None if not filters else {one.id for one in library.select_recordings(filters)}
    for place in within:
        for found in _locate(library, place):
            if isinstance(found, str):
                yield _embed(found, embedder, find_slow(found, library.list_slow()))
            elif found.content_id is not None and (allowed is None or found.id in allowed):
                yield _read_stored(library, found, embedder)


def _locate(library: Library, place: Place) -> list[Recording] | list[str]:
    """Find the recordings that a place names, or the file that is in no library."""
    if isinstance(place, Recording):
        return [place]
    name = os.fsdecode(place)
    path = name if is_remote(name) else locate(name)
    known = library.find_recording(path)
    if known is not None and known.content_id is not None and may_be_unchanged(known):
        return [known]
    if is_remote(path) or Path(path).is_file():
        return [path]
    named = library.find_by_ending(name)
    if named:
        return named
    try:
        folders = tuple(find_folders(library, name, path))
    except QueryError as error:
        raise QueryError(
            f"{name}: no such file, nor a recording; {str(error).removeprefix(f'{name}: ')}"
        ) from error
    return list(library.select_recordings(Filters(folders=folders)))


def _read_stored(library: Library, recording: Recording, embedder: Embedder) -> Source:
    assert recording.content_id is not None  # only embedded recordings come here
    vectors, levels_db = library.read_vectors(recording.content_id)
    where = locate_in_recording(recording, embedder.model.segments)
    return Source(recording, vectors, levels_db, recording.path, *where)


def _embed(path: str, embedder: Embedder, slow: float) -> Source:
    """Embed a file that is in no library; its recording has neither id nor content."""
    found = embedder.embed_file(path, slow=slow)
    info = found.info
    assert info is not None  # a file's
    n_segments = len(found.vectors)
    recording = Recording(
        id=0,
        path=path,
        size=0,
        mtime_ns=0,
        content_id=None,
        error=None,
        duration_s=found.duration_s,
        sample_rate=info.sample_rate,
        n_channels=info.n_channels,
        format=info.format,
        warning=found.warning,
        n_segments=n_segments,
        slow=slow,
        tags=(),
    )
    segments = embedder.model.segments
    where = locate_segments(n_segments, found.duration_s, segments, found.sound_s, slow)
    return Source(recording, found.vectors, found.levels_db, path, *where)
