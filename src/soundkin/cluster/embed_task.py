"""What an actor of a cluster does: portions of files decoded, embedded, and written as fragments.

An actor has a processor, and a process (`embedding.pool`) that decodes and embeds in one go:
waveforms never travel, a native decoder that crashes costs its file, and the model is loaded
once. What it writes becomes part of the library only when the driver commits it.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soundkin.audio.walk import FoundFile
from soundkin.embedding.model import find_model
from soundkin.embedding.pool import WorkerPool
from soundkin.embedding.segments import Embeddings
from soundkin.errors import AudioError, ModelError, SoundkinError, naming
from soundkin.library.lance.schema import make_segments, make_segments_schema
from soundkin.library.lance.tables import Tables
from soundkin.library.slowed import find_slow, identify_content
from soundkin.progress import Failure
from soundkin.system.files import hash_file, is_unchanged
from soundkin.system.remote import is_remote, open_filesystem

AHEAD = 2  # files fetched and hashed before they are needed


@dataclass(frozen=True)
class EmbedTask:
    """What a portion is written to and embedded with."""

    uri: str
    segments: str
    size: int
    model: str
    model_hash: str
    slow: tuple[tuple[str, float], ...]  # how many times slower what lies in which folders is heard


@dataclass(frozen=True)
class FileResult:
    """What came of a file: the hash that its content is known by, or why it failed.

    A failure that is no fault of the bytes is not `kept`, so that the next run tries again.
    """

    file: FoundFile
    digest: bytes | None
    error: str | None = None
    warning: str | None = None
    duration_s: float = 0.0
    kept: bool = True


@dataclass(frozen=True)
class BatchResult:
    """What came of some files, and the written rows of those that could be embedded."""

    results: tuple[FileResult, ...]
    fragments: tuple[str, ...] = ()


def write_files(files: Sequence[FoundFile]) -> str:
    """Write files as JSON."""
    return json.dumps([dataclasses.astuple(file) for file in files])


def read_files(text: str) -> list[FoundFile]:
    """Read what `write_files` wrote."""
    return [FoundFile(*values) for values in json.loads(text)]


def write_result(portion: BatchResult) -> str:
    """Write what came of some files as JSON."""
    return json.dumps(dataclasses.asdict(portion), default=bytes.hex)


def read_result(text: str) -> BatchResult:
    """Read what `write_result` wrote."""
    values = json.loads(text)
    results = [
        FileResult(FoundFile(**file), digest and bytes.fromhex(digest), **rest)
        for file, digest, rest in (
            (one.pop("file"), one.pop("digest"), one) for one in values["results"]
        )
    ]
    return BatchResult(tuple(results), tuple(values["fragments"]))


class EmbedActor:
    """Embeds portions, for as long as its actor lives."""

    def __init__(self, task: EmbedTask) -> None:
        self._tables = Tables(task.uri)
        self._segments = task.segments
        self._slow = dict(task.slow)
        self._schema = make_segments_schema(task.size)
        model_file = find_model(task.model)
        if model_file.hash != task.model_hash:
            raise ModelError(f"{task.model}: another model on this node; copy the driver's to it")
        self._pool = WorkerPool(model_file, 1)

    def embed(self, files: Sequence[FoundFile]) -> BatchResult:
        """Embed files, of which those with the same bytes once, and write them."""
        results: list[FileResult] = []
        contents: list[dict[str, Any]] = []
        found: list[Embeddings] = []
        seen: set[bytes] = set()
        with tempfile.TemporaryDirectory(prefix="soundkin-") as folder:
            for result, embeddings in self._run(files, folder):
                results.append(result)
                if embeddings is None or result.digest is None or result.digest in seen:
                    continue
                seen.add(result.digest)
                contents.append({"hash": result.digest, "content": _describe(embeddings)})
                found.append(embeddings)
        if not found:
            return BatchResult(tuple(results))
        vectors, levels_db = [e.vectors for e in found], [e.levels_db for e in found]
        rows = make_segments(contents, vectors, levels_db, self._schema)
        written = self._tables.write_fragments(self._segments, rows)
        return BatchResult(tuple(results), tuple(written))

    def _run(
        self, files: Sequence[FoundFile], folder: str
    ) -> Iterator[tuple[FileResult, Embeddings | None]]:
        """Fetch and hash some files ahead of the one that is embedded."""
        waiting: deque[tuple[FoundFile, Path, bytes, Future[Embeddings]]] = deque()
        for number, file in enumerate(files):
            try:
                path = fetch(file, Path(folder), number)
                slow = find_slow(file.path, self._slow)
                digest = identify_content(hash_file(str(path)), slow)
            except AudioError as error:
                yield _fail(file, error, kept=False), None
                continue
            waiting.append((file, path, digest, self._pool.submit(str(path), slow)))
            if len(waiting) > AHEAD:
                yield _finish(*waiting.popleft())
        while waiting:
            yield _finish(*waiting.popleft())


def fetch(file: FoundFile, folder: Path, number: int) -> Path:
    """Bring what is far to this machine; what is here stays where it is.

    Raises
    ------
    AudioError
        It cannot be reached.
    """
    if not is_remote(file.path):
        return Path(file.path)
    system, path = open_filesystem(file.path)
    here = folder / f"{number}{Path(path).suffix}"
    with naming(file.path, AudioError):
        system.get_file(path, str(here))
    return here


def hash_files(files: Sequence[FoundFile]) -> BatchResult:
    """Compute the hashes of files' bytes, without embedding them."""
    results: list[FileResult] = []
    with tempfile.TemporaryDirectory(prefix="soundkin-") as folder:
        for number, file in enumerate(files):
            try:
                path = fetch(file, Path(folder), number)
                results.append(FileResult(file, hash_file(str(path))))
                _drop(file, path)
            except AudioError as error:
                results.append(_fail(file, error, kept=False))
    return BatchResult(tuple(results))


def _finish(
    file: FoundFile, path: Path, digest: bytes, future: Future[Embeddings]
) -> tuple[FileResult, Embeddings | None]:
    try:
        embeddings = future.result()
    except SoundkinError as error:
        reason = Failure.of(str(path), error).reason
        return FileResult(file, None, reason), None
    finally:
        _drop(file, path)
    is_same = is_remote(file.path) or is_unchanged(file.path, file.size, file.mtime_ns)
    if not is_same:
        return _fail(file, AudioError("it changed while it was read; run again"), kept=False), None
    result = FileResult(file, digest, None, embeddings.warning, embeddings.duration_s)
    return result, embeddings


def _fail(file: FoundFile, error: AudioError, *, kept: bool) -> FileResult:
    return FileResult(file, None, Failure.of(file.path, error).reason, kept=kept)


def _drop(file: FoundFile, path: Path) -> None:
    if is_remote(file.path):
        path.unlink(missing_ok=True)


def _describe(embeddings: Embeddings) -> dict[str, Any]:
    info = embeddings.info
    assert info is not None  # a file always has one
    return {
        "duration_s": embeddings.duration_s,
        "sample_rate": info.sample_rate,
        "n_channels": info.n_channels,
        "format": info.format,
        "warning": embeddings.warning,
        "n_segments": len(embeddings.vectors),
        "facts": None if embeddings.facts is None else dataclasses.asdict(embeddings.facts),
        "fingerprint": embeddings.fingerprint,
    }
