"""`soundkin verify`."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import click

from soundkin.cli.options import library_option, output_options, require_file

if TYPE_CHECKING:
    from soundkin.integrity.repair import RepairReport
    from soundkin.integrity.verify import VerifyReport

EXIT_DAMAGED = 1


@click.command(
    epilog="""\b
Examples:
  soundkin verify                       is everything as it should be?
  soundkin verify --deep                compare the bytes of every audio file too
  soundkin verify --repair              make whole what is damaged
  soundkin verify --json | jq .findings
"""
)
@click.option("--deep", is_flag=True, help="Compare the bytes of every audio file too.")
@click.option("--repair", is_flag=True, help="Make whole what is damaged; every tag stays.")
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Processes [default: cores].")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@output_options(("json", "One JSON object, with all that was found."))
@library_option
def verify(
    deep: bool,
    repair: bool,
    workers: int | None,
    quiet: bool,
    output: str | None,
    library_path: str,
) -> int:
    """Check the library, its index and its audio files; exit status 1 where something is damaged.

    Files that are gone or were changed are told, and are no damage. With --repair, vectors that are
    damaged are embedded again, and where the file itself is damaged, all that can be read of it is
    written into a new one; the old one is kept beside it.
    """
    require_file(library_path)
    from soundkin.cli.progress import count_segments, show_progress

    on_progress = count_segments(quiet=quiet, noun="done")
    if not repair:
        from soundkin.integrity.verify import verify_library

        report = verify_library(library_path, deep=deep, on_progress=on_progress)
        _print_report(report, output)
        return 0 if report.is_whole else EXIT_DAMAGED
    from soundkin.integrity.repair import repair_library

    with show_progress(quiet=quiet) as on_embedding:
        repaired = repair_library(
            library_path,
            deep=deep,
            n_workers=workers,
            on_progress=on_progress,
            on_embedding=on_embedding,
        )
    if output:
        click.echo(json.dumps(_describe_repair(repaired)))
    else:
        _print_repair(repaired)
    return 0 if repaired.after.is_whole else EXIT_DAMAGED


def _describe(report: VerifyReport) -> dict[str, object]:
    return {"is_whole": report.is_whole, **dataclasses.asdict(report)}


def _describe_repair(repaired: RepairReport) -> dict[str, object]:
    facts = dataclasses.asdict(repaired)
    facts["kept"] = None if repaired.kept is None else str(repaired.kept)
    return facts | {"before": _describe(repaired.before), "after": _describe(repaired.after)}


def _print_report(report: VerifyReport, output: str | None) -> None:
    """Print findings, one a line, and what they come to."""
    from soundkin.text import format_count, make_printable

    if output:
        click.echo(json.dumps(_describe(report)))
        return
    for finding in report.findings:
        kind = "damaged" if finding.is_damage else "note"
        line = f"{kind}: {finding.path}: {finding.reason}; {finding.remedy}"
        click.echo(make_printable(line))
    n_more = report.n_damaged + report.n_notes - len(report.findings)
    if n_more:
        click.echo(f"… and {n_more} more of the same kinds")
    amount = format_count(report.n_recordings, "recording")
    amount += f", {format_count(report.n_segments, 'segment')}"
    state = "whole" if report.is_whole else f"damaged in {report.n_damaged} places"
    notes = f", {report.n_notes} notes" if report.n_notes else ""
    click.echo(f"The library is {state}: {amount}{notes}; checked in {report.elapsed_s:.1f} s")


def _print_repair(repaired: RepairReport) -> None:
    """Print what was damaged, what was done, and what is left."""
    _print_report(repaired.before, None)
    if repaired.rescued is not None:
        rescued = repaired.rescued
        refused = f"; {rescued.n_refused} rows made no sense" if rescued.n_refused else ""
        click.echo(
            f"Read from the damaged file: {rescued.n_recordings} recordings, {rescued.n_tags} tags,"
            f" the vectors of {rescued.n_contents} sounds{refused}"
        )
    if repaired.kept is not None:
        click.echo(f"The damaged file is kept as {repaired.kept}")
    if repaired.n_embedded:
        click.echo(f"{repaired.n_embedded} recordings were taken in again")
    if repaired.problem:
        click.echo(f"Nothing could be embedded again: {repaired.problem}")
    if repaired.rescued is not None or repaired.before.n_damaged:
        click.echo("After the repair:")
        _print_report(repaired.after, None)
