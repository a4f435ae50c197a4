"""The command `soundkin`: the only room that prints and exits."""

from __future__ import annotations

import os
import sys

import click

from soundkin import __version__
from soundkin.cli.app import app
from soundkin.cli.backup import backup, restore
from soundkin.cli.completion import completion
from soundkin.cli.convert import convert
from soundkin.cli.crate import crate
from soundkin.cli.deform import deform
from soundkin.cli.dups import dups
from soundkin.cli.embed import embed
from soundkin.cli.evaluate import evaluate
from soundkin.cli.find import find
from soundkin.cli.groups import GroupedCommands, explain_minus
from soundkin.cli.index import index
from soundkin.cli.info import info
from soundkin.cli.kit import kit
from soundkin.cli.list import list_
from soundkin.cli.map import map_
from soundkin.cli.relocate import relocate
from soundkin.cli.remove import remove
from soundkin.cli.search import search
from soundkin.cli.serve import serve
from soundkin.cli.tag import tag
from soundkin.cli.train import train
from soundkin.cli.verify import verify
from soundkin.cli.watch import watch
from soundkin.errors import SoundkinError
from soundkin.system.processors import limit_library_threads

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130


@click.group(
    cls=GroupedCommands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with: soundkin index ~/Samples, then: soundkin search kick.wav",
)
@click.version_option(__version__, prog_name="soundkin", message="%(prog)s %(version)s")
def commands() -> None:
    """Find what sounds like this in your own audio."""


for command in (
    *(index, watch, search, find, serve, app, list_, info, tag, remove, dups, kit, crate),
    *(verify, backup, restore, relocate, convert),
    *(map_, embed, evaluate, train, deform, completion),
):
    commands.add_command(command)


def main() -> None:
    """Run the command line; every error is one line on standard error."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]
    limit_library_threads()
    sys.exit(_run())


def _run() -> int:
    try:
        status = commands.main(prog_name="soundkin", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.exceptions.Exit as request:
        return request.exit_code
    except click.Abort:
        return _say("interrupted; what was done is kept, run it again to go on", EXIT_INTERRUPTED)
    except click.ClickException as error:
        meant = explain_minus(error, sys.argv[1:]) if isinstance(error, click.UsageError) else None
        return _say(meant) if meant else _show(error)
    except SoundkinError as error:
        return _say(str(error))
    except BrokenPipeError:  # whoever was reading has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else "error"
        return _say(f"{name}: {error.strerror or error}")
    except MemoryError:
        return _say("there is not enough memory for this")


def _show(error: click.ClickException) -> int:
    error.show()
    return EXIT_ERROR


def _say(message: str, status: int = EXIT_ERROR) -> int:
    click.echo(f"soundkin: {' '.join(message.splitlines())}", err=True)
    return status
