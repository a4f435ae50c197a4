"""The board of jobs: one at work at a time, in a process of its own; its news for who listens."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from soundkin.server.jobs.job_process import PATIENCE_S, JobProcess
from soundkin.server.problems import ProblemError

MAX_KEPT = 20
RUNNING = "running"


@dataclass(frozen=True)
class Job:
    """A job as it stands: `state` is `running`, `done` or `failed`, for the reason in `detail`.

    `n_done` of `n_total` things are done (files, recordings); `words` says so, or sums it up.
    """

    id: str
    kind: str
    folders: tuple[str, ...]
    state: str = RUNNING
    n_done: int = 0
    n_total: int = 0
    words: str = "begun"
    report: dict[str, Any] | None = None
    detail: str | None = None


class JobBoard:
    """Starts jobs, follows them, ends them; for any thread."""

    def __init__(self, library: str, on_done: Callable[[Job], None]) -> None:
        """Prepare; `on_done` is called before a job that went well is said to be done."""
        self._library = library
        self._on_done = on_done
        self._lock = threading.Lock()
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._process: JobProcess | None = None
        self._follower: threading.Thread | None = None
        self.is_closing = False

    def start(self, kind: str, folders: Sequence[str]) -> Job:
        """Start a job.

        Raises
        ------
        ProblemError
            Another one is at work.
        """
        with self._lock:
            if self._process is not None or self.is_closing:
                raise ProblemError(409, "another job is at work; start this one when that is done")
            order = {"kind": kind, "folders": list(folders), "library": self._library}
            process = self._process = JobProcess(order)
            job = Job(secrets.token_hex(8), kind, tuple(folders))
            self._jobs[job.id] = job
            while len(self._jobs) > MAX_KEPT:
                self._jobs.popitem(last=False)
        self._follower = threading.Thread(target=self._follow, args=(job.id, process), daemon=True)
        self._follower.start()
        return job

    def _follow(self, job_id: str, process: JobProcess) -> None:
        """Take in a job's news until it ends."""
        last: dict[str, Any] = {}
        for last in process.read_news():
            if last.pop("event") == "progress":
                self._change(job_id, **last)
        code = process.wait()
        report, detail = last.get("report"), last.get("detail")
        if report is None and detail is None:
            detail = f"the job's process ended (exit status {code}); what was done is kept"
        with self._lock:
            job = self._jobs[job_id]
        if report is not None:
            try:
                self._on_done(job)
            except Exception as error:  # whatever it was, the job itself is done
                detail = str(error)
        with self._lock:
            self._process = None
        state = "done" if report is not None else "failed"
        changes = {"words": last["words"]} if "words" in last else {}
        self._change(job_id, state=state, report=report, detail=detail, **changes)

    def _change(self, job_id: str, **changes: Any) -> None:
        with self._lock:
            if job_id in self._jobs:
                self._jobs[job_id] = replace(self._jobs[job_id], **changes)

    def list(self) -> list[Job]:
        """List the jobs known, the newest first."""
        with self._lock:
            return list(reversed(self._jobs.values()))

    def get(self, job_id: str) -> Job:
        """Get a job as it stands.

        Raises
        ------
        ProblemError
            There is no such job.
        """
        with self._lock:
            if job_id not in self._jobs:
                raise ProblemError(404, f"{job_id}: no such job")
            return self._jobs[job_id]

    def stop(self, job_id: str) -> Job:
        """Interrupt a job; what it has done is kept."""
        job = self.get(job_id)
        with self._lock:
            process = self._process
        if job.state == RUNNING and process is not None:
            process.interrupt()
        return job

    def close_doors(self) -> None:
        """Take no job any more, and send no news."""
        self.is_closing = True

    def close(self) -> None:
        """Interrupt what is at work, and wait a little for it."""
        self.is_closing = True
        with self._lock:
            process = self._process
        if process is not None:
            process.end()
        if self._follower is not None:
            self._follower.join(PATIENCE_S)
