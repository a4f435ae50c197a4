"""A process that does one job: started with an order, heard, interrupted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

MODULE = ("-P", "-m", "soundkin.server.jobs.process")
PATIENCE_S = 3.0  # for a job to stop by itself


class JobProcess:
    """Such a process, at work from the start; see `soundkin.server.jobs.process`."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        with suppress(OSError):  # a process that is dead already is told by its exit status
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()

    def read_news(self) -> Iterator[dict[str, Any]]:
        """Yield what it says, until it ends."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            yield json.loads(line)
        for stream in (self._process.stdout, self._process.stdin):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def wait(self) -> int:
        """Wait for its end; returns its exit status."""
        return self._process.wait()

    def interrupt(self) -> None:
        """Ask it to stop; what it did is kept."""
        self._process.send_signal(signal.SIGINT)

    def end(self) -> None:
        """Interrupt it, and kill it where it does not heed that."""
        self.interrupt()
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
