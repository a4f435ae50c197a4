"""A job in a process of its own: `python -m soundkin.server.jobs.process`, its order on its input.

It says how far it is in JSON lines. Searches are not slowed by it more than they must be: it works
at a lower priority and leaves them a processor.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from soundkin.errors import BusyError, SoundkinError
from soundkin.indexing.folders import index_folders
from soundkin.indexing.summary import describe_amount, describe_run, summarise_run
from soundkin.indexing.watch import watch_folders
from soundkin.library.library import Library
from soundkin.library.open import open_library
from soundkin.progress import Failure, IndexProgress, IndexReport
from soundkin.sound_map.sound_map import compute_map
from soundkin.system.processors import count_processors

LOWER_PRIORITY = 5
REPORT_EVERY_S = 0.1
MAX_FAILURES = 1000
EMPTY_S = 1.0  # between looks for whether a library has folders yet
BUSY_S = 30.0  # for another run, as that of a watcher, to be done

Say = Callable[[dict[str, Any]], None]


def _describe_progress(progress: IndexProgress, elapsed_s: float) -> dict[str, Any]:
    amount = describe_amount(progress, elapsed_s)
    words = f"{progress.n_done}/{progress.n_files} files, {amount}"
    return {
        "event": "progress",
        "n_done": progress.n_done,
        "n_total": progress.n_files,
        "words": words,
    }


def run_index(order: dict[str, Any], say: Say) -> dict[str, Any]:
    """Index folders; returns the report, and its summary in words."""
    started, said_at = time.monotonic(), 0.0

    def tell(progress: IndexProgress) -> None:
        nonlocal said_at
        now = time.monotonic()
        if now - said_at >= REPORT_EVERY_S or progress.n_done == progress.n_files:
            said_at = now
            say(_describe_progress(progress, now - started))

    def index(library: Library) -> IndexReport:
        n_workers = max(1, count_processors() - 1)
        return index_folders(library, order["folders"], n_workers=n_workers, on_progress=tell)

    with open_library(order["library"], create=True) as library:
        while True:
            try:
                report = index(library)
                break
            except BusyError:
                if time.monotonic() - started > BUSY_S:
                    raise
                time.sleep(REPORT_EVERY_S)
        library.renew_index()
        counts = library.count()
    facts = dataclasses.asdict(report)
    for kind in ("failures", "warnings", "missing"):
        failures: tuple[Failure, ...] = getattr(report, kind)
        if kind != "missing":  # whose number is that of recordings
            facts[f"n_{kind}"] = len(failures)
        facts[kind] = [dataclasses.asdict(failure) for failure in failures[:MAX_FAILURES]]
    return {"report": facts, "words": summarise_run(report, counts)}


def run_map(order: dict[str, Any], say: Say) -> dict[str, Any]:
    """Make the library's map, or bring it in step."""
    said_at = 0.0

    def tell(title: str, n_done: int, n_all: int) -> None:
        nonlocal said_at
        now = time.monotonic()
        if now - said_at >= REPORT_EVERY_S or n_done == n_all:
            said_at = now
            words = f"{title}: {n_done}/{n_all}"
            say({"event": "progress", "n_done": n_done, "n_total": n_all, "words": words})

    with open_library(order["library"]) as library:
        update = compute_map(library, on_progress=tell)
    report = {
        "n": len(update.map),
        "n_laid_out": update.n_laid_out,
        "n_placed": update.n_placed,
        "n_removed": update.n_removed,
    }
    return {"report": report, "words": f"the map has {len(update.map)} {update.map.by}"}


def run_watch(order: dict[str, Any], say: Say) -> dict[str, Any]:
    """Keep the library in step with its folders until interrupted."""
    with Library.open(order["library"], create=True) as library:
        while not library.list_folders():
            time.sleep(EMPTY_S)
        for news in watch_folders(library, n_workers=max(1, count_processors() - 1)):
            words = news.message or (describe_run(news.report) if news.report else "")
            say({"event": "news", "words": words})
    return {}


KINDS: dict[str, Callable[[dict[str, Any], Say], dict[str, Any]]] = {
    "index": run_index,
    "map": run_map,
    "watch": run_watch,
}


def _say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 (the process's answers)


def _end_with_parent() -> None:
    """End as after Ctrl-C once the server, whose end of the pipe is our input, is gone."""
    while os.read(sys.stdin.fileno(), 1):  # not buffered, since a buffer's lock outlives its thread
        pass
    os.kill(os.getpid(), signal.SIGINT)


def main() -> None:
    """Do the one job that is ordered."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.platform != "win32":
        with suppress(OSError):
            os.nice(LOWER_PRIORITY)
    order = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _say({"event": "done", **KINDS[order["kind"]](order, _say)})
    except SoundkinError as error:
        _say({"event": "failed", "detail": " ".join(str(error).splitlines())})
    except KeyboardInterrupt:
        _say({"event": "failed", "detail": "interrupted; what was done is kept"})
    except (OSError, MemoryError) as error:
        _say({"event": "failed", "detail": str(error) or "there is not enough memory for this"})


if __name__ == "__main__":
    main()
