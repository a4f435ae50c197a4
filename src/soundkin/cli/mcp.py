"""`soundkin mcp`."""

from __future__ import annotations

import click

from soundkin.cli.options import library_option, open_library
from soundkin.errors import ServerError

MISSING = "soundkin mcp needs more; install it with: pip install 'soundkin[mcp]'"


@click.command(
    epilog="""\b
Examples:
  soundkin mcp                          search, find, list: nothing is changed
  soundkin mcp --write                  tag, export and copy, too
  claude mcp add soundkin -- soundkin mcp --library ~/field.sqlite
"""
)
@click.option("--write", is_flag=True, help="Let it tag, and write new files into the folders.")
@library_option
def mcp(write: bool, library_path: str) -> None:
    """Let an assistant search the library, by the Model Context Protocol.

    Assistants' programs start this command and talk to it over standard input and output. Only
    sounds of the library, and files in its folders, can be named. Nothing is changed without
    --write, and nothing that is there is ever overwritten.
    """
    with open_library(library_path) as library:
        name = library.name
    try:
        from soundkin.assistant.server import run
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("mcp"):
            raise
        raise ServerError(MISSING) from error
    run(name, can_write=write)
