"""Worker processes that decode and embed, one file at a time, apart from the process that counts.

A native decoder that crashes on a file takes its worker along, which costs that file and no more;
so does one that hangs, or takes more memory than a sound should.
A worker is `python -m soundkin.embedding.pool MODEL`.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import numpy as np

from soundkin.audio.decoders.decoder import NO_MEMORY, AudioInfo
from soundkin.audio_facts import Facts
from soundkin.embedding.embedder import Embedder, Measurements
from soundkin.embedding.model import ModelFile
from soundkin.embedding.segments import Embeddings
from soundkin.embedding.sound_stream import MAX_SOUND_S
from soundkin.errors import SoundkinError
from soundkin.system.limits import DECODING_BYTES, keep_heap, limit_memory
from soundkin.system.processors import count_processors
from soundkin.system.worker_child import declare_ready, open_streams, write_answer
from soundkin.system.worker_parent import Answers, WorkerProcess

FLOAT_BYTES = 4
KEPT_BYTES = 64 << 20  # some blocks of sound, and what is made of them
WORKER = ("-m", "soundkin.embedding.pool")


class WorkerPool:
    """Embeds files in `n_workers` processes at once; a context manager.

    The processes start with the first file that needs them.
    """

    def __init__(self, model: ModelFile, n_workers: int | None = None) -> None:
        self.n_workers = n_workers or count_processors()
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

    def submit(self, path: str, slow: float = 1.0) -> Future[Embeddings]:
        """Queue a file, heard `slow` times slower; its future gives the embeddings.

        Or it raises AudioError or WorkerError; ModelError where no file can be embedded, since no
        worker starts.
        """
        return self._threads.submit(self._embed_file, path, slow)

    def submit_measuring(self, path: str, slow: float = 1.0) -> Future[Measurements]:
        """Queue a file to be measured, but not embedded; errors as from `submit`."""
        request = {"path": path, "slow": slow, "measure": True}
        return self._threads.submit(lambda: self._get_worker().ask(request, _read_measurements))

    def list_pids(self) -> list[int]:
        """List the processes that there are now."""
        return [worker.pid for worker in self._workers if worker.pid]

    def _embed_file(self, path: str, slow: float) -> Embeddings:
        return self._get_worker().ask({"path": path, "slow": slow}, _read_embeddings)

    def _get_worker(self) -> WorkerProcess:
        worker: WorkerProcess | None = getattr(self._local, "worker", None)
        if worker is None:
            worker = self._local.worker = WorkerProcess(*WORKER, str(self._model.path))
            self._workers.append(worker)
        return worker


def _read_measurements(answers: Answers) -> Measurements:
    answer = answers.read_line()
    return Measurements(Facts(**answer["facts"]), answers.read_bytes(answer["fingerprint"]))


def _read_embeddings(answers: Answers) -> Embeddings:
    answer = answers.read_line()
    n_segments, size = answer["shape"]
    vectors = _read_floats(answers, n_segments * size)
    levels_db = _read_floats(answers, n_segments)
    facts = Facts(**answer["facts"])
    return Embeddings(
        vectors=vectors.reshape(n_segments, size),
        levels_db=levels_db,
        duration_s=answer["duration_s"],
        info=AudioInfo(**answer["info"]),
        warning=answer["warning"],
        facts=facts,
        sound_s=facts.sound_s,
        fingerprint=answers.read_bytes(answer["fingerprint"]),
    )


def _read_floats(answers: Answers, count: int) -> Any:
    return np.frombuffer(answers.read_bytes(count * FLOAT_BYTES), np.float32)


def _answer(embedder: Embedder, request: dict[str, Any], stream: IO[bytes]) -> None:
    path, slow = request["path"], request["slow"]
    try:
        if request.get("measure"):
            measured = embedder.measure_file(path, slow)
            head: dict[str, Any] = {"facts": dataclasses.asdict(measured.facts)}
            head |= {"fingerprint": len(measured.fingerprint)}
            write_answer(stream, head, np.frombuffer(measured.fingerprint, np.uint8))
            return
        found = embedder.embed_file(path, slow=slow)
    except SoundkinError as error:
        write_answer(stream, {"error": str(error)})
    except MemoryError:
        write_answer(stream, {"error": f"{path}: {NO_MEMORY}"})
    else:
        assert found.info is not None  # a file always has one
        assert found.facts is not None  # and these
        assert found.fingerprint is not None
        answer = {
            "shape": found.vectors.shape,
            "duration_s": found.duration_s,
            "info": dataclasses.asdict(found.info),
            "warning": found.warning,
            "facts": dataclasses.asdict(found.facts),
            "fingerprint": len(found.fingerprint),
        }
        arrays = [np.ascontiguousarray(a, np.float32) for a in (found.vectors, found.levels_db)]
        write_answer(stream, answer, *arrays, np.frombuffer(found.fingerprint, np.uint8))


def _limit_memory(embedder: Embedder) -> None:
    """Leave room for decoding and for the vectors of the longest sound, twice while they join.

    What the model itself needs is there once it has embedded a batch.
    """
    size = embedder.warm_up()
    n_segments = MAX_SOUND_S / embedder.model.segments.hop_s
    limit_memory(DECODING_BYTES + round(2 * n_segments * (size + 1) * FLOAT_BYTES))


def serve_requests(model: str, requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests until they end: the worker's whole life."""
    keep_heap(KEPT_BYTES)
    try:
        embedder = Embedder.load(Path(model))
        _limit_memory(embedder)
    except SoundkinError as error:
        write_answer(answers, {"error": str(error)})
        return
    declare_ready(answers)
    for line in requests:
        _answer(embedder, json.loads(line), answers)


if __name__ == "__main__":
    serve_requests(sys.argv[1], *open_streams())
