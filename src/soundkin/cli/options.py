"""Options that several commands share."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from soundkin.errors import LibraryError

if TYPE_CHECKING:
    from soundkin.library.library import Library
    from soundkin.library.records import Recording

Command = TypeVar("Command", bound=Callable[..., Any])
JSON = ("json", "One JSON object a line.")
CSV = ("csv", "Comma-separated values.")
PATHS = ("paths", "Only paths, one a line.")


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


class Time(Number):
    """A time in a recording: seconds, or minutes and hours before them, as times are printed."""

    def __init__(self) -> None:
        super().__init__(0)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read it as seconds."""
        parts = str(value).split(":")
        if len(parts) == 1:
            return super().convert(value, param, ctx)
        is_clock = all(re.fullmatch(r"[0-9]+", part) for part in parts[:-1]) and len(parts) <= 3
        if not is_clock or not re.fullmatch(r"[0-9]+(\.[0-9]*)?", parts[-1]):
            self.fail(f"{value!r} is no time; give seconds, 142.5, or 2:22.50", param, ctx)
        numbers = list(map(float, parts))
        if any(number >= 60 for number in numbers[1:]):
            self.fail(f"{value!r} is no time: a minute has 60 seconds", param, ctx)
        return math.fsum(number * 60**power for power, number in enumerate(reversed(numbers)))


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
        click.option("--to", "end_s", type=Time(), metavar="TIME", help="Region end."),
        click.option(
            "--from",
            "start_s",
            type=Time(),
            metavar="TIME",
            help="Region start: seconds, or as times are printed, 2:22.50.",
        ),
    ):
        command = option(command)
    return command


def resolve_path(path: str) -> str:
    """Make a path absolute as the library has it; a URL is that already."""
    from soundkin.system.paths import locate

    return path.rstrip("/") if "://" in path else locate(path)


def output_options(*formats: tuple[str, str]) -> Callable[[Command], Command]:
    """Add one flag per output format, given as (name, help)."""

    def add(command: Command) -> Command:
        for name, help_text in reversed(formats):
            command = click.option(f"--{name}", "output", flag_value=name, help=help_text)(command)
        return command

    return add


null_option = click.option("-0", "--null", is_flag=True, help="With --paths: end each with a NUL.")


def open_library(path: str, *, create: bool = False) -> Library:
    """Open the library that `--library` names; the folder of the one without is made too."""
    from soundkin.library.open import open_library as open_any

    if create and path == get_default_library():
        get_data_folder().mkdir(parents=True, exist_ok=True)
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
