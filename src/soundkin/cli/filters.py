"""Options that say which recordings count."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

from soundkin.audio_facts import AMOUNTS
from soundkin.cli.options import Command, Time, resolve_path
from soundkin.errors import QueryError
from soundkin.notation import read_key

if TYPE_CHECKING:
    from soundkin.library.library import Library
    from soundkin.library.records import Filters

FACT_EXAMPLES = {"pitch": "pitch=200..400", "loudness": "loudness=-30.. (LUFS)"}
OTHER_FACTS = [fact for fact in AMOUNTS.values() if fact.name not in FACT_EXAMPLES]


def _read_fact_ranges(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, tuple[float, float]]:
    """Read `pitch=200..400`, `pitch=200..` or `pitch=..400`; of several of one fact all hold."""
    ranges: dict[str, tuple[float, float]] = {}
    for value in values:
        fact, _, bounds = value.partition("=")
        least, dots, greatest = bounds.partition("..")
        if fact not in AMOUNTS:
            raise click.BadParameter(f"no fact {fact!r}; give one of {', '.join(AMOUNTS)}")
        try:
            first, last = float(least or -math.inf), float(greatest or math.inf)
        except ValueError:
            first = last = math.nan
        if not dots or not first <= last:
            raise click.BadParameter(f"{value!r} is no range; give e.g. {fact}=200..400")
        known = ranges.get(fact, (-math.inf, math.inf))
        ranges[fact] = max(first, known[0]), min(last, known[1])
    return ranges


def _check_keys(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    try:
        for value in values:
            read_key(value)
    except QueryError as error:
        raise click.BadParameter(str(error)) from None
    return values


def filter_options(command: Command) -> Command:
    """Add the options that `build_filters` takes."""
    for option in (
        click.option(
            "--fact",
            "facts",
            multiple=True,
            metavar="NAME=MIN..MAX",
            callback=_read_fact_ranges,
            help=f"Only within, e.g. {' or '.join(FACT_EXAMPLES.values())}; also"
            f" {', '.join(fact.help for fact in OTHER_FACTS)}.",
        ),
        click.option(
            "--key",
            "keys",
            multiple=True,
            metavar="KEY",
            callback=_check_keys,
            help='Only in this key, e.g. "A minor", Am or Bb; repeatable: in any of them.',
        ),
        click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only with this tag."),
        click.option(
            "--max-duration", type=Time(), metavar="TIME", help="Only recordings so long."
        ),
        click.option(
            "--min-duration", type=Time(), metavar="TIME", help="Only recordings so long."
        ),
        click.option(
            "--ext", "extensions", multiple=True, metavar="EXT", help="Only such files, e.g. wav."
        ),
        click.option(
            "--not-folder", "not_folders", multiple=True, metavar="DIR", help="Not below this one."
        ),
        click.option(
            "--folder",
            "folders",
            multiple=True,
            metavar="DIR",
            help="Only below this folder, by its path or the end of it; repeatable.",
        ),
        click.option(
            "--name",
            "names",
            multiple=True,
            metavar="WORDS",
            help='Only with these words in folder, name or tags, in any order: "snare 01 -rim".',
        ),
    ):
        command = option(command)
    return command


def build_filters(
    library: Library,
    *,
    folders: tuple[str, ...],
    not_folders: tuple[str, ...],
    names: tuple[str, ...],
    extensions: tuple[str, ...],
    min_duration: float | None,
    max_duration: float | None,
    tags: tuple[str, ...],
    facts: dict[str, tuple[float, float]],
    keys: tuple[str, ...],
) -> Filters:
    """Make the filters that the options ask for.

    Raises
    ------
    QueryError
        The library has no such folder.
    """
    from soundkin.library.folder_tree import find_folders
    from soundkin.library.records import Filters

    def find(given: tuple[str, ...]) -> tuple[str, ...]:
        found = (find_folders(library, one, resolve_path(one)) for one in given)
        return tuple(folder for some in found for folder in some)

    return Filters(
        folders=find(folders),
        not_folders=find(not_folders),
        name=" ".join(names),
        extensions=extensions,
        min_duration_s=min_duration,
        max_duration_s=max_duration,
        tags=tags,
        facts=facts,
        keys=keys,
    )
