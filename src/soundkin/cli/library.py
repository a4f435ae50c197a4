"""`soundkin list`, `info`, `tag` and `remove`: what a library holds."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from soundkin.cli.options import (
    CSV,
    JSON,
    PATHS,
    Number,
    build_filters,
    filter_options,
    library_option,
    null_option,
    open_library,
    output_options,
    resolve_path,
)
from soundkin.errors import LibraryError

if TYPE_CHECKING:
    from soundkin.library import Library
    from soundkin.records import Recording


@click.command(
    "list",
    epilog="""\b
Examples:
  soundkin list --folder ~/Samples/drums --max-duration 1
  soundkin list --failed                what could not be read, and why
  soundkin list --tag dry --paths -0 | xargs -0 …
""",
)
@click.option("--failed", is_flag=True, help="What could not be read, with the reasons.")
@filter_options
@output_options(JSON, CSV, PATHS)
@null_option
@library_option
def list_(failed: bool, output: str | None, null: bool, library_path: str, **filters: Any) -> None:
    """List the recordings in the library."""
    from soundkin.cli import output as out
    from soundkin.formats import describe_recording
    from soundkin.phrasing import format_time

    with open_library(library_path) as library:
        recordings = library.select_recordings(build_filters(**filters), failed=failed)
        if output or null:
            out.print_rows(map(describe_recording, recordings), output or "paths", null=null)
        elif failed:
            rows = ((r.error or "", out.shorten_path(r.path)) for r in recordings)
            out.print_table(("reason", "file"), rows)
        else:
            cells = (
                (
                    format_time(r.duration_s),
                    str(r.sample_rate),
                    str(r.n_channels),
                    ", ".join(r.tags),
                    out.shorten_path(r.path) + (f"  ({r.warning})" if r.warning else ""),
                )
                for r in recordings
            )
            out.print_table(("duration", "Hz", "channels", "tags", "recording"), cells)


@click.command(
    epilog="""\b
Examples:
  soundkin info
  soundkin info --json | jq .n_segments
"""
)
@output_options(JSON)
@library_option
def info(output: str | None, library_path: str) -> None:
    """Show what the library holds: recordings, hours, model, folders, tags."""
    from soundkin.cli.progress import count_segments
    from soundkin.phrasing import format_hours

    with open_library(library_path) as library:
        facts = _collect_facts(library)
        if facts["n_segments"]:
            from soundkin.recall import measure_index

            facts["index"] = dataclasses.asdict(measure_index(library, count_segments()))
    if output == "json":
        click.echo(json.dumps(facts))
        return
    model = facts["model"]
    lines = {
        "library": f"{facts['library']} ({facts['size_bytes'] / 1e6:.1f} MB)",
        "model": f"{model['name']} {model['hash'][:8]}, {model['embedding_size']} dimensions"
        if model
        else "none yet",
        "recordings": f"{facts['n_recordings']} ({format_hours(facts['duration_s'])})",
        "different": f"{facts['n_contents']} by their bytes",
        "segments": str(facts["n_segments"]),
        "index": _describe_index(facts["index"]) if facts["index"] else "none yet",
        "not read": f"{facts['n_failed']} (soundkin list --failed)",
        "folders": "\n            ".join(facts["folders"]) or "none",
        "tags": ", ".join(f"{tag} ({n})" for tag, n in facts["tags"].items()) or "none",
    }
    for name, text in lines.items():
        click.echo(f"{name:<11} {text}")


def _collect_facts(library: Library) -> dict[str, Any]:
    counts, model = library.count(), library.model
    described = model and {
        "name": model.name,
        "hash": model.hash,
        "embedding_size": model.embedding_size,
        **dataclasses.asdict(model.segments),
    }
    return {
        "library": library.name,
        "size_bytes": library.measure_bytes(),
        "model": described,
        "n_recordings": counts.n_recordings,
        "n_failed": counts.n_failed,
        "n_contents": counts.n_contents,
        "n_segments": counts.n_segments,
        "duration_s": round(counts.duration_s, 3),
        "folders": library.list_folders(),
        "tags": dict(library.list_tags()),
        "index": None,
    }


def _describe_index(facts: dict[str, Any]) -> str:
    """Say in a line or three what kind of index there is, what it takes and how well it finds."""
    kinds = {
        "exact": "exact, every segment is compared",
        "scan": "random projections, all codes are read",
        "lists": f"random projections in {facts['n_lists']} inverted lists",
    }
    saved = f"{facts['disk_bytes'] / 1e6:.1f} MB on disk"
    if facts["build_s"]:
        saved += f", built in {facts['build_s']:.1f} s"
    return (
        f"{kinds[facts['kind']]}\n            {facts['memory_bytes'] / 1e6:.1f} MB in memory, "
        f"{saved if facts['disk_bytes'] else 'not saved: the library is small'}\n            "
        f"recall@10 {facts['recall']:.3f} beside an exact search, {facts['query_ms']:.2f} ms a "
        f"query ({facts['n_queries']} segments of this library)"
    )


@click.command(
    epilog="""\b
Examples:
  soundkin tag                                 every tag and how often it is used
  soundkin tag kick.wav --add dry --add 808    tag a recording
  soundkin tag ~/Samples/tabla --add tabla     tag all below a folder
  soundkin tag ~/Samples --remove draft
  soundkin tag --suggest                       what might recordings without tags be tagged?
"""
)
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--add", "added", multiple=True, metavar="TAG", help="Give them this tag.")
@click.option("--suggest", is_flag=True, help="List tags that recordings without any might have.")
@click.option(
    "--sure",
    type=Number(0, 1),
    default=0.8,
    show_default=True,
    help="With --suggest: so many of such suggestions must be right for recordings with tags.",
)
@click.option("--remove", "removed", multiple=True, metavar="TAG", help="Take this tag off them.")
@output_options(("json", "With --suggest: one JSON object a line."))
@library_option
def tag(
    paths: tuple[str, ...],
    added: tuple[str, ...],
    removed: tuple[str, ...],
    suggest: bool,
    sure: float,
    output: str | None,
    library_path: str,
) -> None:
    """Add and remove tags on recordings, or list the tags in use.

    --suggest lists tags that the nearest recordings with tags have; to accept one, --add it.
    """
    if suggest:
        if paths or added or removed:
            raise click.UsageError("--suggest goes with neither paths nor --add and --remove")
        _print_suggestions(library_path, sure, output)
        return
    if bool(paths) != bool(added or removed):
        raise click.UsageError("give paths and, for them, --add TAG or --remove TAG")
    if any(not name.strip() for name in (*added, *removed)):
        raise click.UsageError("a tag needs at least one letter")
    with open_library(library_path) as library:
        if not paths:
            for name, count in library.list_tags():
                click.echo(f"{count}\t{name}")
            return
        recordings = _find_recordings(library, paths)
        with library.transaction():
            library.add_tags(recordings, added)
            library.remove_tags(recordings, removed)
    click.echo(f"soundkin: {len(recordings)} recordings", err=True)


def _print_suggestions(library_path: str, sure: float, output: str | None) -> None:
    from soundkin.cli import output as out
    from soundkin.formats import describe_suggestion
    from soundkin.suggestions import suggest_tags

    with open_library(library_path) as library:
        suggestions = suggest_tags(library, least_precision=sure)
    if output:
        out.print_rows(map(describe_suggestion, suggestions), output)
    elif not suggestions:
        click.echo(
            "soundkin: no tag is sure enough; tag more recordings, or lower --sure", err=True
        )
    else:
        cells = (
            (
                found.tag,
                f"{found.precision:.2f}",
                out.shorten_path(found.because.path),
                out.shorten_path(found.recording.path),
            )
            for found in suggestions
        )
        out.print_table(("tag", "sure", "because of", "recording"), cells)


@click.command(
    epilog="""\b
Examples:
  soundkin remove ~/Samples/old         a folder, no longer to be indexed
  soundkin remove kick.wav              one recording, until its folder is indexed again
"""
)
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@library_option
def remove(paths: tuple[str, ...], library_path: str) -> None:
    """Take recordings out of the library; the files themselves are not touched."""
    from soundkin.locks import lock_library

    with open_library(library_path) as library, lock_library(library.path):
        folders = set(library.list_folders())
        wanted = [path for path in paths if resolve_path(path) not in folders]
        recordings = _find_recordings(library, wanted)
        ids = {recording.id for recording in recordings}
        with library.transaction():
            for path in map(resolve_path, paths):
                ids.update(file.id for file in library.list_files_below(path))
                library.remove_folder(path)
            library.remove_recordings(ids)
    click.echo(f"soundkin: {len(ids)} recordings taken out", err=True)


def _find_recordings(library: Library, paths: Iterable[str]) -> Sequence[Recording]:
    """Find the recordings that paths name: all below a folder, a file, or the end of a path."""
    from soundkin.records import Filters

    found: list[Recording] = []
    for path in paths:
        below = Filters(folders=(resolve_path(path),))
        here = list(library.select_recordings(below))
        here += library.select_recordings(below, failed=True)
        here = here or library.find_by_ending(path)
        if not here:
            raise LibraryError(f"{path}: no such recording or folder in {library.name}")
        found += here
    return found
