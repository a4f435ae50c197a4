"""`soundkin map`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import click

from soundkin.cli.options import CSV, JSON, library_option, open_library, output_options
from soundkin.errors import QueryError

if TYPE_CHECKING:
    from soundkin.library.library import Library
    from soundkin.sound_map.colours import PointDetails
    from soundkin.sound_map.sound_map import MapUpdate, SoundMap


@click.command(
    "map",
    epilog="""\b
Examples:
  soundkin map                                 make the map, or bring it in step
  soundkin map --html map.html                 one file, to look around in and listen
  soundkin map --png map.png --color duration
  soundkin map --by segments --json            where every segment lies
  soundkin map --rebuild --seed 1              lay everything out anew, another way
""",
)
@click.option(
    "--by",
    type=click.Choice(("recordings", "segments")),
    default="recordings",
    show_default=True,
    help="What a point is.",
)
@click.option("--html", type=click.Path(), metavar="FILE", help="Save as a page that needs no net.")
@click.option("--png", type=click.Path(), metavar="FILE", help="Save as a picture.")
@click.option(
    "--color",
    "--colour",
    "colour",
    metavar="NAME",
    help="Colour by folder, tag, duration, or a fact of the library [default: folder].",
)
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Lay out from another beginning.")
@click.option("--rebuild", is_flag=True, help="Lay everything out anew; points move.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
@output_options(JSON, CSV)
@library_option
def map_(
    by: str,
    html: str | None,
    png: str | None,
    colour: str | None,
    seed: int | None,
    rebuild: bool,
    quiet: bool,
    output: str | None,
    library_path: str,
) -> None:
    """Place every recording so that what sounds alike lies together.

    The map is made once and kept beside the library. Run again, it places what is new among the
    points that are there, which stay where they are, and drops what is gone. --rebuild and another
    --seed lay everything out anew.
    """
    from soundkin.cli.output import print_rows
    from soundkin.cli.progress import count_segments
    from soundkin.sound_map.sound_map import compute_map

    for path in (html, png):
        if path is not None and not Path(path).absolute().parent.is_dir():
            raise QueryError(f"{path}: its folder does not exist")
    with open_library(library_path) as library:
        update = compute_map(
            library,
            by,
            seed=seed,
            rebuild=rebuild,
            on_progress=count_segments(quiet=quiet, noun=""),
        )
        if html or png or output:
            from soundkin.sound_map.colours import choose_column, describe_points

            details = describe_points(library, update.map)
            column = choose_column(details, colour)
            _save_files(library, update.map, details, column.name, html, png)
    if output:
        print_rows(_list_points(update.map, details), output)
    elif not quiet:
        click.echo(_summarise(update))
        for path in filter(None, (html, png)):
            click.echo(f"saved: {path}")


def _save_files(
    library: Library,
    sound_map: SoundMap,
    details: PointDetails,
    colour: str,
    html: str | None,
    png: str | None,
) -> None:
    from soundkin.system.files import write_aside

    column = details.columns[colour]
    title = f"{PurePath(library.name).stem}: {len(sound_map):,} {sound_map.by}"
    if html is not None:
        from soundkin.sound_map.html import write_page

        assert library.model is not None  # one without has no map
        folder = Path(html).absolute().parent
        segment_s = library.model.segments.segment_s
        page = write_page(sound_map, details, column, title, folder, segment_s)
        with write_aside(Path(html).absolute()) as file:
            file.write(page)
    if png is not None:
        from soundkin.sound_map.png import draw_map

        picture = draw_map(sound_map, column, title)
        with write_aside(Path(png).absolute()) as file:
            file.write(picture)


def _list_points(sound_map: SoundMap, details: PointDetails) -> Iterator[dict[str, Any]]:
    columns = zip(
        details.owners.tolist(),
        sound_map.segments.tolist(),
        details.starts_s.tolist(),
        sound_map.x.tolist(),
        sound_map.y.tolist(),
        strict=True,
    )
    for owner, segment, start_s, x, y in columns:
        recording = details.recordings[owner]
        row: dict[str, Any] = {"id": recording.id, "path": recording.path}
        if sound_map.by == "segments":
            row |= {"segment": segment, "start_s": round(start_s, 6)}
        yield row | {"x": round(x, 6), "y": round(y, 6)}


def _summarise(update: MapUpdate) -> str:
    """Say in a line or two what was done and what there is."""
    sound_map = update.map
    parts = [
        (update.n_laid_out, "laid out"),
        (update.n_placed, "placed among the others"),
        (update.n_removed, "gone"),
    ]
    done = ", ".join(f"{count} {words}" for count, words in parts if count) or "nothing to do"
    return f"{done}\nThe map has {len(sound_map)} {sound_map.by}."
