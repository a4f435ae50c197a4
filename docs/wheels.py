"""For which systems and Pythons the default dependencies have wheels, in docs/installing.md.

    python -m docs.wheels [--extra train]... [--print]

Asks the package index that pip is set up with, about the versions of constraints.txt. What is pure
Python is counted, the rest gets a row. Other extras than the default are printed only.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from docs.dependencies import ROOT, list_dependencies

PAGE = ROOT / "docs" / "installing.md"
BEGIN, END = "<!-- python -m docs.wheels -->", "<!-- end -->"
PYTHONS = ((3, 11), (3, 12), (3, 13), (3, 14))
JSON = "application/vnd.pypi.simple.v1+json"  # PEP 691
GLIBC = [(2, minor) for minor in range(5, 36)]
MACOS = [(10, minor) for minor in range(9, 17)] + [(major, 0) for major in range(11, 16)]
LEGACY = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}


@dataclass(frozen=True, eq=False)
class System:
    """A system as people have it: what markers call it, and the platforms of its wheels."""

    name: str
    markers: Mapping[str, str]
    platforms: tuple[str, ...]


def _name_linux(machine: str) -> tuple[str, ...]:
    new = [f"manylinux_{a}_{b}_{machine}" for a, b in GLIBC]
    return (*new, *(f"{name}_{machine}" for name in LEGACY), f"linux_{machine}")


def _name_macos(machine: str) -> tuple[str, ...]:
    kinds = (machine, "universal2", *(["intel"] if machine == "x86_64" else []))
    return tuple(f"macosx_{a}_{b}_{kind}" for a, b in MACOS for kind in kinds)


_LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
_MACOS = {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"}
_WINDOWS = {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"}
SYSTEMS = (
    System("Linux x86", _LINUX | {"platform_machine": "x86_64"}, _name_linux("x86_64")),
    System("Linux Arm", _LINUX | {"platform_machine": "aarch64"}, _name_linux("aarch64")),
    System("macOS Arm", _MACOS | {"platform_machine": "arm64"}, _name_macos("arm64")),
    System("macOS Intel", _MACOS | {"platform_machine": "x86_64"}, _name_macos("x86_64")),
    System("Windows x86", _WINDOWS | {"platform_machine": "AMD64"}, ("win_amd64",)),
    System("Windows Arm", _WINDOWS | {"platform_machine": "ARM64"}, ("win_arm64",)),
)


def main() -> None:
    """Ask, and write the table or print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extra", action="append", default=[])
    parser.add_argument("--print", action="store_true", dest="is_printed")
    options = parser.parse_args()
    lines = list(describe(read_pins(), options.extra))
    if options.extra or options.is_printed:
        print("\n".join(lines))
        return
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text("\n".join([f"{before}{BEGIN}", *lines, f"{END}{after}"]), "utf-8")


def describe(pins: Mapping[str, str], extras: Iterable[str]) -> Iterator[str]:
    """Describe as lines of Markdown what is there for whom."""
    wheels: dict[str, list[frozenset[Tag]]] = {}
    needed: dict[str, set[tuple[System, tuple[int, int]]]] = {}
    for system in SYSTEMS:
        for python in PYTHONS:
            for name in list_needed(system, python, extras):
                needed.setdefault(name, set()).add((system, python))
    for name in needed:
        wheels[name] = list(find_wheels(name, pins.get(name)))
    compiled = sorted(name for name in needed if not any(map(_is_pure, wheels[name])))
    yield f"| package | {' | '.join(system.name for system in SYSTEMS)} |"
    yield f"|---{'|---' * len(SYSTEMS)}|"
    for name in compiled:
        cells = [
            _describe_cell(
                [p for p in PYTHONS if (system, p) in needed[name]], wheels[name], system
            )
            for system in SYSTEMS
        ]
        yield f"| {name} {pins.get(name, '')} | {' | '.join(cells)} |"
    yield ""
    yield f"The other {len(needed) - len(compiled)} packages are pure Python."


def list_needed(system: System, python: tuple[int, int], extras: Iterable[str]) -> set[str]:
    """List what soundkin brings along on a system."""
    version = ".".join(map(str, python))
    versions = {"python_version": version, "python_full_version": f"{version}.0"}
    return set(list_dependencies({**system.markers, **versions}, extras))


def find_wheels(name: str, version: str | None) -> Iterator[frozenset[Tag]]:
    """Find the wheels of a version, or of the newest where none is pinned, as their tags."""
    request = urllib.request.Request(f"{find_index()}/{name}/", headers={"Accept": JSON})
    with urllib.request.urlopen(request, timeout=60) as answer:
        files = json.load(answer)["files"]
    found = []
    for file in files:
        with suppress(InvalidWheelFilename):  # an sdist, or an old one's mistake
            if not file.get("yanked"):
                found.append(parse_wheel_filename(file["filename"]))
    newest = version or str(max(one for _, one, _, _ in found))
    for _, one, _, tags in found:
        if str(one) == newest:
            yield tags


def find_index() -> str:
    """Find the address of the package index that pip asks."""
    command = [sys.executable, "-m", "pip", "config", "get"]
    for name in (":env:.index-url", "install.index-url", "global.index-url"):
        done = subprocess.run([*command, name], check=False, capture_output=True, text=True)
        if done.returncode == 0 and done.stdout.strip():
            return done.stdout.strip().rstrip("/")
    from pip._internal.models.index import PyPI

    return PyPI.simple_url.rstrip("/")


def read_pins() -> dict[str, str]:
    """Read the versions of constraints.txt by name."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in pins}


def _is_pure(tags: frozenset[Tag]) -> bool:
    return any(tag.platform == "any" for tag in tags)


def _describe_cell(
    pythons: list[tuple[int, int]], wheels: list[frozenset[Tag]], system: System
) -> str:
    """Say for which of the Pythons a system has a wheel, and from which version of it on."""
    if not pythons:
        return "not needed"
    found = [python for python in pythons if _find_oldest(wheels, python, system) is not None]
    oldest = {_find_oldest(wheels, python, system) for python in found}
    since = next(iter(sorted(filter(None, oldest), reverse=True)), None)
    if not found:
        return "**none**"
    missing = [f"{a}.{b}" for a, b in pythons if (a, b) not in found]
    kind = {"linux": "glibc ", "darwin": "macOS "}.get(system.markers["sys_platform"], "")
    told = f"{kind}{'.'.join(map(str, since))}" if since and kind else "yes"
    return f"{told}, **not {', '.join(missing)}**" if missing else told


def _find_oldest(
    wheels: list[frozenset[Tag]], python: tuple[int, int], system: System
) -> tuple[int, int] | None:
    """Find from which version on a system can take one of the wheels; None where it cannot."""
    tags = (tag for tags in wheels for tag in tags if tag.platform in system.platforms)
    return min((_read_version(tag.platform) for tag in tags if _fits(tag, python)), default=None)


def _fits(tag: Tag, python: tuple[int, int]) -> bool:
    """Tell whether CPython of a version takes a wheel (PEP 425)."""
    own = f"cp{python[0]}{python[1]}"
    since = re.fullmatch(rf"cp{python[0]}(\d+)", tag.interpreter)
    if tag.abi == "abi3":
        return since is not None and int(since[1]) <= python[1]
    is_ours = tag.interpreter in {own, f"py{python[0]}", f"py{python[0]}{python[1]}"}
    return is_ours and tag.abi in {own, "none"}


def _read_version(platform: str) -> tuple[int, int]:
    legacy = LEGACY.get(platform.partition("_")[0])
    if legacy:
        return legacy
    found = re.match(r"(?:manylinux|macosx)_(\d+)_(\d+)_", platform)
    return (int(found[1]), int(found[2])) if found else (0, 0)


if __name__ == "__main__":
    main()
