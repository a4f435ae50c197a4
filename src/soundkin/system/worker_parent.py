"""Processes that do for another what may kill them: asked, watched, and kept within limits.

Requests are JSON lines on a process's standard input, answers JSON lines and raw arrays on its
standard output. It first says that it is ready, and gives signs of life while it works: one that
gives none for `PATIENCE_S` hangs, and is ended. When its parent's end closes, it ends too.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO, Any, Protocol, TypeVar

from soundkin.errors import AudioError, ModelError, WorkerError

START_S = 120.0
PATIENCE_S = 120.0
ENDING_S = 0.01

Answer = TypeVar("Answer")


class Process(Protocol):
    """What is asked of a process: as of `subprocess.Popen`."""

    stdin: IO[bytes] | None
    stdout: IO[bytes] | None

    @property
    def pid(self) -> int:
        """Its number."""
        ...

    @property
    def returncode(self) -> int | Any:
        """How it ended; negative where a signal ended it."""
        ...

    def poll(self) -> int | None:
        """How it ended, if it has ended."""
        ...

    def kill(self) -> None:
        """End it."""
        ...

    def communicate(self) -> Any:
        """Wait until it has ended."""
        ...


class Answers:
    """What a process answers, each part of it being a sign of life."""

    def __init__(self, stream: IO[bytes], watch: _Watch) -> None:
        self._stream = stream
        self._watch = watch

    def read_line(self) -> dict[str, Any]:
        """Read a line of an answer, past all mere signs of life.

        Raises
        ------
        EOFError
            It ends too early.
        AudioError
            The line says that the file cannot be read, and why.
        """
        while True:
            line = self._stream.readline()
            self._watch.see()
            if not line.endswith(b"\n"):
                raise EOFError
            if line != b"\n":
                break
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise AudioError(answer["error"])
        return answer

    def read_bytes(self, count: int) -> bytes:
        """Read so many bytes; EOFError where they end too early."""
        data = self._stream.read(count)
        self._watch.see()
        if len(data) != count:
            raise EOFError
        return data


class _Watch:
    """Ends a process that gives no sign of life for too long, or takes too long altogether.

    Time is counted in steps, so that what passes while both processes are stopped does not count.
    """

    def __init__(self, process: Process, patience_s: float, timeout_s: float | None) -> None:
        self._process = process
        self._signs: SimpleQueue[bool] = SimpleQueue()
        self._thread = Thread(target=self._watch, args=(patience_s, timeout_s), daemon=True)
        self.verdict: str | None = None
        self._thread.start()

    def see(self) -> None:
        """Note a sign of life."""
        self._signs.put(True)

    def end(self) -> None:
        """Watch no longer."""
        self._signs.put(False)
        self._thread.join()

    def _watch(self, patience_s: float, timeout_s: float | None) -> None:
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        step_s = min(1.0, patience_s / 4, timeout_s or patience_s)
        silent_s = 0.0
        while True:
            try:
                if not self._signs.get(timeout=step_s):
                    return
                silent_s = 0.0
            except Empty:
                silent_s += step_s
            if silent_s >= patience_s:
                self.verdict = f"no progress for {patience_s:g} s"
            elif deadline is not None and time.monotonic() > deadline:
                self.verdict = f"not done after {timeout_s:g} s"
            else:
                continue
            self._process.kill()
            return


class WorkerProcess:
    """The parent's side of one process, started again when a file has killed it.

    `arguments` are the interpreter's, as `-m` and a module's name. `first` is a process already
    started otherwise. With `timeout_s` no answer may take longer, even if there is progress.
    """

    def __init__(
        self, *arguments: str, first: Process | None = None, timeout_s: float | None = None
    ) -> None:
        self._arguments = arguments
        self._process = first
        self._timeout_s = timeout_s
        self._is_ready = False

    def ask(self, request: dict[str, Any], read: Callable[[Answers], Answer]) -> Answer:
        """Send a request about the file `path`, and read the answer, one at a time.

        `read` reads it from what the process says, with EOFError where that ends too early.

        Raises
        ------
        WorkerError
            The process died on the file, or was ended.
        ModelError
            It never was ready for files.
        """
        if self._process is not None and self._process.poll() is not None:
            self.stop()  # somebody ended it meanwhile, which is not this file's fault
        process = self._process or self.start()
        if not self._is_ready:
            self._exchange(process, _read_ready, START_S)
            self._is_ready = True
        return self._exchange(process, read, PATIENCE_S, request)

    def _exchange(
        self,
        process: Process,
        read: Callable[[Answers], Answer],
        patience_s: float,
        request: dict[str, Any] | None = None,
    ) -> Answer:
        """Send a request, if any, and read what comes, under watch."""
        assert process.stdin is not None
        assert process.stdout is not None
        watch = _Watch(process, patience_s, self._timeout_s if request else None)
        try:
            if request is not None:
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
            return read(Answers(process.stdout, watch))
        except (BrokenPipeError, EOFError) as error:
            reason = self._bury(process, watch.verdict)
            if request is None:
                message = f"the process that decodes does not start: it {reason}"
                raise ModelError(message) from error
            raise WorkerError(f"{request['path']}: the decoder {reason}") from error
        finally:
            watch.end()

    def start(self) -> Process:
        """Start the process, ahead of the first request."""
        self._is_ready = False
        self._process = subprocess.Popen(
            [sys.executable, "-P", *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        return self._process

    @property
    def pid(self) -> int | None:
        """The process's number, while there is one."""
        process = self._process
        return None if process is None else process.pid

    def stop(self) -> None:
        """End the process; what it was doing is dropped."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            _close(process)

    def _bury(self, process: Process, verdict: str | None) -> str:
        """Wait for the end of a process; returns what it came to."""
        self._process, self._is_ready = None, False
        _close(process)
        if verdict is not None:
            return f"was ended: {verdict}"
        return f"died on it ({_describe_exit(process.returncode)})"


def _close(process: Process) -> None:
    """Wait for a process that is ending, and close its pipes; two threads may do so at once."""
    try:
        process.communicate()
    except (BrokenPipeError, ValueError):  # it reads no more, or the other thread was quicker
        while process.poll() is None:
            time.sleep(ENDING_S)


def _read_ready(answers: Answers) -> None:
    try:
        answers.read_line()
    except AudioError as error:  # so a line with an error is read
        raise ModelError(str(error)) from error


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
    return f"{name}; memory may have run out" if name == "SIGKILL" else name
