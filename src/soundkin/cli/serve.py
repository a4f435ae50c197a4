"""`soundkin serve`."""

from __future__ import annotations

import click

from soundkin.cli.options import library_option, open_library
from soundkin.errors import ServerError


@click.command(
    epilog="""\b
Examples:
  soundkin serve                                  the page, in your browser
  soundkin serve --library field.sqlite --port 9000 --no-open
  soundkin serve --host 0.0.0.0                   for others in your network, with a token
"""
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="Port to listen at; 0 takes a free one.",
)
@click.option(
    "--token",
    envvar="SOUNDKIN_TOKEN",
    metavar="TOKEN",
    help="What who asks must know [default: a new one, where others can reach the server].",
)
@click.option("--no-open", is_flag=True, help="Do not open a browser.")
@click.option(
    "--max-upload-mb", type=click.IntRange(1), default=64, show_default=True, help="Largest upload."
)
@click.option(
    "--max-upload-s",
    type=click.FloatRange(1),
    default=600.0,
    show_default=True,
    help="Longest upload, in seconds.",
)
@library_option
def serve(
    host: str,
    port: int,
    token: str | None,
    no_open: bool,
    max_upload_mb: int,
    max_upload_s: float,
    library_path: str,
) -> None:
    """Open the page: find, listen, refine and wander by ear; and an HTTP API under /api/v1.

    Only this machine can reach it. With --host others can, who must know the token: the printed
    address has it. Ctrl-C ends it.
    """
    import os
    import secrets

    # Requests are the threads here; OpenBLAS's own wait for each other, at the cost of both cores.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    from soundkin.server.settings import Settings, is_loopback

    with open_library(library_path, create=True) as library:
        name = library.name
    if token is None and not is_loopback(host):
        token = secrets.token_urlsafe(24)
    settings = Settings(name, host, port, token or None, max_upload_mb << 20, max_upload_s)
    from soundkin.server.running import run

    try:
        run(settings, lambda address: _announce(address, no_open=no_open))
    except OSError as error:
        raise ServerError(
            f"{host} port {port}: {error.strerror or error}; choose another with --port"
        ) from error


def _announce(address: str, *, no_open: bool) -> None:
    """Say where the server is, and open it."""
    click.echo(address)
    click.echo("Ctrl-C ends it.", err=True)
    if not no_open:
        import webbrowser

        webbrowser.open(address)
