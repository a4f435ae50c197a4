"""Progress of long work on standard error: files, hours of audio, rate, time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from soundkin.indexing.summary import describe_amount
from soundkin.progress import Failure, IndexProgress, ProgressCallback, ignore
from soundkin.text import make_printable

MAX_LISTED = 20
SHOWN_EVERY_S = 0.2


@contextmanager
def show_progress(*, quiet: bool) -> Iterator[ProgressCallback]:
    """Draw a progress bar; nothing where standard error is no terminal, or with `quiet`."""
    if quiet or not sys.stderr.isatty():
        yield ignore
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[files]}  {task.fields[audio]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    started = time.monotonic()
    with bar:
        task = bar.add_task("Looking for sounds", total=None, files="", audio="")

        def update(progress: IndexProgress) -> None:
            bar.update(
                task,
                description="Embedding",
                total=progress.n_bytes,
                completed=progress.bytes_done,
                files=f"{progress.n_done}/{progress.n_files} files",
                audio=describe_amount(progress, time.monotonic() - started),
            )

        yield update


def report_failures(title: str, failures: Sequence[Failure], more: str) -> None:
    """List on standard error what could not be read, with the reasons."""
    if not failures:
        return
    click.echo(f"{title} ({len(failures)}):", err=True)
    for failure in failures[:MAX_LISTED]:
        click.echo(f"  {make_printable(failure.path)}: {failure.reason}", err=True)
    if len(failures) > MAX_LISTED:
        click.echo(f"  … and {len(failures) - MAX_LISTED} more{more}", err=True)


def count_segments(
    *, quiet: bool = False, noun: str = "segments"
) -> Callable[[str, int, int], None]:
    """Make what shows, on a terminal, how far the building of an index, or a map, is."""
    is_shown = not quiet and sys.stderr.isatty()
    shown_at = time.monotonic()

    def show(title: str, n_done: int, n_all: int) -> None:
        nonlocal shown_at
        now = time.monotonic()
        if is_shown and now - shown_at > SHOWN_EVERY_S:
            shown_at = now
            click.echo(f"\r\x1b[K{title}: {n_done}/{n_all} {noun}\r", nl=False, err=True)

    return show


def count_done(title: str, noun: str, *, quiet: bool = False) -> Callable[[int, int], None]:
    """Make what shows, on a terminal, how many of how many are done."""
    is_shown = not quiet and sys.stderr.isatty()

    def show(n_done: int, n_all: int) -> None:
        if is_shown:
            end = "\n" if n_done == n_all else "\r"
            click.echo(f"{title}: {n_done}/{n_all} {noun}{end}", nl=False, err=True)

    return show
