"""`soundkin tag`: tags given, taken, listed and suggested."""

from __future__ import annotations

import click

from soundkin.cli.options import (
    Number,
    find_recordings,
    library_option,
    open_library,
    output_options,
)
from soundkin.text import format_count


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
    help="With --suggest: how likely each must be right.",
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
        recordings = find_recordings(library, paths)
        with library.transaction():
            library.add_tags(recordings, added)
            library.remove_tags(recordings, removed)
    click.echo(f"soundkin: {format_count(len(recordings), 'recording')}", err=True)


def _print_suggestions(library_path: str, sure: float, output: str | None) -> None:
    from soundkin.cli import output as out
    from soundkin.search.rows import describe_suggestion
    from soundkin.search.tags.suggestions import suggest_tags

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
