"""The library kept in step with its folders while the server runs, by a process of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from soundkin.server.jobs.job_process import PATIENCE_S, JobProcess


class Watcher:
    """Starts the process, passes on what it says, ends it."""

    def __init__(self, library: str, say: Callable[[str], None]) -> None:
        self._say = say
        self._process = JobProcess({"kind": "watch", "library": library})
        self._follower = threading.Thread(target=self._follow, daemon=True)
        self._follower.start()

    def _follow(self) -> None:
        for news in self._process.read_news():
            if news["event"] == "news":
                self._say(news["words"])
            elif news["event"] == "failed":
                self._say(f"no more watched: {news['detail']}")

    def close(self) -> None:
        """End it; what it did is kept."""
        self._say = lambda words: None
        self._process.end()
        self._follower.join(PATIENCE_S)
