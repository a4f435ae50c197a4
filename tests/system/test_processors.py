"""How many processors may be used: bound to some, or granted the time of some by a container."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from soundkin.system import processors

COUNT = "from soundkin.system.processors import count_processors; print(count_processors())"


def make_system(root: Path, groups: str, files: dict[str, str]) -> Path:
    """Write what the kernel shows of control groups."""
    for name, text in ({"proc/self/cgroup": groups} | files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", "utf-8")
    return root


@pytest.mark.parametrize(
    ("groups", "files", "quota"),
    [
        ("0::/", {}, math.inf),
        ("0::/", {"cpu.max": "max 100000"}, math.inf),
        ("0::/", {"cpu.max": "150000 100000"}, 1.5),
        ("0::/a/b", {"a/cpu.max": "200000 100000", "a/b/cpu.max": "max 100000"}, 2),
        ("0::/docker/of-the-host", {"cpu.max": "50000 100000"}, 0.5),
        ("3:memory:/\n2:cpu,cpuacct:/", {"cpu,cpuacct/cpu.cfs_quota_us": "-1"}, math.inf),
        (
            "2:cpu:/x\n0::/",
            {"cpu/x/cpu.cfs_quota_us": "300000", "cpu/x/cpu.cfs_period_us": "100000"},
            3,
        ),
        ("0::/", {"cpu.max": "in another form"}, math.inf),
    ],
)
def test_quotas_of_control_groups_are_read(
    tmp_path: Path, groups: str, files: dict[str, str], quota: float
) -> None:
    root = make_system(tmp_path, groups, {f"sys/fs/cgroup/{name}": files[name] for name in files})
    assert processors.read_quota(root) == quota


def test_where_there_are_no_control_groups_there_is_no_quota(tmp_path: Path) -> None:
    assert processors.read_quota(tmp_path) == math.inf


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_a_process_bound_to_one_processor_counts_one() -> None:
    bind = f"import os; os.sched_setaffinity(0, {{{min(os.sched_getaffinity(0))}}}); "
    done = subprocess.run([sys.executable, "-c", bind + COUNT], check=True, capture_output=True)
    assert int(done.stdout) == 1


def test_libraries_start_no_more_threads_than_a_quota_grants_unless_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processors, "_count_bound", lambda: 64)
    for name in processors.THREAD_SETTINGS:
        monkeypatch.delenv(name, raising=False)
    processors.limit_library_threads()  # without a quota all is left as it is
    monkeypatch.setattr(processors, "_read_own_quota", lambda: math.inf)
    processors.limit_library_threads()
    assert not set(processors.THREAD_SETTINGS) & os.environ.keys()
    monkeypatch.setattr(processors, "_read_own_quota", lambda: 1.5)
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    processors.limit_library_threads()
    assert [os.environ[name] for name in processors.THREAD_SETTINGS] == ["5", "2", "2"]
    assert processors.count_processors() == 2
