"""The commands as help lists them, by what they are for, and what a stray minus meant."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

GROUPS = {
    "Find": ("search", "find", "serve", "app", "map", "dups", "kit"),
    "Library": ("index", "watch", "list", "info", "tag", "crate", "remove"),
    "Care": ("verify", "backup", "restore", "relocate", "convert"),
    "Models": ("evaluate", "train", "embed", "deform"),
}
OTHERS = "Shell"
LONGEST = 200  # letters of a command's first sentence, which is not cut


class GroupedCommands(click.Group):
    """A group whose help has its commands by what they are for, the main one first."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each kind of command."""
        listed = {name for names in GROUPS.values() for name in names}
        others = tuple(name for name in self.commands if name not in listed)
        width = max(map(len, self.commands))
        for title, names in {**GROUPS, OTHERS: others}.items():
            rows = [
                (name.ljust(width), self.commands[name].get_short_help_str(LONGEST))
                for name in names
                if name in self.commands
            ]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def explain_minus(error: click.UsageError, arguments: Sequence[str]) -> str | None:
    """Say what is meant by a path behind a minus, which click takes for options; None if none is.

    `-Drums/x.ogg` is `-D`, `-r` and so on to click: a person subtracts a sound, or names a file.
    """
    if not isinstance(error, click.NoSuchOption | click.BadParameter):
        return None
    token = next(filter(_is_path_behind_minus, arguments), None)
    if token is None:
        return None
    subtracts = error.ctx is not None and error.ctx.info_name == "search"
    ways = [f"to subtract a sound, put a space behind the minus: - {token[1:]}"] * subtracts
    ways.append(f"a file whose name begins with a minus is .{os.sep}{token}")
    return f"{token}: there is no such option; {'; '.join(ways)}"


def _is_path_behind_minus(token: str) -> bool:
    if not token.startswith("-") or token.startswith("--") or len(token) < 3:
        return False
    path = token[1:]
    return os.sep in path or Path(path).suffix[1:].isalnum() or os.path.exists(token)  # noqa: PTH110 (raises nothing)
