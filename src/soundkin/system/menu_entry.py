"""An entry among the system's programs, which starts a command.

Linux and other systems with freedesktop.org's menus: a desktop file (Desktop Entry Specification
1.5) and an icon; macOS: an application bundle that runs a script; Windows: a script in the start
menu's folder.
"""

from __future__ import annotations

import os
import plistlib
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

NAME = "soundkin"
SUMMARY = "Find what sounds like this in your own audio"
ESCAPED = '"`$\\'  # within quotes of a desktop file


@dataclass(frozen=True)
class MenuEntry:
    """The files that make an entry, the one that a person sees first, and their text."""

    files: dict[Path, str]

    @property
    def path(self) -> Path:
        """What is shown among the programs: a file, or on macOS a bundle."""
        first = next(iter(self.files))
        bundles = [parent for parent in first.parents if parent.suffix == ".app"]
        return bundles[0] if bundles else first

    def write(self) -> None:
        """Write it, over one that is there.

        Raises
        ------
        OSError
            A file cannot be written.
        """
        for path, text in self.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            if text.startswith("#!"):
                path.chmod(0o755)

    def remove(self) -> bool:
        """Take it away; tell whether there was one.

        Raises
        ------
        OSError
            A file cannot be removed.
        """
        known = [path for path in self.files if path.exists()]
        for path in known:
            path.unlink()
        if self.path.suffix == ".app" and self.path.exists():
            shutil.rmtree(self.path)
        return bool(known)


def describe_entry(
    command: Sequence[str],
    icon: str,
    platform: str = sys.platform,
    environment: Mapping[str, str] = os.environ,
) -> MenuEntry:
    """Describe the entry that runs a command; `icon` is an SVG image."""
    home = Path(environment.get("HOME") or Path.home())
    if platform == "darwin":
        return _describe_bundle(command, home / "Applications" / f"{NAME}.app" / "Contents")
    if platform == "win32":
        roaming = Path(environment.get("APPDATA") or home / "AppData" / "Roaming")
        programs = roaming / "Microsoft" / "Windows" / "Start Menu" / "Programs"
        line = subprocess.list2cmdline(command).replace("%", "%%")
        return MenuEntry({programs / f"{NAME}.cmd": f'@start "" {line}\r\n'})
    data = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    image = data / "icons" / "hicolor" / "scalable" / "apps" / f"{NAME}.svg"
    lines = (
        "[Desktop Entry]",
        "Type=Application",
        f"Name={NAME}",
        f"Comment={SUMMARY}",
        f"Exec={' '.join(map(_quote, command))}",
        f"Icon={image}",
        f"StartupWMClass={NAME}",
        "Categories=AudioVideo;Audio;",
        "Keywords=sound;sample;search;",
        "Terminal=false",
    )
    return MenuEntry(
        {data / "applications" / f"{NAME}.desktop": "\n".join(lines) + "\n", image: icon}
    )


def _describe_bundle(command: Sequence[str], contents: Path) -> MenuEntry:
    properties = plistlib.dumps(
        {
            "CFBundleExecutable": NAME,
            "CFBundleIdentifier": f"org.{NAME}.app",
            "CFBundleName": NAME,
            "CFBundlePackageType": "APPL",
            "NSMicrophoneUsageDescription": "To search with what you play or sing.",
        }
    ).decode()
    script = f"#!/bin/sh\nexec {shlex.join(command)}\n"
    return MenuEntry({contents / "MacOS" / NAME: script, contents / "Info.plist": properties})


def _quote(word: str) -> str:
    """Quote an argument as desktop files want it: in double quotes, and no field codes."""
    quoted = "".join(f"\\{letter}" if letter in ESCAPED else letter for letter in word)
    # Values are strings of the file too, in which every backslash is written twice.
    return '"' + quoted.replace("\\", "\\\\").replace("%", "%%") + '"'
