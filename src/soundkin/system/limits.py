"""Limits of this process: memory, open files, heaps of threads."""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

MAX_FILES = 4096
M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -8, -3, -1  # as glibc's malloc.h has them
MOST_OF_HEAP = 32 << 20  # what is larger, glibc always takes from the system by itself
SERVER_HEAPS = 2  # over 2,200 mixed requests: 111 to 114 MB, and 163 to 176 with all of them
DECODING_BYTES = 2 << 30  # more than any decoder was seen to need: see docs/reliability.md


def prepare_server_process() -> None:
    """Prepare this process for serving; to be called once, before there are threads."""
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # broken forms are the sender's
    _allow_many_files()
    limit_heaps(SERVER_HEAPS)


def _allow_many_files() -> None:
    """Have more files open than a shell allows at first: each connection is one."""
    if sys.platform == "win32":  # where sockets are no files, and have no such limit
        return
    with suppress(ImportError, ValueError, OSError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(MAX_FILES, hard)
        if soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def limit_heaps(n: int) -> None:
    """Have the threads of this process share `n` heaps, with glibc, as long as there are no more.

    It makes eight for each processor, and keeps in each what was once freed there.
    """
    with suppress(OSError, AttributeError, TypeError):  # another C library
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, n)


def keep_heap(n_bytes: int) -> None:
    """Have this process keep up to so much of what it frees, with glibc, for what it takes next.

    Blocks of sound would else be given back at once, and each page be had anew, and cleared, for
    every step of every file: a twentieth of the time that indexing takes.
    """
    with suppress(OSError, AttributeError, TypeError):  # another C library
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, MOST_OF_HEAP)
        library.mallopt(M_TRIM_THRESHOLD, n_bytes)


def trim_heap() -> None:
    """Give back to the system what this process no longer uses."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def limit_memory(n_bytes: int) -> None:
    """Let this process take so much memory beyond what it has, where the system can see to that.

    What goes beyond is refused, which decoders report and Python raises as MemoryError.
    """
    if sys.platform == "win32":  # where a process cannot be limited so
        return
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
