"""Amounts, times and runs in words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from soundkin.text import format_count, format_hours

MAX_ENDINGS = 8

if TYPE_CHECKING:
    from soundkin.library.records import LibraryCounts
    from soundkin.progress import IndexProgress, IndexReport


def describe_amount(progress: IndexProgress, elapsed_s: float) -> str:
    """Say how much audio a run has embedded, and how fast."""
    rate = progress.audio_s / max(elapsed_s, 1e-3)
    return f"{format_hours(progress.audio_s)} of audio{_describe_speed(rate, ', ')}"


def summarise_run(report: IndexReport, counts: LibraryCounts) -> str:
    """Sum a run up in a line or three."""
    rate = report.audio_s / max(report.elapsed_s, 1e-3)
    amount = f"; {format_hours(report.audio_s)} of audio" if rate else ""
    speed = amount + _describe_speed(rate, " at ")
    lines = [
        f"{describe_run(report)}{speed}, in {report.elapsed_s:.1f} s",
        f"The library has {format_count(counts.n_recordings, 'recording')},"
        f" {format_hours(counts.duration_s)}, {format_count(counts.n_segments, 'segment')}.",
    ]
    return "\n".join([*lines, _describe_others(report)] if report.others else lines)


def _describe_speed(rate: float, before: str) -> str:
    """Say how much faster than real time a run is, once there is anything to tell."""
    return f"{before}{rate:.0f}× real time" if rate >= 1 else ""


def _describe_others(report: IndexReport) -> str:
    """Say in a line which files were left out, by their endings."""
    named = ", ".join(f"{ending} {count}" for ending, count in report.others[:MAX_ENDINGS])
    more = " …" if len(report.others) > MAX_ENDINGS else ""
    n_others = sum(count for _, count in report.others)
    return f"{format_count(n_others, 'other file')}: {named}{more}"


def describe_run(report: IndexReport) -> str:
    """Say what a run did with how many files."""
    parts = [
        (report.n_added, "embedded"),
        (report.n_slowed, "of them heard at another speed than before"),
        (report.n_unchanged, "unchanged"),
        (report.n_measured, "measured, for facts that they were embedded without"),
        (report.n_moved, "moved"),
        (report.n_duplicates, "with bytes known already"),
        (report.n_removed, "gone"),
        (report.n_missing, "not there, but kept"),
        (len(report.failures), "not read"),
        (report.n_failed_before, "not read before, unchanged (soundkin list --failed)"),
    ]
    return ", ".join(f"{count} {words}" for count, words in parts if count) or "nothing to do"
