"""The page in a window of its own: a browser of the system in its app mode.

Chromium and what is built on it show an address without tabs and address bar (`--app`). With a
profile of its own such a browser is a process of its own, which ends with its window.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

COMMANDS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    *("microsoft-edge", "microsoft-edge-stable", "brave-browser", "vivaldi", "opera"),
)
MACOS_APPS = ("Google Chrome", "Chromium", "Microsoft Edge", "Brave Browser", "Vivaldi")
WINDOWS_PROGRAMS = (
    r"Google\Chrome\Application\chrome.exe",
    r"Chromium\Application\chrome.exe",
    r"Microsoft\Edge\Application\msedge.exe",
    r"BraveSoftware\Brave-Browser\Application\brave.exe",
    r"Vivaldi\Application\vivaldi.exe",
)
WINDOWS_FOLDERS = ("ProgramFiles", "ProgramFiles(x86)", "LocalAppData")
SIZE = "1360,900"


def find_browser(
    platform: str = sys.platform, environment: Mapping[str, str] = os.environ
) -> Path | None:
    """Find a browser that has an app mode; None where there is none."""
    for path in _list_places(platform, environment):
        if path.is_file():
            return path
    found = filter(None, (shutil.which(name) for name in COMMANDS))
    return next((Path(name) for name in found), None)


def _list_places(platform: str, environment: Mapping[str, str]) -> Iterator[Path]:
    """List where macOS and Windows have browsers, whose commands are on no search path."""
    if platform == "darwin":
        for folder in (Path("/Applications"), Path.home() / "Applications"):
            yield from (folder / f"{name}.app/Contents/MacOS/{name}" for name in MACOS_APPS)
    elif platform == "win32":
        folders = [environment[name] for name in WINDOWS_FOLDERS if name in environment]
        yield from (Path(folder, name) for name in WINDOWS_PROGRAMS for folder in folders)


def open_window(browser: Path, address: str, profile: Path) -> subprocess.Popen[bytes]:
    """Show an address in a window of its own; the process that is returned ends with it.

    `profile` is the folder in which the browser keeps what the page remembers. Where a window of
    that profile is open, it is that process which shows the address, and this one ends at once.

    Raises
    ------
    OSError
        The browser cannot be started, or the folder not be made.
    """
    profile.mkdir(parents=True, exist_ok=True)
    switches = ("--no-first-run", "--no-default-browser-check", "--class=soundkin")
    return subprocess.Popen(
        [
            browser,
            f"--app={address}",
            f"--user-data-dir={profile}",
            f"--window-size={SIZE}",
            *switches,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
