"""`soundkin` forked off a process that has imported it already: a process of its own, at once.

Starting Python and importing NumPy is most of what a short command takes. Here a process does that
once for all tests of a worker and forks for every command, which has arguments, environment,
standard streams and an exit status of its own, as a fresh process has.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import IO, Any

# What commands import when they run; all of it starts no thread, which a fork would lose.
IMPORTED = (
    "soundkin.cli",
    "soundkin.cli.options",
    "soundkin.indexing.indexer",
    "soundkin.indexing.upgrade",
    "soundkin.library.open",
    "soundkin.search.searcher",
    "numpy.random",
)
# What of the environment is read only once a command runs, so that it may be another each time.
READ_LATE = ("SOUNDKIN_", "XDG_", "HOME", "COLUMNS", "PYTEST_")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def can_fork(env: dict[str, str]) -> bool:
    """Say whether a command with this environment may be forked; `SOUNDKIN_COLD=1` forbids it."""
    if sys.platform != "linux" or env.get("SOUNDKIN_COLD"):
        return False
    names = env.keys() | _ENVIRONMENT.keys()
    changed = {name for name in names if env.get(name) != _ENVIRONMENT.get(name)}
    return all(name.startswith(READ_LATE) for name in changed)


def run_forked(
    arguments: list[str | bytes],
    env: dict[str, str],
    *,
    text: bool = True,
    errors: str | None = None,
    timeout: float,
) -> subprocess.CompletedProcess[Any]:
    """Run `soundkin` to its end, as `subprocess.run` would."""
    with ExitStack() as files:
        request, stdout, stderr = (files.enter_context(tempfile.TemporaryFile()) for _ in range(3))
        asked = {"arguments": [os.fsdecode(argument) for argument in arguments], "env": env}
        request.write(json.dumps(asked | {"cwd": str(Path.cwd())}).encode())
        request.seek(0)
        ours, theirs = socket.socketpair()
        files.enter_context(ours).settimeout(timeout)
        with theirs:
            fds = [request.fileno(), stdout.fileno(), stderr.fileno(), theirs.fileno()]
            socket.send_fds(_start()[0], [b"x"], fds)
        with ours.makefile() as answer:
            pid = int(answer.readline())
            try:
                status = os.waitstatus_to_exitcode(int(answer.readline()))
            except TimeoutError as error:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(arguments, timeout) from error
        streams = [_read(stream, text, errors) for stream in (stdout, stderr)]
    return subprocess.CompletedProcess(["soundkin", *arguments], status, *streams)


def _read(stream: IO[bytes], text: bool, errors: str | None) -> str | bytes:
    stream.seek(0)
    content = stream.read()
    return content.decode("utf-8", errors or "strict") if text else content


@cache
def _start() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Start the process that forks; it ends when nobody is left who could ask it."""
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, __file__]
        return ours, subprocess.Popen(command, stdin=theirs, env=_ENVIRONMENT | ONE_THREAD)


_ENVIRONMENT = dict(os.environ)


def _fork_as_asked() -> None:
    """Fork for each request on standard input; returns in the forked processes."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for who waits for a command
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=0) as requests:
        while True:
            _, fds, _, _ = socket.recv_fds(requests, 1, 4)
            if not fds:
                os._exit(0)
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                requests.detach()
                break
            for fd in fds:
                os.close(fd)
    request, stdout, stderr, answer = fds
    pid = os.fork()
    if pid:
        os.write(answer, b"%d\n" % pid)
        os.write(answer, b"%d\n" % os.waitpid(pid, 0)[1])
        os._exit(0)
    with os.fdopen(request) as file:
        asked = json.load(file)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for fd, place in ((nothing, 0), (stdout, 1), (stderr, 2)):
        os.dup2(fd, place)
    for fd in (nothing, stdout, stderr, answer):
        os.close(fd)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.argv = ["soundkin", *asked["arguments"]]


if __name__ == "__main__":
    for module in IMPORTED:
        importlib.import_module(module)
    assert len(list(Path("/proc/self/task").iterdir())) == 1  # other threads, forks would lose
    gc.freeze()
    _fork_as_asked()
    from soundkin.cli import main

    main()
