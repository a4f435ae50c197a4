"""Limits of this process: memory, open files, heaps of threads."""

from __future__ import annotations

import ctypes
import logging
import os
from contextlib import suppress
from pathlib import Path

MAX_FILES = 4096
M_ARENA_MAX = -8  # as glibc's malloc.h has it
N_HEAPS = 2
DECODING_BYTES = 2 << 30  # more than any decoder was seen to need: see docs/reliability.md


def prepare_server_process() -> None:
    """Prepare this process for serving; to be called once, before there are threads."""
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # broken forms are the sender's
    _allow_many_files()
    _keep_memory_together()


def _allow_many_files() -> None:
    """Have more files open than a shell allows at first: each connection is one."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(MAX_FILES, hard)
        if soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _keep_memory_together() -> None:
    """Have few heaps, with glibc: it makes eight for each processor, whose gaps nobody uses again.

    Measured over 2,200 mixed requests: 163 to 176 MB with all of them, 111 to 114 with two.
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, N_HEAPS)


def share_heap() -> None:
    """Have all threads of this process share one heap, as long as it has no others.

    Ray and Lance have dozens of threads, and glibc keeps for each what it once freed: a driver
    then grows with the number of files. It allocates too little for the threads to get in each
    other's way.
    """
    with suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def trim_heap() -> None:
    """Give back to the system what this process no longer uses."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def limit_memory(n_bytes: int) -> None:
    """Let this process take so much memory beyond what it has, where the system can see to that.

    What goes beyond is refused, which decoders report and Python raises as MemoryError.
    """
    with suppress(ImportError, ValueError, OSError):
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        physical = os.sysconf("SC_PHYS_PAGES")
        most = (pages + physical) * os.sysconf("SC_PAGE_SIZE")
        limit = min(pages * os.sysconf("SC_PAGE_SIZE") + n_bytes, most)
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        if hard != resource.RLIM_INFINITY:
            limit = min(limit, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
