"""`soundkin app`: the page in a window of its own, and the entry in the menu of programs."""

from __future__ import annotations

import os
import plistlib
import re
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from browsing import find_chromium
from conftest import Soundkin
from serving import serve
from soundkin.system.app_window import find_browser
from soundkin.system.menu_entry import describe_entry

COMMAND = ["/opt/some where/python", "-m", "soundkin", "app", "--library", '/a/50 % "$of\\it`.db']


@pytest.fixture
def app(soundkin: Soundkin, tmp_path: Path) -> Soundkin:
    """Run it with a folder of its own for what it keeps."""
    soundkin.env |= {"XDG_DATA_HOME": str(tmp_path / "data"), "HOME": str(tmp_path)}
    return soundkin


def make_browser(folder: Path) -> Path:
    """Make a command that is Chromium without a screen, to be asked from elsewhere."""
    script = folder / "browser"
    switches = "--headless=new --no-sandbox --disable-gpu --remote-debugging-port=0"
    script.write_text(f'#!/bin/sh\nexec {find_chromium()} {switches} "$@"\n')
    script.chmod(0o755)
    return script


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_page_has_a_window_of_its_own_and_ends_with_it(
    app: Soundkin, chromium: Browser, tmp_path: Path
) -> None:
    port = find_free_port()
    process = app.start("app", "--browser", make_browser(tmp_path), "--port", port)
    assert process.stdout is not None
    assert process.stdout.readline() == f"http://127.0.0.1:{port}/\n"
    deadline = time.monotonic() + 60
    while not (found := list((tmp_path / "data").glob("**/DevToolsActivePort"))):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    tools = found[0].read_text().split()[0]
    window = chromium.browser_type.connect_over_cdp(f"http://127.0.0.1:{tools}")
    page = window.contexts[0].pages[0]
    page.wait_for_load_state()
    assert page.url.startswith(f"http://127.0.0.1:{port}/")
    assert page.title().startswith("soundkin")
    session = window.new_browser_cdp_session()
    session.send("Browser.close")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert errors == ""


def test_a_second_window_of_a_library_goes_to_the_server_that_is_there(
    app: Soundkin, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {shlex.quote(str(told))}\n')
    browser.chmod(0o755)
    with serve(app) as server:
        port = server.address.rstrip("/").rpartition(":")[2]
        done = app("app", "--browser", browser, "--port", port)
        assert done.stdout.strip() == server.address
    deadline = time.monotonic() + 30
    while not told.exists() or not told.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert told.read_text() == f"--app={server.address}\n"


def test_a_port_that_something_else_has_is_left_to_it(app: Soundkin, tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text("#!/bin/sh\n")
    browser.chmod(0o755)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        done = app("app", "--browser", browser, "--port", taken)
    assert done.stdout.startswith("http://127.0.0.1:")
    assert f":{taken}/" not in done.stdout


def test_the_page_can_be_installed_by_a_browser(app: Soundkin, chromium: Browser) -> None:
    with serve(app) as server:
        page = chromium.new_page()
        page.goto(server.address)
        session = page.context.new_cdp_session(page)
        told = session.send("Page.getAppManifest")
        assert told["url"].endswith("/app.webmanifest")
        assert told["errors"] == []
        hindered = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
        assert [one["errorId"] for one in hindered] == ["in-incognito"]  # as all of this test is
        page.close()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other menus")
def test_the_menu_entry_starts_what_it_says(app: Soundkin, tmp_path: Path) -> None:
    path = Path(app("app", "--install").stdout.strip())
    assert path == tmp_path / "data/applications/soundkin.desktop"
    lines = dict(line.split("=", 1) for line in path.read_text().splitlines()[1:])
    assert Path(lines["Icon"]).read_text().startswith("<svg")
    words = shlex.split(lines["Exec"])
    assert words[1:] == ["-m", "soundkin", "app", "--library", str(app.library)]
    told = subprocess.run([*words[:4], "--help"], capture_output=True, text=True, check=True)
    assert "a window of its own" in told.stdout
    app("app", "--uninstall")
    assert not path.exists()
    assert not Path(lines["Icon"]).exists()
    assert "there is no such entry" in app("app", "--uninstall", status=2).stderr


def test_a_desktop_file_quotes_what_a_shell_would_read_otherwise(tmp_path: Path) -> None:
    entry = describe_entry(COMMAND, "<svg/>", "linux", {"XDG_DATA_HOME": str(tmp_path)})
    line = entry.files[tmp_path / "applications/soundkin.desktop"].partition("Exec=")[2]
    value = line.splitlines()[0].replace("\\\\", "\\")  # as any string of such a file is read
    words = re.findall(r'"((?:[^"\\]|\\.)*)"', value.replace("%%", "%"))
    assert [re.sub(r'\\(["`$\\])', r"\1", word) for word in words] == COMMAND


def test_macos_and_windows_have_entries_of_their_own(tmp_path: Path) -> None:
    bundle = describe_entry(COMMAND, "<svg/>", "darwin", {"HOME": str(tmp_path)})
    bundle.write()
    assert bundle.path == tmp_path / "Applications/soundkin.app"
    properties = plistlib.loads((bundle.path / "Contents/Info.plist").read_bytes())
    script = bundle.path / "Contents/MacOS" / properties["CFBundleExecutable"]
    assert os.access(script, os.X_OK)
    assert shlex.split(script.read_text().splitlines()[1]) == ["exec", *COMMAND]
    assert bundle.remove()
    assert not bundle.path.exists()
    windows = describe_entry(["C:\\P y\\python.exe", "app"], "", "win32", {"APPDATA": "R"})
    assert windows.files[windows.path] == '@start "" "C:\\P y\\python.exe" app\r\n'
    assert windows.path.as_posix() == "R/Microsoft/Windows/Start Menu/Programs/soundkin.cmd"


def test_browsers_are_looked_for_where_each_system_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_browser("win32", {"ProgramFiles": str(tmp_path)}) is None
    edge = tmp_path / r"Microsoft\Edge\Application\msedge.exe"
    edge.touch()
    assert find_browser("win32", {"ProgramFiles": str(tmp_path)}) == edge
    chromium = tmp_path / "chromium"
    chromium.write_text("#!/bin/sh\n")
    chromium.chmod(0o755)
    assert find_browser("linux", {}) == chromium
