"""What is found: events, and the least score that they have."""

from __future__ import annotations

from dataclasses import dataclass

from soundkin.library.records import Recording


@dataclass(frozen=True)
class Occurrence:
    """A stretch of a recording in which a sound is heard.

    `start_s` and `end_s` are seconds from the recording's start: to about 10 ms where `is_exact`,
    else those of the segments that sound like it, as where the file cannot be read. `score`, up to
    1, is how like the sound it is, seen from what else is in the recording (see
    `soundkin.search.finding.scene`): other sounds lie around 0, so that it is no cosine similarity
    as of a search. `level_db` is its RMS in dB of full scale.
    """

    recording: Recording
    start_s: float
    end_s: float
    score: float
    level_db: float
    is_exact: bool


@dataclass(frozen=True)
class Occurrences:
    """Events in order of recording and time, all of at least a score of `min_score`.

    `chosen_score` is the least score that was chosen from the data, which is `min_score` unless
    another was asked for. `n_recordings` were searched, `duration_s` seconds in all.
    """

    events: tuple[Occurrence, ...]
    min_score: float
    chosen_score: float
    n_recordings: int
    duration_s: float
