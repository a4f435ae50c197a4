"""What the file system tells of folders: which paths changed, and when a folder must be walked.

News comes from the system (inotify, FSEvents, …) through watchfiles. It is not all there is to
know: none comes of a drive that is unplugged or plugged in, none of a network share's other users,
and some is lost where there is too much of it. So each root, and what is mounted in it, is looked
at as well, and whoever cannot rely on the news is told to walk.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from watchfiles._rust_notify import RustNotify

MOUNTS = Path("/proc/self/mountinfo")
BURST = 1000  # so many changes at once, and the system may have dropped some
WALK_EVERY_S = 3600.0  # for what no news came of
POLL_EVERY_S = 60.0  # where no news can be had at all
STEP_MS = 100
NO_NEWS = (
    "the system cannot tell of changes ({reason}); all folders are walked every {every:.0f} s"
    " instead. On Linux raise the limits: sudo sysctl fs.inotify.max_user_watches=1048576"
    " fs.inotify.max_user_instances=1024"
)
AWAY = "not there any more; what is known of it is kept, and it is watched again once it is back"

Place = tuple[int, int, frozenset[tuple[str, str]]]


class StopEvent(Protocol):
    """What tells when to stop, as `threading.Event`."""

    def is_set(self) -> bool:
        """Whether to stop."""


@dataclass(frozen=True)
class FolderEvents:
    """What was noticed: paths that changed, came or went, and roots that have to be walked."""

    paths: frozenset[str] = frozenset()
    to_rescan: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()


class FolderWatcher:
    """Looks out for changes below some folders; a context manager."""

    def __init__(self, *, poll_every_s: float | None = None) -> None:
        """Prepare; with `poll_every_s` no news is asked for, and all is walked so often."""
        self._poll_every_s = poll_every_s
        self._places: dict[str, Place | None] = {}
        self._news: Any = None
        self._walked_at = time.monotonic()

    def __enter__(self) -> FolderWatcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._close_news()

    def poll(
        self, roots: Sequence[str], wait_s: float, stop: StopEvent | None = None
    ) -> FolderEvents:
        """Wait for news of some folders, at most so long; a root that is new counts as to_rescan.

        Raises
        ------
        KeyboardInterrupt
            Ctrl-C.
        """
        to_rescan, messages = self._compare(roots)
        if to_rescan or set(self._places) - set(roots):
            self._places = {root: self._places[root] for root in roots}
            messages += self._ask_for_news()
        paths: frozenset[str] = frozenset()
        if self._news is None:
            time.sleep(wait_s)
        else:
            try:
                paths = self._listen(wait_s, stop)
            except (
                OSError,
                RuntimeError,
            ):  # a name it cannot read, a folder more than it can watch
                messages += self._ask_for_news()
                to_rescan = self._list_present()
        if len(paths) > BURST or self._is_time_to_walk():
            to_rescan = self._list_present()
        if to_rescan:
            self._walked_at = time.monotonic()
        return FolderEvents(paths, tuple(to_rescan), tuple(messages))

    def is_there(self, root: str) -> bool:
        """Whether a root is the one that was last looked at: there, and of the same drives."""
        place = self._places.get(root)
        return place is not None and place == _identify(root, _read_mounts())

    def _list_present(self) -> list[str]:
        return [root for root, place in self._places.items() if place is not None]

    def _compare(self, roots: Sequence[str]) -> tuple[list[str], list[str]]:
        """See which roots came, went, or are another drive now."""
        to_rescan: list[str] = []
        messages: list[str] = []
        mounts = _read_mounts()
        for root in roots:
            place, known = _identify(root, mounts), self._places.get(root)
            if place is None and (known is not None or root not in self._places):
                messages.append(f"{root}: {AWAY}")
            elif place is not None and known is None and root in self._places:
                messages.append(f"{root}: it is back")
            if place is not None and place != known:
                to_rescan.append(root)
            self._places[root] = place
        return to_rescan, messages

    def _is_time_to_walk(self) -> bool:
        every_s = WALK_EVERY_S
        if self._news is None:
            every_s = self._poll_every_s or POLL_EVERY_S
        return time.monotonic() - self._walked_at >= every_s

    def _ask_for_news(self) -> list[str]:
        """Ask the system for news of the roots that are there; returns what there is to say."""
        self._close_news()
        present = self._list_present()
        if not present or self._poll_every_s is not None:
            return []
        try:
            self._news = RustNotify(present, False, False, 0, True, True)
        except FileNotFoundError:  # it went this moment, and the next look sees that
            return []
        except (OSError, RuntimeError, ValueError) as error:
            reason = str(error).split(" about ")[0]
            return [NO_NEWS.format(reason=reason, every=POLL_EVERY_S)]
        return []

    def _listen(self, wait_s: float, stop: StopEvent | None) -> frozenset[str]:
        wait_ms = max(STEP_MS, int(1000 * wait_s))  # 0 would be for ever
        found = self._news.watch(wait_ms, STEP_MS, wait_ms, stop)
        if found == "signal":
            raise KeyboardInterrupt
        return frozenset() if isinstance(found, str) else frozenset(path for _, path in found)

    def _close_news(self) -> None:
        if self._news is not None:
            self._news.close()
            self._news = None


def _identify(root: str, mounts: frozenset[tuple[str, str]]) -> Place | None:
    """Tell a folder, and what is mounted in it, from any other that may be there in its place."""
    try:
        status = Path(root).stat()
    except OSError:
        return None
    below = f"{root.rstrip(os.sep)}{os.sep}"
    inside = frozenset(mount for mount in mounts if mount[0].startswith(below))
    return status.st_dev, status.st_ino, inside


def _read_mounts() -> frozenset[tuple[str, str]]:
    """Read what is mounted where, as (path, device); nothing where the system does not say."""
    found: set[tuple[str, str]] = set()
    with suppress(OSError):
        for line in MOUNTS.read_text("utf-8", "surrogateescape").splitlines():
            fields = line.split(" ")
            path = fields[4].encode("utf-8", "surrogateescape").decode("unicode_escape")
            found.add((path, fields[2]))
    return frozenset(found)
