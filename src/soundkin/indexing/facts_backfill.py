"""Measure what was embedded before soundkin measured all it does, without embedding it again."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from dataclasses import replace

from soundkin.audio_facts import FACTS, FACTS_VERSION
from soundkin.embedding.embedder import Measurements
from soundkin.embedding.pool import WorkerPool
from soundkin.errors import AudioError, WorkerError
from soundkin.library.library import Library
from soundkin.library.records import Recording
from soundkin.progress import IndexProgress, ProgressCallback
from soundkin.system.files import is_unchanged

# A recording of each content that has no facts or no fingerprint, or such facts as were measured
# by an older version, or lacks one that every sound has. Silence, which has none, is complete.
_OF_EVERY_SOUND = [fact.column for fact in FACTS.values() if fact.of_every_sound]
UNMEASURED = (
    f"content_id IS NOT NULL AND (facts.content IS NULL OR facts.version < {FACTS_VERSION}"
    " OR content_id NOT IN (SELECT content FROM fingerprints) OR"
    f" (COALESCE({', '.join(_OF_EVERY_SOUND)}) IS NOT NULL AND"
    f" ({' OR '.join(f'{column} IS NULL' for column in _OF_EVERY_SOUND)})))"
    " GROUP BY content_id"
)


def measure_missing(library: Library, pool: WorkerPool, on_progress: ProgressCallback) -> int:
    """Measure all contents that lack something and whose file is still theirs; returns how many.

    A file that can no more be read is left without.
    """
    waiting = deque(filter(_is_same, library.select_where(UNMEASURED, [])))
    progress = IndexProgress(n_files=len(waiting), n_bytes=sum(r.size for r in waiting))
    pending: deque[tuple[Recording, Future[Measurements]]] = deque()
    n_measured = 0
    while waiting or pending:
        while waiting and len(pending) < 2 * pool.n_workers:
            recording = waiting.popleft()
            pending.append((recording, pool.submit_measuring(recording.path, recording.slow)))
        recording, future = pending.popleft()
        n_measured += _store(library, recording, future)
        progress = replace(
            progress,
            n_done=progress.n_done + 1,
            bytes_done=progress.bytes_done + recording.size,
            audio_s=progress.audio_s + recording.duration_s,
        )
        on_progress(progress)
    return n_measured


def _store(library: Library, recording: Recording, future: Future[Measurements]) -> bool:
    try:
        measured = future.result()
    except (AudioError, WorkerError):
        return False
    if not _is_same(recording):
        return False
    assert recording.content_id is not None  # what failed has nothing to measure
    facts = measured.facts
    if recording.facts is not None:  # where its segments lie is as they were embedded
        kept = recording.facts
        facts = replace(facts, sound_from_s=kept.sound_from_s, sound_to_s=kept.sound_to_s)
    with library.transaction():
        library.save_facts(recording.content_id, facts)
        library.save_fingerprint(recording.content_id, measured.fingerprint)
    return True


def _is_same(recording: Recording) -> bool:
    return is_unchanged(recording.path, recording.size, recording.mtime_ns)
