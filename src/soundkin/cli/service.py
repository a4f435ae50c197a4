"""`soundkin serve --install`: a service in place of a window that must stay open."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from soundkin.server.settings import Settings


def install_service(
    settings: Settings, certificate: Path | None, key: Path | None, *, watch: bool
) -> None:
    """Write the service, and say where the page will be, how it is started and removed.

    `certificate` and `key` are a person's own; of its making the server has one anyhow.
    """
    from soundkin.errors import ServerError
    from soundkin.system.service import describe_service

    if settings.port == 0:
        raise ServerError("a service needs the same port each time; name one with --port")
    environment = {} if settings.token is None else {"SOUNDKIN_TOKEN": settings.token}
    service = describe_service(_spell(settings, certificate, key, watch=watch), environment)
    service.write()
    click.echo(service.path)
    click.echo(f"To start it: {service.start}", err=True)
    click.echo(f"To remove it: {service.stop}", err=True)
    click.echo(f"The page will be at {settings.address}", err=True)


def _spell(
    settings: Settings, certificate: Path | None, key: Path | None, *, watch: bool
) -> list[str]:
    """Spell the command that serves so; paths are absolute, since a service starts anywhere."""
    library = settings.library
    if "://" not in library:
        library = os.path.abspath(library)  # noqa: PTH100 (keeps links)
    command = [sys.executable, "-m", "soundkin", "serve", "--no-open", "--library", library]
    command += ["--host", settings.host, "--port", str(settings.port)]
    command += ["--max-upload-mb", str(settings.max_upload_bytes >> 20)]
    command += ["--max-upload-s", str(settings.max_upload_s)]
    command += [word for name in settings.names for word in ("--name", name)]
    for flag, path in (("--certificate", certificate), ("--key", key)):
        command += [flag, str(path.absolute())] if path else []
    command += ["--https"] * (settings.certificate is not None and certificate is None)
    return command + ["--watch"] * watch
