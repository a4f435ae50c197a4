"""A command as a service of its user: a unit of systemd, or an agent of launchd.

systemd.unit(5), systemd.service(5) and systemd.syntax(7); launchd.plist(5).
"""

from __future__ import annotations

import plistlib
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from soundkin.errors import ServerError

LABEL = "soundkin.serve"
OWNER_ONLY = 0o600  # a token may be in it
RESTART_S = 5


@dataclass(frozen=True)
class Service:
    """A file that the system's keeper of services reads, and what a person types to start it."""

    path: Path
    content: bytes
    start: str
    stop: str

    def write(self) -> None:
        """Write the file, for its owner alone; what was there is replaced."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(OWNER_ONLY)
        self.path.chmod(OWNER_ONLY)
        self.path.write_bytes(self.content)


def describe_service(
    command: Sequence[str], environment: Mapping[str, str], system: str = sys.platform
) -> Service:
    """Describe the service that runs a command from a user's login on, and anew if it fails.

    Raises
    ------
    ServerError
        The system keeps no services of a user; it says what to do instead.
    """
    if system == "darwin":
        return _describe_agent(command, environment)
    if system == "win32":
        task = " ".join(f'"{part}"' for part in command)
        raise ServerError(
            "Windows keeps no services of a user; let its Task Scheduler run this at logon: " + task
        )
    return _describe_unit(command, environment)


def _describe_unit(command: Sequence[str], environment: Mapping[str, str]) -> Service:
    lines = [
        "[Unit]",
        "Description=soundkin: find what sounds like this",
        "",
        "[Service]",
        # The colon: dollar signs of paths are no variables.
        "ExecStart=:" + " ".join(map(_quote, command)),
        *(f"Environment={_quote(f'{name}={text}')}" for name, text in environment.items()),
        "Restart=on-failure",
        f"RestartSec={RESTART_S}",
        "NoNewPrivileges=yes",
        "",
        "[Install]",
        "WantedBy=default.target",
        "",
    ]
    path = platformdirs.user_config_path("systemd") / "user" / "soundkin.service"
    start = "systemctl --user daemon-reload && systemctl --user enable --now soundkin"
    stop = f"systemctl --user disable --now soundkin && rm {shlex.quote(str(path))}"
    return Service(path, "\n".join(lines).encode(errors="surrogateescape"), start, stop)


def _quote(text: str) -> str:
    r"""Quote as systemd reads it: within `"`, `\` before what it means, per cent signs twice."""
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("%", "%%")
    return f'"{text}"'


def _describe_agent(command: Sequence[str], environment: Mapping[str, str]) -> Service:
    content = plistlib.dumps(
        {
            "Label": LABEL,
            "ProgramArguments": list(command),
            "EnvironmentVariables": dict(environment),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": RESTART_S,
        }
    )
    path = Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"
    name = shlex.quote(str(path))
    return Service(
        path, content, f"launchctl load -w {name}", f"launchctl unload -w {name} && rm {name}"
    )
