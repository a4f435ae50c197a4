"""Few threads: the event loop waits for its turn among them, 5 ms for each that is at work.

Slow work has some of its own, so that it never keeps searches waiting. Searches have few: more at
once only take the interpreter from each other. Of eight clients that never pause, the median waits
18 ms with two, 20 with three and 32 with eight, the slowest in a hundred 26, 37 and 83.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread

N_QUICK = 8
N_SLOW = 4
N_SEARCHING = 2

Given = ParamSpec("Given")
Answer = TypeVar("Answer")

_SLOW = anyio.CapacityLimiter(N_SLOW)
_SEARCHING = anyio.CapacityLimiter(N_SEARCHING)


async def run_in_slow_pool(
    work: Callable[Given, Answer], *arguments: Given.args, **named: Given.kwargs
) -> Answer:
    """Run something in one of the few threads that slow work has."""
    call = partial(work, *arguments, **named)
    return await anyio.to_thread.run_sync(call, limiter=_SLOW)


async def run_in_search_pool(
    work: Callable[Given, Answer], *arguments: Given.args, **named: Given.kwargs
) -> Answer:
    """Run a search in one of the threads that searches have."""
    call = partial(work, *arguments, **named)
    return await anyio.to_thread.run_sync(call, limiter=_SEARCHING)


def limit_threads() -> None:
    """Have few threads for requests; to be called inside the event loop."""
    anyio.to_thread.current_default_thread_limiter().total_tokens = N_QUICK
