"""What long work says of itself, as values: how far it is, what it did, what it could not do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from soundkin.errors import SoundkinError


@dataclass(frozen=True)
class IndexProgress:
    """How far a run is: files and bytes done of those to do, seconds of audio embedded."""

    n_done: int = 0
    n_files: int = 0
    bytes_done: int = 0
    n_bytes: int = 0
    audio_s: float = 0.0


@dataclass(frozen=True)
class Failure:
    """A file or folder that could not be taken in, or only in part, and why."""

    path: str
    reason: str

    @classmethod
    def of(cls, path: str, error: SoundkinError) -> Failure:
        """Take the reason from an error, whose message may begin with the path."""
        return cls(path, str(error).removeprefix(f"{path}: "))


@dataclass(frozen=True)
class IndexReport:
    """What a run did.

    `n_added` counts decoded files, new or changed; `n_measured` contents of an older soundkin's
    library that were decoded only for their facts; `n_missing` recordings that were kept although
    their files were not seen, since it looks as if a drive is not plugged in: `missing` has where.
    `n_slowed` counts those that were read again since their folder is to be heard slowed down by
    another factor than before. `others` counts the files left out as no sound, by their endings,
    the most frequent first.
    """

    n_added: int = 0
    n_unchanged: int = 0
    n_duplicates: int = 0
    n_moved: int = 0
    n_removed: int = 0
    audio_s: float = 0.0
    elapsed_s: float = 0.0
    n_failed_before: int = 0
    n_measured: int = 0
    n_missing: int = 0
    missing: tuple[Failure, ...] = ()
    failures: tuple[Failure, ...] = ()
    warnings: tuple[Failure, ...] = ()
    others: tuple[tuple[str, int], ...] = ()
    n_slowed: int = 0

    @property
    def n_files(self) -> int:
        """Files that the run met, or missed."""
        counted = (self.n_added, self.n_unchanged, self.n_duplicates, self.n_moved, self.n_removed)
        others = self.n_failed_before + self.n_missing + len(self.failures)
        return sum(counted) + others


OnProgress = Callable[[str, int, int], None]  # what is done now, how many of how many
ProgressCallback = Callable[[IndexProgress], None]


class RunTally:
    """What came of an index run so far, `counts` by their names in its report."""

    def __init__(self, on_progress: ProgressCallback) -> None:
        self.counts: Counter[str] = Counter()
        self.failures: list[Failure] = []
        self.warnings: list[Failure] = []
        self.missing: tuple[Failure, ...] = ()
        self.others: Counter[str] = Counter()
        self._progress = IndexProgress()
        self._on_progress = on_progress

    def advance(self, **steps: float) -> None:
        """Add to the numbers of the progress, and tell of it."""
        raised = {name: getattr(self._progress, name) + step for name, step in steps.items()}
        self._progress = replace(self._progress, **raised)
        self._on_progress(self._progress)

    def report(self, elapsed_s: float) -> IndexReport:
        """Sum the run up."""
        counts: dict[str, Any] = dict(self.counts)
        return IndexReport(
            **counts,
            audio_s=self._progress.audio_s,
            elapsed_s=elapsed_s,
            missing=self.missing,
            failures=tuple(self.failures),
            warnings=tuple(self.warnings),
            others=tuple(sorted(self.others.items(), key=lambda pair: (-pair[1], pair[0]))),
        )


def ignore(*_: object) -> None:
    """Hear of progress, of whichever kind, and do nothing."""
