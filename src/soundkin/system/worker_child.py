"""The worker's own side: its streams, its answers, and signs of life while it works."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import IO, Any

HEARTBEAT_S = 1.0


def _say_nothing() -> None:
    pass


_say: Callable[[], None] = _say_nothing


def heartbeat() -> None:
    """Say that the work goes on; to be called in whatever may take long, cheaply often."""
    _say()


def set_heartbeat(say: Callable[[], None]) -> None:
    """Have every beat of this process told by `say`, from now on."""
    global _say
    _say = say


def open_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Open a process's requests and answers; Ctrl-C is the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # native decoders may print
    return sys.stdin.buffer, answers


def write_answer(stream: IO[bytes], answer: dict[str, Any], *arrays: Any) -> None:
    """Write a line, and contiguous arrays after it."""
    stream.write(json.dumps(answer).encode() + b"\n")
    for array in arrays:
        stream.write(array.data)
    stream.flush()


def declare_ready(stream: IO[bytes]) -> None:
    """Say that requests may come, and give signs of life from now on, one a second at most."""
    last_s = time.monotonic()

    def say() -> None:
        nonlocal last_s
        now_s = time.monotonic()
        if now_s - last_s >= HEARTBEAT_S:
            last_s = now_s
            stream.write(b"\n")
            stream.flush()

    set_heartbeat(say)
    write_answer(stream, {"ready": True})
