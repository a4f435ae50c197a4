"""`soundkin serve --install`: what is written is what the system's keeper of services runs."""

from __future__ import annotations

import os
import plistlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from conftest import Soundkin
from soundkin.errors import ServerError
from soundkin.system.service import describe_service

TOKEN = "a token with 100 % and $HOME"
COMMAND = ["/opt/a b/python", "-m", "soundkin", "serve", "--library", '/x/50% of "$y"\\z.sqlite']


def unquote(line: str) -> list[str]:
    """Read what is quoted in a unit, as systemd.syntax(7) says."""
    quoted = re.findall(r'"((?:[^"\\]|\\.)*)"', line.replace("%%", "%"))
    return [re.sub(r"\\(.)", r"\1", part) for part in quoted]


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")
def test_the_service_that_is_installed_serves_the_page(tmp_path: Path) -> None:
    library = tmp_path / '50% of "mine" $HOME.sqlite'
    command = Soundkin(library)
    command.env |= {"XDG_CONFIG_HOME": str(tmp_path / "config"), "SOUNDKIN_TOKEN": TOKEN}
    port = find_free_port()
    done = command("serve", "--install", "--watch", "--port", port)
    unit = Path(done.stdout.strip())
    assert unit == tmp_path / "config" / "systemd" / "user" / "soundkin.service"
    assert "systemctl --user enable --now soundkin" in done.stderr
    assert stat.S_IMODE(unit.stat().st_mode) == 0o600  # the token is in it
    if analyse := shutil.which("systemd-analyze"):
        env = os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}
        verify = [analyse, "--user", "verify", unit]
        checked = subprocess.run(verify, env=env, check=False, capture_output=True, text=True)
        assert unit.name not in checked.stderr, checked.stderr
    lines = dict(line.split("=", 1) for line in unit.read_text("utf-8").splitlines() if "=" in line)
    assert lines["ExecStart"].startswith(":")
    name, _, token = unquote(lines["Environment"])[0].partition("=")
    assert (name, token) == ("SOUNDKIN_TOKEN", TOKEN)
    process = subprocess.Popen(
        unquote(lines["ExecStart"]),
        env=os.environ | {name: token},
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(f"http://127.0.0.1:{port}/".encode())
        headers = {"authorization": f"Bearer {TOKEN}"}
        answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/info", headers=headers)
        assert answer.status_code == 200
        assert library.exists()
    finally:
        process.send_signal(signal.SIGTERM)  # as systemd ends it
        process.communicate(timeout=30)
    assert process.returncode in {0, -signal.SIGTERM, 128 + signal.SIGTERM}


def test_an_agent_of_launchd_has_the_same_command() -> None:
    service = describe_service(COMMAND, {"SOUNDKIN_TOKEN": TOKEN}, "darwin")
    assert service.path == Path.home() / "Library/LaunchAgents/soundkin.serve.plist"
    agent = plistlib.loads(service.content)
    assert agent["ProgramArguments"] == COMMAND
    assert agent["EnvironmentVariables"] == {"SOUNDKIN_TOKEN": TOKEN}
    assert agent["RunAtLoad"]
    unit = describe_service(COMMAND, {}, "linux").content.decode()
    assert unquote(next(line for line in unit.splitlines() if line.startswith("Exec"))) == COMMAND


def test_where_there_are_no_services_the_command_is_told() -> None:
    with pytest.raises(ServerError, match=r'Task Scheduler .*"serve" "--library"'):
        describe_service(COMMAND, {}, "win32")


def test_a_service_needs_a_port_that_stays(soundkin: Soundkin) -> None:
    assert "--port" in soundkin("serve", "--install", "--port", 0, status=2).stderr
