"""What is measured in a process of its own: the memory it took, the time of single queries."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import ParamSpec, TypeVar

WARM_UP = 20
FEWEST = 20
TURNS = 3

P = ParamSpec("P")
A = TypeVar("A")
T = TypeVar("T")


class FailedError(Exception):
    """A process ended before it had an answer, or answered with an exception."""


def run_apart(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a fresh process, so that neither its memory nor its end is shared."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            return pool.submit(function, *args, **kwargs).result()
        except BrokenProcessPool as error:
            raise FailedError("its process was killed; most likely memory ran out") from error
        except Exception as error:
            raise FailedError(f"{type(error).__name__}: {error}") from error


def read_memory_mb(*, whole: bool = False) -> float:
    """Read this process's memory: its own, or with pages of files mapped into it (`whole`)."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # what was freed must not count
    key = "VmRSS:" if whole else "RssAnon:"
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(key)) * 1024 / 1e6


def pin_to_one_core() -> None:
    """Leave every thread of this process, and those to come, a single core."""
    core = {max(os.sched_getaffinity(0))}
    for task in Path("/proc/self/task").iterdir():
        os.sched_setaffinity(int(task.name), core)


def time_calls(
    call: Callable[[A], T], arguments: Sequence[A], budget_s: float
) -> tuple[list[T], list[float]]:
    """Call once for each argument, or so often as there is time for; results, milliseconds.

    Each is called again where there is still time, and the shortest counts, so that whatever else
    runs on the machine does not. Some calls before make caches warm.
    """
    started = time.perf_counter()
    for argument in arguments[:WARM_UP]:
        call(argument)
        if time.perf_counter() - started > budget_s / 4:
            break
    results: list[T] = []
    times: list[float] = []
    started = time.perf_counter()
    for turn in range(TURNS):
        for number, argument in enumerate(arguments[: len(results)] if turn else arguments):
            is_late = time.perf_counter() - started > budget_s
            if is_late and (turn or len(results) >= FEWEST):
                return results, times
            before = time.perf_counter()
            result = call(argument)
            taken_ms = 1e3 * (time.perf_counter() - before)
            if turn:
                times[number] = min(times[number], taken_ms)
            else:
                results.append(result)
                times.append(taken_ms)
    return results, times
