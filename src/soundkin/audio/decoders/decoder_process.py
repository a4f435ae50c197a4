"""Decoding in a process apart, for whoever must not die of a sound: `decode_in_subprocess`.

A file made to break a decoder breaks that process, which has no more memory than decoding takes.
It is `python -m soundkin.audio.decoders.decoder_process`, or a fork of a process that has loaded
little so far. It holds one file open and gives the next block when asked, so that nothing runs
ahead of who listens.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from typing import IO, Any

import numpy as np

from soundkin.audio.decoders.decoder import BLOCK_S, NO_MEMORY, AudioInfo, Decoder, Samples
from soundkin.audio.decoders.open import OPENER, open_decoder
from soundkin.errors import SoundkinError, WorkerError
from soundkin.system.limits import DECODING_BYTES, limit_memory
from soundkin.system.worker_child import declare_ready, open_streams, write_answer
from soundkin.system.worker_parent import Answers, WorkerProcess

DECODER = ("-m", "soundkin.audio.decoders.decoder_process")
FLOAT_BYTES = 4


class SubprocessDecoder:
    """A sound that another process has open; as any `Decoder`."""

    def __init__(self, process: WorkerProcess, path: str, keep_channels: bool) -> None:
        self._process = process
        self._path = path
        opened = self._ask(Answers.read_line, open=True, keep_channels=keep_channels)
        self.info = AudioInfo(**opened["info"])
        self.warning: str | None = opened["warning"]

    def decode_from(self, frame: int, block_s: float = BLOCK_S) -> Iterator[Samples]:
        """Yield blocks of about `block_s` from sample number `frame` on."""
        block, self.warning = self._ask(_read_block, frame=frame, block_s=block_s)
        while block is not None:
            yield block
            block, self.warning = self._ask(_read_block)

    def close(self) -> None:
        """Have the other process close the file."""
        self._ask(Answers.read_line, close=True)

    def _ask(self, read: Any, **request: Any) -> Any:
        return self._process.ask({"path": self._path, **request}, read)


def _read_block(answers: Answers) -> tuple[Samples | None, str | None]:
    """Read a block, None at the end, and what warning there is by now."""
    answer = answers.read_line()
    shape, warning = answer["shape"], answer["warning"]
    if shape is None:
        return None, warning
    data = answers.read_bytes(FLOAT_BYTES * int(np.prod(shape)))
    return np.frombuffer(bytearray(data), np.float32).reshape(shape), warning


@contextmanager
def open_in_subprocess(
    process: WorkerProcess, path: str, *, keep_channels: bool
) -> Iterator[Decoder]:
    """Open a sound file in another process.

    Raises
    ------
    AudioError
        As `open_decoder`.
    WorkerError
        The process died on it, or was ended; so too when a block is taken.
    """
    decoder = SubprocessDecoder(process, path, keep_channels)
    try:
        yield decoder
    except WorkerError:  # there is nobody to close it
        raise
    except BaseException:
        decoder.close()
        raise
    else:
        decoder.close()


class DecoderProcesses:
    """Processes that decode for threads, one for each that asks; a context manager."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._processes: list[WorkerProcess] = []

    def __enter__(self) -> DecoderProcesses:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.stop()

    def open(self, path: str) -> AbstractContextManager[Decoder]:
        """Open a sound file in this thread's process; see `open_in_subprocess`."""
        process: WorkerProcess | None = getattr(self._local, "process", None)
        if process is None:
            process = self._local.process = WorkerProcess(*DECODER)
            self._processes.append(process)
        return open_in_subprocess(process, path, keep_channels=False)


class _Fork:
    """A fork of this process that decodes, asked as any other process."""

    def __init__(self) -> None:
        requests, requesting = _open_pipe()
        answered, answers = _open_pipe()
        self.stdin: IO[bytes] | None = requesting
        self.stdout: IO[bytes] | None = answered
        self._ends = requesting, answered
        self.pid, self.returncode = -1, 0
        with warnings.catch_warnings():  # of NumPy's threads, which see to forks themselves
            warnings.simplefilter("ignore", DeprecationWarning)
            if sys.platform != "win32":  # where nobody asks for one
                self.pid = os.fork()
        if self.pid == 0:
            self._become_decoder(requests, answers)
        requests.close()
        answers.close()

    def _become_decoder(self, requests: IO[bytes], answers: IO[bytes]) -> None:
        try:
            for end in self._ends:
                end.close()
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            nothing = os.open(os.devnull, os.O_RDWR)
            for stream in range(3):
                os.dup2(nothing, stream)
            serve_requests(requests, answers)
        finally:
            os._exit(1)  # whatever happened, here is no way back into what the parent was doing

    def poll(self) -> int | None:
        """How it ended, as far as that was asked for."""
        return None if self.pid else self.returncode

    def kill(self) -> None:
        """End it."""
        if sys.platform != "win32" and self.pid:
            os.kill(self.pid, signal.SIGKILL)

    def communicate(self) -> None:
        """Wait until it has ended."""
        if self.pid:
            _, status = os.waitpid(self.pid, 0)
            self.returncode, self.pid = os.waitstatus_to_exitcode(status), 0
        for end in self._ends:
            with suppress(BrokenPipeError):
                end.close()


def _open_pipe() -> tuple[IO[bytes], IO[bytes]]:
    reading, writing = os.pipe()
    return os.fdopen(reading, "rb"), os.fdopen(writing, "wb")


@contextmanager
def decode_in_subprocess() -> Iterator[None]:
    """Have all that this thread decodes meanwhile be decoded in a process apart, file by file.

    For commands, and early in them: a fork takes some milliseconds, a new process as long as its
    imports; but only while there are no other threads, and not beside macOS's own libraries.
    """
    can_fork = sys.platform == "linux" and hasattr(os, "fork")
    may_fork = can_fork and threading.active_count() == 1
    process = WorkerProcess(*DECODER, first=_Fork() if may_fork else None)

    @contextmanager
    def open_apart(path: str, keep_channels: bool) -> Iterator[Decoder]:
        with open_in_subprocess(process, path, keep_channels=keep_channels) as decoder:
            yield decoder

    before = OPENER.set(open_apart)
    try:
        yield
    finally:
        OPENER.reset(before)
        process.stop()


class _Open:
    """The file that this process has open, if any."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._decoder: Decoder | None = None
        self._blocks: Iterator[Samples] = iter(())

    def answer(self, request: dict[str, Any], stream: IO[bytes]) -> None:
        """Do what is asked, and say what came of it."""
        write = partial(write_answer, stream)
        try:
            if "open" in request:
                self._close()
                opened = open_decoder(request["path"], keep_channels=request["keep_channels"])
                self._decoder = self._stack.enter_context(opened)
                info = dataclasses.asdict(self._decoder.info)
                write({"info": info, "warning": self._decoder.warning})
            elif "close" in request:
                self._close()
                write({})
            else:
                assert self._decoder is not None  # who asks for blocks has opened a file
                if "frame" in request:
                    self._blocks = self._decoder.decode_from(request["frame"], request["block_s"])
                block = next(self._blocks, None)
                shape = None if block is None else block.shape
                told = {"shape": shape, "warning": self._decoder.warning}
                write(told, *([] if block is None else [np.ascontiguousarray(block, np.float32)]))
        except SoundkinError as error:
            write({"error": str(error)})
        except MemoryError:
            write({"error": f"{request['path']}: {NO_MEMORY}"})

    def _close(self) -> None:
        self._decoder, self._blocks = None, iter(())
        self._stack.close()


def serve_requests(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests until they end: the process's whole life."""
    limit_memory(DECODING_BYTES)
    declare_ready(answers)
    file = _Open()
    for line in requests:
        file.answer(json.loads(line), answers)


if __name__ == "__main__":
    serve_requests(*open_streams())
