"""`soundkin watch`."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from types import FrameType
from typing import TYPE_CHECKING

import click

from soundkin.cli.options import library_option, open_library

if TYPE_CHECKING:
    from soundkin.progress import IndexReport


@click.command(
    epilog="""\b
Examples:
  soundkin watch ~/Samples            from now on
  soundkin watch                      every folder the library knows
  soundkin watch --poll 300 /mnt/nas  a network share that others write to
"""
)
@click.argument("folders", nargs=-1, type=click.Path())
@click.option("--model", metavar="NAME", help="Model that embeds, by name or .onnx file.")
@click.option(
    "--quiet-for",
    "quiet_s",
    type=click.FloatRange(0.1),
    default=1.0,
    show_default=True,
    metavar="S",
    help="Take a file in once it has not changed for so long.",
)
@click.option(
    "--poll",
    "poll_every_s",
    type=click.FloatRange(1),
    metavar="S",
    help="Walk the folders so often, where the system does not tell of changes.",
)
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Processes [default: cores].")
@click.option("-q", "--quiet", is_flag=True, help="Tell only of what could not be read.")
@library_option
def watch(
    folders: tuple[str, ...],
    model: str | None,
    quiet_s: float,
    poll_every_s: float | None,
    workers: int | None,
    quiet: bool,
    library_path: str,
) -> None:
    """Keep the library in step with FOLDERS, while files in them come, change, move and go.

    It begins as soundkin index does; then only what changed is looked at. A drive may be unplugged
    and plugged in again: what the library knows of it is kept. Search, and serve, as ever
    meanwhile. Ctrl-C ends it; what was done is kept.
    """
    from soundkin.audio.walk import resolve_root
    from soundkin.cli.progress import show_progress
    from soundkin.indexing.watch import watch_folders

    for folder in folders:  # before a library is made for nothing
        resolve_root(folder)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with open_library(library_path, create=bool(folders)) as library, ExitStack() as first:
            show = first.enter_context(show_progress(quiet=quiet))
            for news in watch_folders(
                library,
                folders,
                model=model,
                quiet_s=quiet_s,
                poll_every_s=poll_every_s,
                n_workers=workers,
                on_progress=show,
            ):
                if news.message:
                    _say(news.message)
                if news.report:
                    first.close()  # of the first run alone a bar is shown
                    _tell(news.report, quiet=quiet)
    except KeyboardInterrupt:
        _say("ended; what was done is kept")


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Take SIGTERM for Ctrl-C."""
    raise KeyboardInterrupt


def _say(message: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')}  {message}", err=True)


def _tell(report: IndexReport, *, quiet: bool) -> None:
    """Tell of a batch in a line, and of what could not be read in one each."""
    from soundkin.cli.progress import report_failures
    from soundkin.indexing.summary import describe_run

    if not quiet:
        _say(f"{describe_run(report)}, in {report.elapsed_s:.1f} s")
    report_failures("Read only in part", report.warnings, "")
    report_failures("Not read", report.failures, " (soundkin list --failed has all)")
    report_failures("Not there", report.missing, "")
