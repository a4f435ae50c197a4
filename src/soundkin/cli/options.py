"""Options that several commands share."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from soundkin.audio_facts import FACTS
from soundkin.errors import LibraryError

if TYPE_CHECKING:
    from soundkin.library.library import Library
    from soundkin.library.records import Filters, Recording

Command = TypeVar("Command", bound=Callable[..., Any])
JSON = ("json", "One JSON object a line.")
CSV = ("csv", "Comma-separated values.")
PATHS = ("paths", "Only paths, one a line.")

FACT_EXAMPLES = {"pitch": "pitch=200..400", "loudness": "loudness=-30.. (LUFS)"}
OTHER_FACTS = [fact for fact in FACTS.values() if fact.name not in FACT_EXAMPLES]


class Number(click.FloatRange):
    """A number within bounds, and neither nan, which is within any, nor infinite."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read it."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number to go by.", param, ctx)
        return number


def get_data_folder() -> Path:
    """Name the folder for what soundkin keeps for a person."""
    import platformdirs

    return platformdirs.user_data_path("soundkin")


def get_default_library() -> str:
    """Name the library used without `--library`: one file in the user's data folder."""
    return str(get_data_folder() / "library.sqlite")


def library_option(command: Command) -> Command:
    """Add `--library FILE`."""
    return click.option(
        "--library",
        "library_path",
        metavar="FILE",
        envvar="SOUNDKIN_LIBRARY",
        default=get_default_library,
        help="The library's file, or the folder or URL of Lance tables, name.lance or s3://…"
        " [default: a file in your data folder, or $SOUNDKIN_LIBRARY].",
    )(command)


def region_options(command: Command) -> Command:
    """Add `--from` and `--to`, as `start_s` and `end_s`."""
    for option in (
        click.option("--to", "end_s", type=Number(0), metavar="S", help="Region end."),
        click.option("--from", "start_s", type=Number(0), metavar="S", help="Region start."),
    ):
        command = option(command)
    return command


def _read_fact_ranges(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, tuple[float, float]]:
    """Read `pitch=200..400`, `pitch=200..` or `pitch=..400`; of several of one fact all hold."""
    ranges: dict[str, tuple[float, float]] = {}
    for value in values:
        fact, _, bounds = value.partition("=")
        least, dots, greatest = bounds.partition("..")
        if fact not in FACTS:
            raise click.BadParameter(f"no fact {fact!r}; give one of {', '.join(FACTS)}")
        try:
            first, last = float(least or -math.inf), float(greatest or math.inf)
        except ValueError:
            first = last = math.nan
        if not dots or not first <= last:
            raise click.BadParameter(f"{value!r} is no range; give e.g. {fact}=200..400")
        known = ranges.get(fact, (-math.inf, math.inf))
        ranges[fact] = max(first, known[0]), min(last, known[1])
    return ranges


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
        click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only with this tag."),
        click.option(
            "--max-duration", type=Number(0), metavar="S", help="Only recordings so long."
        ),
        click.option(
            "--min-duration", type=Number(0), metavar="S", help="Only recordings so long."
        ),
        click.option(
            "--ext", "extensions", multiple=True, metavar="EXT", help="Only such files, e.g. wav."
        ),
        click.option(
            "--folder", "folders", multiple=True, metavar="DIR", help="Only below this folder."
        ),
    ):
        command = option(command)
    return command


def resolve_path(path: str) -> str:
    """Make a path absolute as the library has it; a URL is that already."""
    if "://" in path:
        return path.rstrip("/")
    return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 (keeps links)


def build_filters(
    folders: tuple[str, ...],
    extensions: tuple[str, ...],
    min_duration: float | None,
    max_duration: float | None,
    tags: tuple[str, ...],
    facts: dict[str, tuple[float, float]],
) -> Filters:
    """Make the filters that the options ask for."""
    from soundkin.library.records import Filters

    return Filters(
        folders=tuple(map(resolve_path, folders)),
        extensions=extensions,
        min_duration_s=min_duration,
        max_duration_s=max_duration,
        tags=tags,
        facts=facts,
    )


def output_options(*formats: tuple[str, str]) -> Callable[[Command], Command]:
    """Add one flag per output format, given as (name, help)."""

    def add(command: Command) -> Command:
        for name, help_text in reversed(formats):
            command = click.option(f"--{name}", "output", flag_value=name, help=help_text)(command)
        return command

    return add


null_option = click.option("-0", "--null", is_flag=True, help="With --paths: end each with a NUL.")


def open_library(path: str, *, create: bool = False) -> Library:
    """Open the library that `--library` names."""
    from soundkin.library.open import open_library as open_any

    return open_any(path, create=create)


def require_file(path: str) -> None:
    """Refuse Lance tables, where a command is for SQLite files."""
    from soundkin.errors import LibraryError
    from soundkin.library.open import is_lance

    if is_lance(path):
        raise LibraryError(
            f"{path}: this is for libraries in a file; Lance keeps earlier versions of its tables"
            " itself, and soundkin convert makes a file of them"
        )


def cluster_option(help_text: str) -> Callable[[Command], Command]:
    """Make the option --cluster: an address, or by itself whatever cluster this machine has."""
    return click.option(
        "--cluster", metavar="[ADDRESS]", is_flag=False, flag_value="auto", help=help_text
    )


def check_address(address: str) -> None:
    """Tell a cluster's address from a folder, which --cluster swallows if it comes behind it."""
    from soundkin.cluster.connect import import_ray

    is_address = re.fullmatch(r"(ray://)?[^/\\]+:\d+", address)
    if address not in {"auto", "local"} and not is_address:
        raise click.UsageError(
            f"{address}: no address of a cluster (HOST:PORT); write --cluster after all folders"
        )
    import_ray()


def find_recordings(library: Library, paths: Iterable[str]) -> Sequence[Recording]:
    """Find the recordings that paths name: all below a folder, a file, or the end of a path."""
    from soundkin.library.records import Filters

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
