"""What soundkin brings along: the metadata of what is installed here, followed to its end."""

from __future__ import annotations

import importlib.metadata
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def list_dependencies(
    markers: Mapping[str, str] | None = None, extras: Iterable[str] = ()
) -> dict[str, importlib.metadata.Distribution | None]:
    """List the packages that an install brings, by name; None for what is not installed here.

    Parameters
    ----------
    markers
        How the system differs from this one, as `sys_platform`, `platform_machine` or
        `python_version`.
    extras
        Extras of soundkin to have beside the default.
    """
    surroundings = {**default_environment(), **(markers or {})}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    texts = [*project["dependencies"]]
    for extra in extras:
        texts += project["optional-dependencies"][extra]
    waiting = [(Requirement(text), "") for text in texts]
    found: dict[str, importlib.metadata.Distribution | None] = {}
    seen: set[tuple[str, str]] = set()
    while waiting:
        wanted, within = waiting.pop()
        if wanted.marker and not wanted.marker.evaluate({**surroundings, "extra": within}):
            continue
        name = canonicalize_name(wanted.name)
        for extra in {"", *wanted.extras}:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            if name not in found:
                found[name] = _find(name)
            requires = (found[name] and found[name].requires) or ()
            waiting += [(Requirement(text), extra) for text in requires]
    return found


def _find(name: str) -> importlib.metadata.Distribution | None:
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None
