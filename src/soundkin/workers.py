"""Worker processes that decode and embed, one file at a time, apart from the process that counts.

A native decoder that crashes on a file takes its worker along, which costs that file and no more.
A worker is `python -m soundkin.workers MODEL`; requests and answers travel over its standard
streams as a JSON line followed by raw float32 arrays, and it ends when its parent's end closes.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np

from soundkin.decoders import AudioInfo
from soundkin.embedding import Embedder, Embeddings
from soundkin.errors import AudioError, SoundkinError, WorkerError
from soundkin.model import ModelFile
from soundkin.records import Facts

FLOAT_BYTES = 4
WORKER = ("-m", "soundkin.workers")

Answer = TypeVar("Answer")


def count_workers() -> int:
    """Count the processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class WorkerProcess:
    """The parent's side of one worker process, started again when a file has killed it.

    `arguments` are the interpreter's, as `-m` and a module's name.
    """

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    def ask(
        self,
        request: dict[str, Any],
        read: Callable[[IO[bytes]], Answer],
        *,
        timeout_s: float | None = None,
    ) -> Answer:
        """Send a request about the file `path`, and read the answer, one at a time.

        Parameters
        ----------
        read
            Reads the answer from the process's output; EOFError where that ends too early.
        timeout_s
            The process is ended after so long.

        Raises
        ------
        WorkerError
            The process died on the file, or was ended.
        """
        process = self._process or self.start()
        assert process.stdin is not None
        assert process.stdout is not None
        alarm = threading.Timer(timeout_s, process.kill) if timeout_s else None
        if alarm:
            alarm.start()
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            return read(process.stdout)
        except (BrokenPipeError, EOFError) as error:
            self._process = None
            process.communicate()
            reason = _describe_exit(process.returncode)
            raise WorkerError(f"{request['path']}: the decoder died on it ({reason})") from error
        finally:
            if alarm:
                alarm.cancel()

    def start(self) -> subprocess.Popen[bytes]:
        """Start the process, ahead of the first request."""
        self._process = subprocess.Popen(
            [sys.executable, "-P", *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        return self._process

    def stop(self) -> None:
        """End the process; what it was doing is dropped."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


class WorkerPool:
    """Embeds files in `n_workers` processes at once; a context manager.

    The processes start with the first file that needs them.
    """

    def __init__(self, model: ModelFile, n_workers: int | None = None) -> None:
        self.n_workers = n_workers or count_workers()
        self._model = model
        self._threads = ThreadPoolExecutor(self.n_workers, thread_name_prefix="worker")
        self._local = threading.local()
        self._workers: list[WorkerProcess] = []

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.stop()
        self._threads.shutdown(wait=True)

    def submit(self, path: str) -> Future[Embeddings]:
        """Queue a file; its future gives the embeddings, or raises AudioError or WorkerError."""
        return self._threads.submit(self._embed_file, path)

    def submit_measuring(self, path: str) -> Future[Facts]:
        """Queue a file whose facts alone are wanted; errors as from `submit`."""
        request = {"path": path, "measure": True}
        return self._threads.submit(lambda: self._get_worker().ask(request, _read_facts))

    def _embed_file(self, path: str) -> Embeddings:
        return self._get_worker().ask({"path": path}, _read_answer)

    def _get_worker(self) -> WorkerProcess:
        worker: WorkerProcess | None = getattr(self._local, "worker", None)
        if worker is None:
            worker = self._local.worker = WorkerProcess(*WORKER, str(self._model.path))
            self._workers.append(worker)
        return worker


def _write_answer(stream: IO[bytes], answer: dict[str, Any], *arrays: Any) -> None:
    stream.write(json.dumps(answer).encode() + b"\n")
    for array in arrays:
        stream.write(np.ascontiguousarray(array, np.float32).data)
    stream.flush()


def read_line(stream: IO[bytes]) -> dict[str, Any]:
    """Read a line of an answer; EOFError where it ends too early, AudioError if it is one."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise AudioError(answer["error"])
    return answer


def _read_facts(stream: IO[bytes]) -> Facts:
    return Facts(**read_line(stream)["facts"])


def _read_answer(stream: IO[bytes]) -> Embeddings:
    answer = read_line(stream)
    n_segments, size = answer["shape"]
    vectors = _read_floats(stream, n_segments * size)
    return Embeddings(
        vectors=vectors.reshape(n_segments, size),
        levels_db=_read_floats(stream, n_segments),
        duration_s=answer["duration_s"],
        info=AudioInfo(**answer["info"]),
        warning=answer["warning"],
        facts=Facts(**answer["facts"]),
    )


def _read_floats(stream: IO[bytes], count: int) -> Any:
    data = stream.read(count * FLOAT_BYTES)
    if len(data) != count * FLOAT_BYTES:
        raise EOFError
    return np.frombuffer(data, np.float32)


def _answer(embedder: Embedder, request: dict[str, Any], stream: IO[bytes]) -> None:
    path = request["path"]
    try:
        if request.get("measure"):
            _write_answer(stream, {"facts": dataclasses.asdict(embedder.measure_file(path))})
            return
        found = embedder.embed_file(path)
    except SoundkinError as error:
        _write_answer(stream, {"error": str(error)})
    except MemoryError:
        _write_answer(stream, {"error": f"{path}: it needs more memory than there is"})
    else:
        assert found.info is not None  # a file always has one
        assert found.facts is not None  # and these
        answer = {
            "shape": found.vectors.shape,
            "duration_s": found.duration_s,
            "info": dataclasses.asdict(found.info),
            "warning": found.warning,
            "facts": dataclasses.asdict(found.facts),
        }
        _write_answer(stream, answer, found.vectors, found.levels_db)


def serve_requests(model: str, requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests until they end: the worker's whole life."""
    embedder = Embedder.load(Path(model))
    for line in requests:
        _answer(embedder, json.loads(line), answers)


def open_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Open a worker's requests and answers; Ctrl-C is the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    private_stdout = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # native decoders may print
    return sys.stdin.buffer, private_stdout


if __name__ == "__main__":
    serve_requests(sys.argv[1], *open_streams())
