"""`soundkin app`."""

from __future__ import annotations

import hashlib
import sys
import threading
from pathlib import Path

import click

from soundkin.cli.options import get_data_folder, library_option, open_library
from soundkin.errors import ServerError

PORT = 8764  # not that of `serve`; always the same one, by which a browser remembers settings
ASKED_S = 2.0


@click.command(
    epilog="""\b
Examples:
  soundkin app                          the page, in a window of its own
  soundkin app --install                and from now on among this machine's programs
  soundkin app --library field.sqlite --browser /opt/chromium/chrome
"""
)
@click.option(
    "--browser",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Which one shows it, with Chromium's switches [default: the first that is found].",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=PORT,
    show_default=True,
    help="Port to listen at; another is taken where something else has it.",
)
@click.option("--install", is_flag=True, help="Add it to the menu of programs, and do no more.")
@click.option("--uninstall", is_flag=True, help="Take it off the menu, and do no more.")
@library_option
def app(browser: Path | None, port: int, install: bool, uninstall: bool, library_path: str) -> None:
    """Open the page in a window of its own, which ends all when it is closed.

    A browser of this machine shows it: Chromium, Chrome, Edge, Brave or Vivaldi; where there is
    none of these, the usual browser does, in a tab, until Ctrl-C. New sounds are found as they
    come. Only this machine can reach it.
    """
    if install or uninstall:
        if install and uninstall:
            raise click.UsageError("--install or --uninstall, not both")
        _keep_entry(library_path, browser, is_wanted=install)
        return
    from soundkin.system.app_window import find_browser

    with open_library(library_path, create=True) as library:
        name = library.name
    browser = browser or find_browser()
    profile = get_data_folder() / "windows" / hashlib.sha256(name.encode()).hexdigest()[:16]
    address = f"http://127.0.0.1:{port}/"
    served = _ask_what_is_served(address)
    if served == name:  # a second window of the same library
        _show(browser, address, profile)
        return
    _serve(name, port if served is None else 0, browser, profile)


def _serve(library: str, port: int, browser: Path | None, profile: Path) -> None:
    """Serve until the window is closed."""
    import os
    import signal
    import webbrowser

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `serve` does

    from soundkin.server.run import run
    from soundkin.server.settings import Settings
    from soundkin.system.app_window import open_window

    def wait_for_end(address: str) -> None:
        assert browser is not None
        try:
            open_window(browser, address, profile).wait()
        except OSError as error:
            _say(f"{browser}: {error.strerror or error}; open {address}, Ctrl-C ends it")
            return
        signal.raise_signal(signal.SIGINT)

    def announce(address: str) -> None:
        click.echo(address)
        sys.stdout.flush()
        if browser is None:
            _say("no browser with windows of its own was found; Ctrl-C ends it")
            webbrowser.open(address)
            return
        threading.Thread(target=wait_for_end, args=[address], daemon=True).start()

    try:
        run(Settings(library, port=port), announce, _say, watch=True)
    except OSError as error:
        raise ServerError(
            f"port {port}: {error.strerror or error}; choose another with --port"
        ) from error


def _show(browser: Path | None, address: str, profile: Path) -> None:
    """Open one more window of a server that is there."""
    import webbrowser

    click.echo(address)
    if browser is None:
        webbrowser.open(address)
        return
    from soundkin.system.app_window import open_window

    open_window(browser, address, profile)


def _ask_what_is_served(address: str) -> str | None:
    """Ask which library is served there already; empty if something else is, None if nothing."""
    import http.client
    import json
    import urllib.error
    import urllib.request

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{address}api/v1/info", timeout=ASKED_S) as answer:
            return str(json.load(answer)["library"])
    except urllib.error.HTTPError:
        return ""
    except OSError as error:
        refused = isinstance(getattr(error, "reason", error), ConnectionRefusedError)
        return None if refused else ""
    except (http.client.HTTPException, ValueError, KeyError, TypeError):
        return ""


def _keep_entry(library_path: str, browser: Path | None, *, is_wanted: bool) -> None:
    """Write the menu's entry, or take it away."""
    from importlib import resources

    from soundkin.system.menu_entry import describe_entry

    with open_library(library_path, create=True) as library:
        name = library.name
    command = [sys.executable, "-m", "soundkin", "app", "--library", name]
    if browser is not None:
        command += ["--browser", str(browser.absolute())]
    icon = (resources.files("soundkin") / "web" / "icon.svg").read_text("utf-8")
    entry = describe_entry(command, icon)
    if is_wanted:
        entry.write()
        click.echo(entry.path)
    elif entry.remove():
        _say(f"{entry.path}: removed")
    else:
        raise click.ClickException(f"{entry.path}: there is no such entry")


def _say(words: str) -> None:
    click.echo(words, err=True)
