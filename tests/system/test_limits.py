"""What a process keeps of the memory that it frees."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

COUNT_FAULTS = """
import resource, sys
import numpy as np
from soundkin.system.limits import keep_heap

def count():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if sys.argv[1] == "kept":
    keep_heap(64 << 20)
faults = []
for _ in range(6):
    before = count()
    blocks = [np.ones(1 << 20) for _ in range(4)]
    del blocks
    faults.append(count() - before)
print(max(faults[1:]))
"""


def count_faults(word: str) -> int:
    """Count the pages that four blocks of 8 MB take anew when there were such blocks before."""
    command = [sys.executable, "-c", COUNT_FAULTS, word]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps")
def test_memory_that_is_kept_is_not_had_anew() -> None:
    assert count_faults("kept") < 500 < count_faults("as it is")
