"""`soundkin serve`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from soundkin.cli.options import (
    check_address,
    cluster_option,
    get_data_folder,
    library_option,
    open_library,
)
from soundkin.errors import ServerError

if TYPE_CHECKING:
    from soundkin.server.settings import Settings


@click.command(
    epilog="""\b
Examples:
  soundkin serve                                  the page, in your browser
  soundkin serve --library field.sqlite --port 9000 --no-open
  soundkin serve --watch                          new sounds are found as they come
  soundkin serve --watch --install                from your login on, without a window
  soundkin serve --host 0.0.0.0                   for others in your network, with a token
  soundkin serve --host 0.0.0.0 --https           so that a phone may record, too
  soundkin serve --library s3://bucket/sounds.lance --cluster head:6379 --host 0.0.0.0
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
@click.option(
    "--https",
    is_flag=True,
    help="Encrypt, with a certificate of its own making (needs soundkin[https]).",
)
@click.option("--certificate", type=click.Path(path_type=Path), help="Encrypt with this one, PEM.")
@click.option("--key", type=click.Path(path_type=Path), help="Its key, if in another file.")
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
@click.option("--watch", is_flag=True, help="Keep the library in step with its folders meanwhile.")
@click.option("--name", "names", multiple=True, help="A name that browsers know it by; repeatable.")
@click.option(
    "--install",
    is_flag=True,
    help="Write a service of yours (systemd, launchd) that serves so, instead of serving.",
)
@cluster_option(
    "Let a Ray cluster do it, from a Lance library: HOST:PORT of its head, or else the cluster"
    " of this machine, started if need be.",
)
@click.option(
    "--replicas",
    type=click.IntRange(1),
    help="How many equal servers a cluster runs [default: one for each of its processors].",
)
@library_option
def serve(
    host: str,
    port: int,
    token: str | None,
    https: bool,
    certificate: Path | None,
    key: Path | None,
    no_open: bool,
    max_upload_mb: int,
    max_upload_s: float,
    watch: bool,
    names: tuple[str, ...],
    install: bool,
    cluster: str | None,
    replicas: int | None,
    library_path: str,
) -> None:
    """Open the page: find, listen, refine and wander by ear; and an HTTP API under /api/v1.

    Only this machine can reach it. With --host others can, who must know the token: the printed
    address has it. Browsers let a page record only from their own machine or over HTTPS: for a
    phone, add --https; its browser asks once whether to trust the certificate. Ctrl-C ends it, once
    what is being answered is answered; twice, at once. With --install a service of systemd or
    launchd is written that serves with the same options while you are logged in, and it is said how
    it is started and removed.

    With --cluster its nodes answer, each at the same port; SIGHUP, or the same command again,
    replaces its servers while it goes on answering. --https is then --certificate and --key, at the
    same paths on every node.
    """
    import os
    import secrets

    # Requests are the threads here; OpenBLAS's own wait for each other, at the cost of both cores.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    from soundkin.server.settings import Settings, is_loopback

    if key and not certificate:
        raise click.UsageError("--key goes with --certificate")
    if cluster is not None:
        _check_cluster(cluster, library_path, watch=watch, https=https, install=install)
    elif replicas:
        raise click.UsageError("--replicas goes with --cluster")
    with open_library(library_path, create=True) as library:
        name = library.name
    if token is None and not is_loopback(host):
        token = secrets.token_urlsafe(24)
    settings = Settings(
        name, host, port, token or None, max_upload_mb << 20, max_upload_s, names=names
    )
    fingerprint = ""
    if https or certificate:
        settings, fingerprint = _encrypt(settings, certificate, key)
    if install:
        from soundkin.cli.service import install_service

        install_service(settings, certificate, key, watch=watch)
        return
    stdout = sys.stdout

    def announce(address: str) -> None:
        _announce(address, fingerprint, stdout, no_open=no_open)

    if cluster is not None:
        from soundkin.cluster.serve import run_on_cluster

        run_on_cluster(settings, cluster, replicas, announce, _say)
        return
    from soundkin.server.run import run

    try:
        run(settings, announce, _say, watch=watch)
    except OSError as error:
        raise ServerError(
            f"{host} port {port}: {error.strerror or error}; choose another with --port"
        ) from error


def _check_cluster(address: str, library: str, *, watch: bool, https: bool, install: bool) -> None:
    """Refuse what a cluster cannot do."""
    from soundkin.library.open import is_lance

    check_address(address)
    if not is_lance(library):
        raise ServerError(
            f"{library}: an SQLite file, which one machine serves; for --cluster convert it: "
            "soundkin convert FILE NAME.lance"
        )
    if watch:
        raise click.UsageError("--watch is one machine's; index with: soundkin index --cluster")
    if install:
        raise click.UsageError("--install is one machine's; a cluster keeps its servers itself")
    if https:
        raise click.UsageError("--cluster takes --certificate and --key instead of --https")


def _encrypt(settings: Settings, own: Path | None, key: Path | None) -> tuple[Settings, str]:
    """Choose the certificate; returns the settings with it, and its fingerprint."""
    import dataclasses

    from soundkin.server.certificates import keep_certificate, read_certificate

    if own is not None:
        found = read_certificate(own, key)
    else:
        found = keep_certificate(get_data_folder(), {*settings.host_names, settings.reached_at})
    settings = dataclasses.replace(settings, certificate=found.path, key=found.key)
    return settings, found.fingerprint


def _announce(address: str, fingerprint: str, stdout: TextIO, *, no_open: bool) -> None:
    """Say where the server is, and open it."""
    click.echo(address, file=stdout)
    if fingerprint:
        click.echo(f"Its certificate has the SHA-256 fingerprint {fingerprint}", err=True)
    click.echo("Ctrl-C ends it.", err=True)
    if not no_open:
        import webbrowser

        webbrowser.open(address)


def _say(words: str) -> None:
    """Pass on what the watcher says."""
    click.echo(f"{time.strftime('%H:%M:%S')}  {words}", err=True)
