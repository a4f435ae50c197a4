"""Slow work in a few threads of its own, so that uploads never keep searches waiting."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread

N_SLOW = 4

Given = ParamSpec("Given")
Answer = TypeVar("Answer")

_LIMITER = anyio.CapacityLimiter(N_SLOW)


async def run_slowly(
    work: Callable[Given, Answer], *arguments: Given.args, **named: Given.kwargs
) -> Answer:
    """Run something in one of the few threads that slow work has."""
    call = partial(work, *arguments, **named)
    return await anyio.to_thread.run_sync(call, limiter=_LIMITER)
