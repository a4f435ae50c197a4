"""How many processors this process may use: those it is bound to, and what its container grants.

Linux grants time by control groups: `cpu.max` of their second version, `cpu.cfs_quota_us` of the
first (docs.kernel.org, admin-guide). Threads beyond that wait for each other.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path, PurePosixPath

# What libraries read while they are loaded, each for its own threads.
THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def count_processors() -> int:
    """Count the processors this process may use, 1 or more; a part of one counts as one."""
    return max(1, math.ceil(min(_count_bound(), _read_own_quota())))


def limit_library_threads() -> None:
    """Have libraries that are yet to be loaded start no more threads than a quota grants.

    They heed what this process is bound to, but no quota. What a user has set stays, and nothing
    is set where there is no quota. Processes started from here have it too.
    """
    n_processors = count_processors()
    if n_processors < _count_bound():
        for name in THREAD_SETTINGS:
            os.environ.setdefault(name, str(n_processors))


def read_quota(root: Path = Path("/")) -> float:
    """Read how many processors' time this process's control groups grant; infinity where none."""
    try:
        lines = (root / "proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:  # another system, or its files are hidden
        return math.inf
    found = [math.inf]
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if not controllers or "cpu" in controllers.split(","):
            mounted = root / "sys/fs/cgroup" / controllers
            # In a container its own group is the root, whatever name the host has for it.
            for name in (group, *map(str, PurePosixPath(group).parents)):
                found += _read_group(mounted / name.lstrip("/"))
    return min(found)


def _read_group(folder: Path) -> Iterator[float]:
    with suppress(OSError, ValueError, ZeroDivisionError):  # "max" is no number
        granted, period = (folder / "cpu.max").read_text("utf-8").split()
        yield int(granted) / int(period)
    with suppress(OSError, ValueError, ZeroDivisionError):
        granted_us = int((folder / "cpu.cfs_quota_us").read_text("utf-8"))
        if granted_us > 0:
            yield granted_us / int((folder / "cpu.cfs_period_us").read_text("utf-8"))


_read_own_quota = lru_cache(read_quota)


def _count_bound() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
