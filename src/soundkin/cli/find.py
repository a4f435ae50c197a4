"""`soundkin find`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soundkin.cli.filters import build_filters, filter_options
from soundkin.cli.options import (
    Number,
    library_option,
    null_option,
    open_library,
    output_options,
    region_options,
)
from soundkin.cli.places import PLACE_FORMATS, print_places
from soundkin.errors import QueryError
from soundkin.system.remote import is_remote

if TYPE_CHECKING:
    from soundkin.library.concepts import Concept
    from soundkin.library.library import Library
    from soundkin.library.records import Filters
    from soundkin.search.finding.occurrence import Occurrences


@click.command(
    epilog="""\b
Examples:
  soundkin find bark.wav night.flac                    every bark in one recording
  soundkin find night.flac night.flac --from 12.5 --to 12.9
  soundkin find bark.wav --raven > barks.selections.txt      in the whole library
  soundkin find a.wav --like b.wav --dislike crow.wav Recordings/
  soundkin find --concept "barn owl" night.flac --labels
  soundkin find bark.wav night.flac --min-score 0.7    only what is surely alike
"""
)
@click.argument("places", nargs=-1, type=click.Path(), metavar="SOUND [IN]…")
@region_options
@click.option("--concept", metavar="NAME", help="What the page keeps by this name, for SOUND.")
@click.option(
    "--like", "liked", multiple=True, type=click.Path(), metavar="SOUND", help="Another example."
)
@click.option(
    "--dislike", "disliked", multiple=True, type=click.Path(), metavar="SOUND", help="Not this."
)
@click.option(
    "--min-score",
    type=Number(-1, 1),
    metavar="SCORE",
    help="Least score of an event [default: chosen from the scores].",
)
@filter_options
@output_options(*PLACE_FORMATS)
@null_option
@library_option
def find(
    places: tuple[str, ...],
    start_s: float | None,
    end_s: float | None,
    concept: str | None,
    liked: tuple[str, ...],
    disliked: tuple[str, ...],
    min_score: float | None,
    output: str | None,
    null: bool,
    library_path: str,
    **filters: Any,
) -> None:
    """Find every occurrence of SOUND in recordings, in order of time.

    SOUND and IN are audio files, or recordings of the library by the end of their path; IN may be
    a folder of the library too. Without IN the whole library is looked through; with it, files need
    not be in a library. --from and --to, in seconds, take a region of SOUND.

    The score says how like SOUND an event is, as seen from what else is in the recording: other
    sounds have about 0, the same has 1. The least score is chosen where chance ends, unless
    --min-score gives it.
    """
    from soundkin.audio.decoders.decoder_process import decode_in_subprocess

    if concept is not None and (start_s is not None or end_s is not None):
        raise click.UsageError("--from and --to take a region of SOUND; a concept has none")
    if concept is None and not places:
        raise click.UsageError("say what to find: SOUND, or --concept NAME")
    with decode_in_subprocess():
        if concept is None and len(places) > 1 and _is_empty(library_path):
            from soundkin.search.finding.resolve import find_in_files

            found = find_in_files(
                places[0],
                places[1:],
                start_s=start_s or 0.0,
                end_s=end_s,
                liked=liked,
                disliked=disliked,
                min_score=min_score,
            )
        else:
            region = start_s or 0.0, end_s
            with open_library(library_path) as library:
                found = _find_in_library(
                    library,
                    _read_query(library, places, concept, region),
                    places if concept is not None else places[1:],
                    quiet=bool(output),
                    filters=build_filters(library, **filters),
                    examples=(liked, disliked),
                    min_score=min_score,
                )
    _print_events(found, output, null=null)


def _is_empty(library_path: str) -> bool:
    """Whether nothing is indexed yet, so that files are looked at by the model that ships."""
    if not is_remote(library_path) and not Path(library_path).exists():
        return True
    with open_library(library_path) as library:
        return library.model is None


def _read_query(
    library: Library, places: Sequence[str], concept: str | None, region: tuple[float, float | None]
) -> tuple[Any, Any, Any]:
    """Read what is sought: the sound, more examples of it, and what is not wanted."""
    from soundkin.search.finding.resolve import recall_concept
    from soundkin.search.query import Sound

    if concept is None:
        return Sound(places[0], 1.0, *region), (), ()
    return recall_concept(library, _find_concept(library, concept))


def _find_in_library(
    library: Library,
    query: tuple[Any, Any, Any],
    within: Sequence[str],
    *,
    quiet: bool,
    filters: Filters,
    examples: tuple[Sequence[str], Sequence[str]],
    min_score: float | None,
) -> Occurrences:
    from soundkin.cli.progress import count_segments
    from soundkin.search.searcher import Searcher

    sought, liked, disliked = query
    return Searcher(library, count_segments(quiet=quiet)).find(
        sought,
        within,
        filters=filters,
        liked=[*liked, *examples[0]],
        disliked=[*disliked, *examples[1]],
        min_score=min_score,
    )


def _find_concept(library: Library, name: str) -> Concept:
    from soundkin.library.concepts import list_concepts

    concepts = {concept.name: concept for concept in list_concepts(library)}
    if name not in concepts:
        known = ", ".join(concepts) or "none"
        raise QueryError(f"{name}: no such concept in {library.name}; it has {known}")
    concept, model = concepts[name], library.model
    if model is None or model.hash != concept.model_hash:
        raise QueryError(f"{name}: another model made this concept; save it again")
    return concept


def _print_events(found: Occurrences, output: str | None, *, null: bool) -> None:
    from soundkin.cli import output as out
    from soundkin.search.rows import describe_occurrence
    from soundkin.text import format_hours

    rows = list(map(describe_occurrence, found.events))
    if not print_places(rows, output, null=null) and rows:
        out.print_table(
            ("start", "end", "length", "score", "level", "recording"), _list_cells(found)
        )
    how = "chosen from the scores" if found.min_score == found.chosen_score else "as asked"
    click.echo(
        f"soundkin: {len(rows) or 'nothing'} found in {found.n_recordings} recording"
        f"{'' if found.n_recordings == 1 else 's'}, {format_hours(found.duration_s)};"
        f" least score {found.min_score:.2f}, {how}",
        err=True,
    )


def _list_cells(found: Occurrences) -> Sequence[Sequence[str]]:
    from soundkin.cli.output import shorten_path
    from soundkin.text import format_time

    return [
        (
            format_time(event.start_s),
            format_time(event.end_s),
            f"{event.end_s - event.start_s:.2f} s",
            f"{event.score:.3f}",
            f"{event.level_db:.0f} dB",
            shorten_path(event.recording.path),
        )
        for event in found.events
    ]
