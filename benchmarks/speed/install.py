"""The wheel installed by uv and by pipx, without a network, from a folder of wheels.

    pip download -c constraints.txt -d WHEELS dist/soundkin-*.whl pip
    python -m benchmarks.speed.install WHEELS

Each works in an empty home, behind a wall around the network where this system can put one up. What
they installed then indexes the demo's sounds and searches them. uv and pipx are taken from the
search path; one that is missing is left out.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.harness.commands import describe_machine, print_table

DEMO = Path(__file__).parents[2] / "demo" / "sounds"
WALLS = (["unshare", "-n"], ["unshare", "-rn"])
KEPT = ("PATH", "LANG", "SYSTEMROOT", "TEMP")


def find_wall() -> list[str]:
    """Find how to run a command in a network that leads nowhere; nothing where it cannot be had."""
    for wall in WALLS if shutil.which("unshare") else ():
        if not subprocess.run([*wall, "true"], check=False, capture_output=True).returncode:
            return wall
    return []


def list_ways(wheels: Path, home: Path) -> dict[str, tuple[list[str], dict[str, str]]]:
    """List the commands that install, and what they are told by the environment."""
    folder = str(wheels.absolute())
    uv = {"UV_OFFLINE": "1", "UV_NO_INDEX": "1", "UV_FIND_LINKS": folder}
    uv |= {"UV_TOOL_DIR": str(home / "uv"), "UV_TOOL_BIN_DIR": str(home / "bin")}
    uv |= {"UV_CACHE_DIR": str(home / "uv-cache"), "UV_LINK_MODE": "copy"}
    pipx = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": folder, "PIP_CONFIG_FILE": os.devnull}
    pipx |= {"PIPX_HOME": str(home / "pipx"), "PIPX_BIN_DIR": str(home / "bin")}
    return {
        "uv tool install": (
            ["uv", "tool", "install", "--no-config", "--python", sys.executable, "soundkin"],
            uv,
        ),
        # which asks uv to install where that is there
        "pipx install": (["pipx", "install", "--python", sys.executable, "soundkin"], uv | pipx),
    }


def try_way(name: str, wheels: Path, wall: list[str]) -> list[str]:
    """Install in one way, index and search; returns a row of what it took."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        command, told = list_ways(wheels, home)[name]
        env = {key: os.environ[key] for key in KEPT if key in os.environ}
        env |= {"HOME": folder, "SOUNDKIN_LIBRARY": str(home / "library.sqlite"), **told}

        def run(*words: object) -> str:
            done = subprocess.run(
                [*wall, *map(str, words)], env=env, cwd=home, capture_output=True, text=True,
                check=False,
            )  # fmt: skip
            if done.returncode:
                raise SystemExit(f"failed: {' '.join(map(str, words))}\n{done.stderr}")
            return done.stdout

        started = time.perf_counter()
        run(*command)
        installed_s = time.perf_counter() - started
        kept = home / ("uv" if command[0] == "uv" else "pipx")
        files = [path for path in kept.rglob("*") if path.is_file() and not path.is_symlink()]
        n_bytes = sum(path.stat().st_size for path in files)
        own = shutil.which("soundkin", path=str(home / "bin"))
        version = run(own, "--version").strip()
        started = time.perf_counter()
        run(own, "index", DEMO, "--quiet")
        indexed_s = time.perf_counter() - started
        first = run(own, "search", DEMO / "bd_tek.flac", "--exclude-self", "--top", 1, "--paths")
        return [
            *(name, version, f"{installed_s:.0f}", f"{n_bytes / 1e6:.0f}", f"{indexed_s:.1f}"),
            Path(first.strip()).name,
        ]


def main() -> None:
    """Try every way there is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheels", type=Path)
    wheels = parser.parse_args().wheels
    wall = find_wall()
    print(f"{describe_machine()}; {'no network' if wall else 'the network was not shut off'}\n")
    rows = []
    for name, (command, _) in list_ways(wheels, Path()).items():
        if shutil.which(command[0]):
            rows.append(try_way(name, wheels, wall))
        else:
            print(f"{command[0]} is not installed: pip install {command[0]}")
    columns = ["way", "gives", "seconds", "MB", "58 sounds indexed, s", "nearest to bd_tek"]
    print_table(columns, rows)


if __name__ == "__main__":
    main()
