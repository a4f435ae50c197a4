"""What the default install brings along, and that none of it reaches the network."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from packaging.utils import canonicalize_name

from conftest import DEMO_SOUNDS, Soundkin
from docs.dependencies import list_dependencies

ROOT = Path(__file__).parents[2]
PERMISSIVE = re.compile(
    r"\b(MIT|MIT-0|MIT-CMU|BSD|0BSD|BSD-[23]-Clause|[23]-Clause BSD|Apache|Apache-2\.0|ISC|Zlib"
    r"|CC0-1\.0|PSF-2\.0|Unlicense)\b"
)
# Weakly copyleft, known and named: a shared library that anyone may replace.
EXCEPTIONS = {"soxr": "LGPL-2.1-or-later"}
NO_SOCKETS = """
import socket

def refuse(*arguments, **options):
    raise AssertionError(f"the network is asked for: {arguments}")

for name in ("connect", "connect_ex", "sendto", "bind"):
    setattr(socket.socket, name, refuse)
socket.create_connection = socket.getaddrinfo = socket.gethostbyname = refuse
"""


def list_default_install() -> dict[str, importlib.metadata.Distribution]:
    """List what `pip install soundkin` brings, by name."""
    return {name: found for name, found in list_dependencies().items() if found is not None}


def read_licence(distribution: importlib.metadata.Distribution) -> str:
    """Read under which licence a package says that it is."""
    facts = distribution.metadata
    classifiers = [text for text in facts.get_all("Classifier", []) if "License ::" in text]
    said = facts.get("License-Expression") or " ".join(classifiers) or facts.get("License") or ""
    return " ".join(said.split())


def test_the_default_install_is_under_permissive_licences() -> None:
    for name, distribution in list_default_install().items():
        licence = read_licence(distribution)
        if name in EXCEPTIONS:
            assert licence == EXCEPTIONS[name]
            continue
        assert "GPL" not in licence.upper(), name
        assert PERMISSIVE.search(licence), (name, licence)


def test_every_package_of_the_default_install_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.\-]+==[\w.!+]+(\s*;.*)?", pin) for pin in pins)
    pinned = {canonicalize_name(pin.split("==")[0]) for pin in pins}
    assert pinned >= list_default_install().keys()


def find_wall() -> list[str]:
    """Find how to run a command in a network of its own, that leads nowhere; else nothing."""
    unshare = shutil.which("unshare")
    for options in (["-n"], ["-rn"]):
        wall = [unshare or "unshare", *options]
        if (
            unshare
            and subprocess.run([*wall, "true"], check=False, capture_output=True).returncode == 0
        ):
            return wall
    return []


def test_indexing_and_searching_never_ask_for_the_network(
    soundkin: Soundkin, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_SOCKETS)
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    soundkin.env["PYTHONPATH"] = os.pathsep.join(paths)
    refused = subprocess.run(
        [sys.executable, "-c", "import socket; socket.create_connection(('127.0.0.1', 9))"],
        env=soundkin.env,
        check=False,
        capture_output=True,
        text=True,
    )
    assert "the network is asked for" in refused.stderr  # so the wall stands
    assert "58 embedded" in soundkin("index", DEMO_SOUNDS).stdout
    sound = DEMO_SOUNDS / "bd_tek.flac"
    assert soundkin.json("search", sound, "--from", 0.05, "--why")
    soundkin("embed", sound, "-o", tmp_path / "a.npz")
    for command in (["search", sound], ["deform", sound, "-o", tmp_path / "heard"]):
        done = subprocess.run(
            [*find_wall(), sys.executable, "-m", "soundkin", *map(str, command)],
            env=soundkin.env,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
