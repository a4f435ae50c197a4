"""Embeddings of files as one table, for use elsewhere: NumPy's `.npz` or Parquet."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from soundkin.audio.walk import FoundFile, Unreadable, resolve_root, walk_audio
from soundkin.config import SegmentConfig
from soundkin.embedding.model import DEFAULT_MODEL, find_model, load_model
from soundkin.embedding.pool import WorkerPool
from soundkin.embedding.segments import Embeddings, locate_segments
from soundkin.errors import AudioError, QueryError, WorkerError, naming
from soundkin.progress import Failure, IndexProgress, ProgressCallback, ignore
from soundkin.system.files import write_aside


@dataclass(frozen=True)
class EmbeddingTable:
    """One row per segment; files in the order given, those of a folder by name.

    `path` `(n,)` is as found below the given folder's parent, or as typed for a file; `start_s`
    and `duration_s` are float64 `(n,)`; `embedding` is float32 `(n, size)`. `failures` lists the
    files that could not be read.
    """

    path: npt.NDArray[np.str_]
    start_s: npt.NDArray[np.float64]
    duration_s: npt.NDArray[np.float64]
    embedding: npt.NDArray[np.float32]
    failures: tuple[Failure, ...]


def embed_paths(
    paths: Sequence[str | os.PathLike[str]],
    *,
    model: str | os.PathLike[str] = DEFAULT_MODEL,
    n_workers: int | None = None,
    on_progress: ProgressCallback = ignore,
) -> EmbeddingTable:
    """Embed every audio file among files and folders.

    Raises
    ------
    SoundkinError
        A path or the model is missing, or no file could be read.
    """
    model_file = find_model(model)
    segments = load_model(model_file).segments
    failures: list[Failure] = []
    files = list(_list_files(paths, failures))
    n_bytes = sum(file.size for _, file in files)
    names: list[str] = []
    found: list[Embeddings] = []
    bytes_done, audio_s = 0, 0.0
    with WorkerPool(model_file, n_workers) as pool:
        for n_done, (name, file, future) in enumerate(_submit_ahead(pool, files), 1):
            try:
                found.append(future.result())
                names.append(name)
                audio_s += found[-1].duration_s
            except (AudioError, WorkerError) as error:
                failures.append(Failure.of(file.path, error))
            bytes_done += file.size
            on_progress(IndexProgress(n_done, len(files), bytes_done, n_bytes, audio_s))
    if not found:
        reasons = "; ".join(f"{failure.path}: {failure.reason}" for failure in failures[:3])
        raise QueryError(f"nothing to embed: {reasons or 'no audio files there'}")
    return _build_table(names, found, segments, failures)


def _list_files(
    paths: Sequence[str | os.PathLike[str]], failures: list[Failure]
) -> Iterator[tuple[str, FoundFile]]:
    """Yield files with the names they are to have in the table."""
    for typed in paths:
        root = resolve_root(typed)
        for found in walk_audio(root):
            if isinstance(found, Unreadable):
                failures += [Failure(found.path, found.reason)] if found.matters else []
            elif found.path == root:
                yield os.fsdecode(typed), found
            else:
                yield os.path.relpath(found.path, Path(root).parent), found


def _submit_ahead(
    pool: WorkerPool, files: Sequence[tuple[str, FoundFile]]
) -> Iterator[tuple[str, FoundFile, Future[Embeddings]]]:
    """Yield files in order with their futures, a few being worked on ahead."""
    queue: deque[tuple[str, FoundFile, Future[Embeddings]]] = deque()
    for name, file in files:
        queue.append((name, file, pool.submit(file.path)))
        if len(queue) > 8 * pool.n_workers:
            yield queue.popleft()
    yield from queue


def _build_table(
    names: Sequence[str],
    found: Sequence[Embeddings],
    segments: SegmentConfig,
    failures: Sequence[Failure],
) -> EmbeddingTable:
    counts = [len(embeddings.vectors) for embeddings in found]
    places = [locate_segments(len(e.vectors), e.duration_s, segments, e.sound_s) for e in found]
    return EmbeddingTable(
        path=np.repeat(np.array(names, np.str_), counts),
        start_s=np.concatenate([starts for starts, _ in places]),
        duration_s=np.repeat(np.array([length_s for _, length_s in places]), counts),
        embedding=np.concatenate([embeddings.vectors for embeddings in found]),
        failures=tuple(failures),
    )


def check_table_path(path: str | os.PathLike[str]) -> None:
    """Refuse a file that a table cannot be saved to, before any work is done.

    Raises
    ------
    QueryError
        Its extension is neither `.npz` nor `.parquet`, what writes that is not installed, or its
        folder is missing.
    """
    path = Path(path)
    if path.suffix.lower() not in _WRITERS:
        raise QueryError(f"{path}: the output's name must end in {' or '.join(_WRITERS)}")
    if path.suffix.lower() == ".parquet" and find_spec("pyarrow") is None:
        raise QueryError(
            f"{path}: Parquet needs more; install it with: pip install 'soundkin[parquet]'"
        )
    if not path.absolute().parent.is_dir():
        raise QueryError(f"{path}: its folder does not exist")


def save_table(table: EmbeddingTable, path: str | os.PathLike[str]) -> None:
    """Save a table as `.npz` or `.parquet`, by the extension; an old file is replaced at the end.

    Raises
    ------
    QueryError
        The file cannot be written.
    """
    check_table_path(path)
    path = Path(path).absolute()
    with naming(path, QueryError), write_aside(path) as file:
        _WRITERS[path.suffix.lower()](table, file)


def _write_npz(table: EmbeddingTable, file: IO[bytes]) -> None:
    np.savez(
        file,
        path=table.path,
        start_s=table.start_s,
        duration_s=table.duration_s,
        embedding=table.embedding,
    )


def _write_parquet(table: EmbeddingTable, file: IO[bytes]) -> None:
    import pyarrow
    import pyarrow.parquet

    names = [name.encode(errors="surrogateescape").decode(errors="replace") for name in table.path]
    embedding: Any = pyarrow.FixedSizeListArray.from_arrays(
        pyarrow.array(table.embedding.reshape(-1)), table.embedding.shape[1]
    )
    columns = {
        "path": pyarrow.array(names, pyarrow.string()),
        "start_s": pyarrow.array(table.start_s),
        "duration_s": pyarrow.array(table.duration_s),
        "embedding": embedding,
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), file)


_WRITERS: dict[str, Callable[[EmbeddingTable, IO[bytes]], None]] = {
    ".npz": _write_npz,
    ".parquet": _write_parquet,
}
