"""soundkin's commands in processes that meet faults on purpose, for run.py and the tests.

`Launcher` runs commands in children of one process that has imported everything, so that a command
takes milliseconds; the children are killed by the clock or at a call that reads or writes.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHIM_SOURCE = Path(__file__).with_name("faults.c")
TIMEOUT_S = 120.0
DAC_OVERRIDE, DAC_READ_SEARCH = 1, 2  # what lets root read and write all there is
DROP_FROM_BOUND = 24
CAPABILITY_VERSION = 0x20080522


class MissingError(Exception):
    """This machine lacks what a fault needs, as a C compiler."""


@dataclass(frozen=True)
class Fault:
    """What is to happen to a command; by default nothing.

    It is killed `after_s` seconds, or at call number `at_call` of those that change files below the
    launcher's folder, half of a write being made if `torn`. `room` bytes may be written. Files are
    copied to `synced` as they are brought to disk, and files with `unreadable` in their path
    cannot be read. If `unprivileged`, permissions count for root too.
    """

    after_s: float | None = None
    at_call: int = 0
    torn: bool = False
    room: int = -1
    unreadable: str = ""
    synced: str = ""
    unprivileged: bool = False


@dataclass(frozen=True)
class Outcome:
    """How commands ended: the last one's exit status, negative for a signal, and its words.

    `n_done` commands ended well; `n_calls` changed files, unless it was killed.
    """

    status: int
    n_done: int
    n_calls: int
    elapsed_s: float
    stderr: str

    @property
    def is_killed(self) -> bool:
        """Whether the kill came before the end."""
        return self.status == -signal.SIGKILL


def build_shim(folder: Path) -> Path:
    """Compile what brings the faults into a process.

    Raises
    ------
    MissingError
        There is no C compiler, or this is no Linux.
    """
    shim = folder / "faults.so"
    command = ["gcc", "-shared", "-fPIC", "-O1", "-o", str(shim), str(SHIM_SOURCE), "-ldl"]
    if not sys.platform.startswith("linux"):
        raise MissingError("faults are brought in by LD_PRELOAD, which is for Linux")
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise MissingError(f"gcc, to build faults.c ({error})") from error
    return shim


class Launcher:
    """A process whose children run commands; a context manager.

    Faults happen below `folder` only, and none without a shim. What the commands note of models
    lies there too.
    """

    def __init__(self, folder: Path, shim: Path | None) -> None:
        self.folder = folder
        environment = os.environ | {
            "LD_PRELOAD": str(shim or ""),
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "OMP_THREAD_LIMIT": "1",
            "OMP_WAIT_POLICY": "PASSIVE",  # on a busy machine, threads that spin cost seconds
            "SOUNDKIN_ACCEPTED": str(folder / "accepted"),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__)), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=environment,
        )
        self._read_ahead = b""
        self._read()  # it says when all is imported

    def __enter__(self) -> Launcher:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def run(
        self,
        commands: Sequence[Sequence[object]],
        fault: Fault = Fault(),
        meanwhile: Callable[[], Any] | None = None,
    ) -> Outcome:
        """Run commands one after the other, up to the first that fails.

        `meanwhile` is called again and again while they run.
        """
        request = {
            "commands": [[os.fspath(part) if isinstance(part, Path) else str(part) for part in one]
                         for one in commands],
            "fault": {name: getattr(fault, name) for name in fault.__dataclass_fields__},
        }  # fmt: skip
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        pid = self._read()["pid"]
        started = time.monotonic()
        deadline = started + (TIMEOUT_S if fault.after_s is None else fault.after_s)
        is_over = False
        while not is_over and time.monotonic() < deadline:
            if meanwhile is not None:
                meanwhile()
            left_s = max(0.0, deadline - time.monotonic())
            is_over = self._wait(0.001 if meanwhile else left_s)
        if not is_over:
            with contextlib.suppress(ProcessLookupError):
                if fault.after_s is None:  # say where it hangs
                    os.kill(pid, signal.SIGUSR1)
                    time.sleep(1)
                os.kill(pid, signal.SIGKILL)
        answer = self._read()
        elapsed_s = time.monotonic() - started
        if fault.after_s is None and elapsed_s >= TIMEOUT_S:
            raise AssertionError(f"never ended: {request['commands']}: {answer['stderr']}")
        return Outcome(elapsed_s=elapsed_s, **answer)

    def _wait(self, seconds: float) -> bool:
        """Wait until there is an answer, or so long."""
        if b"\n" in self._read_ahead:
            return True
        return bool(select.select([self._process.stdout], [], [], seconds)[0])

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        while b"\n" not in self._read_ahead:
            data = os.read(self._process.stdout.fileno(), 65536)
            if not data:
                raise RuntimeError("the launcher died")
            self._read_ahead += data
        line, _, self._read_ahead = self._read_ahead.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextlib.contextmanager
def launch(folder: Path) -> Iterator[Launcher]:
    """Build the shim and start a launcher for a folder."""
    with (
        tempfile.TemporaryDirectory() as name,
        Launcher(folder, build_shim(Path(name))) as launcher,
    ):
        yield launcher


# The launcher's own side


def _serve(folder: str) -> None:
    """Fork a child for every line of commands: the launcher's whole life."""
    import soundkin.cli
    import soundkin.indexing.relocate
    import soundkin.integrity.backup  # what commands import when run
    import soundkin.integrity.repair

    with contextlib.suppress(ImportError):
        import soundkin.index.rabitq  # noqa: F401

    shim = ctypes.CDLL(None) if os.environ["LD_PRELOAD"] else None
    if shim is not None:
        shim.faults_count.restype = ctypes.c_long
    _answer({"pid": os.getpid()})
    for line in sys.stdin:
        request = json.loads(line)
        notes = tempfile.TemporaryFile()  # noqa: SIM115 (its child writes into it)
        words = tempfile.TemporaryFile()  # noqa: SIM115
        pid = os.fork()
        if not pid:
            _run_child(folder, request, notes.fileno(), words.fileno(), shim)
        _answer({"pid": pid})
        _, code = os.waitpid(pid, 0)
        notes.seek(0)
        words.seek(0)
        lines = notes.read().split()
        done = [int(one) for one in lines if one != b"end"]
        _answer(
            {
                "status": os.waitstatus_to_exitcode(code),
                "n_done": len(done),
                "n_calls": done[-1] if done else 0,
                "stderr": words.read().decode(errors="replace"),
            }
        )
        notes.close()
        words.close()


def _answer(values: dict[str, Any]) -> None:
    print(json.dumps(values), flush=True)


def _run_child(folder: str, request: dict[str, Any], notes: int, words: int, shim: Any) -> None:
    """Run commands in a child that was just forked, and end it."""
    from soundkin.cli import main

    status = 99
    try:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.dup2(words, 2)
        faulthandler.register(signal.SIGUSR1, file=sys.stderr, all_threads=True)
        fault = request["fault"]
        if fault["unprivileged"]:
            _drop_privileges()
        os.environ["FAULTS_UNREADABLE"] = fault["unreadable"]
        if shim is not None:
            shim.faults_arm(
                folder.encode(),
                ctypes.c_long(fault["at_call"]),
                int(fault["torn"]),
                ctypes.c_long(fault["room"]),
                os.fsencode(fault["unreadable"]),
                os.fsencode(fault["synced"]),
            )
        for command in request["commands"]:
            sys.argv = ["soundkin", *command]
            try:
                main()
            except SystemExit as end:
                status = int(end.code or 0)
            sys.stdout.flush()
            if status:
                break
            os.write(notes, f"{shim.faults_count() if shim else 0}\n".encode())
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _drop_privileges() -> None:
    """Give up root's right to pass over permissions, for this process and its children."""
    if os.getuid() != 0:
        return
    libc = ctypes.CDLL(None)
    for capability in (DAC_OVERRIDE, DAC_READ_SEARCH):
        libc.prctl(DROP_FROM_BOUND, capability, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; then their upper halves
    libc.capget(header, sets)
    dropped = ~(1 << DAC_OVERRIDE | 1 << DAC_READ_SEARCH) & 0xFFFFFFFF
    for place in range(3):
        sets[place] &= dropped
    libc.capset(header, sets)


if __name__ == "__main__":
    _serve(sys.argv[1])
