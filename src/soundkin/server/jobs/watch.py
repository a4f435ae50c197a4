"""The library kept in step with its folders while the server runs, by a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

from soundkin.server.jobs.runner import PROCESS

PATIENCE_S = 3.0  # for it to stop by itself


class Watcher:
    """Starts the process, passes on what it says, ends it."""

    def __init__(self, library: str, say: Callable[[str], None]) -> None:
        self._say = say
        self._process = subprocess.Popen(
            [sys.executable, *PROCESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        order = {"kind": "watch", "library": library}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        self._follower = threading.Thread(target=self._follow, daemon=True)
        self._follower.start()

    def _follow(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            news = json.loads(line)
            if news["event"] == "news":
                self._say(news["words"])
            elif news["event"] == "failed":
                self._say(f"no more watched: {news['detail']}")

    def close(self) -> None:
        """End it; what it did is kept."""
        self._say = lambda words: None
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._follower.join(PATIENCE_S)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
