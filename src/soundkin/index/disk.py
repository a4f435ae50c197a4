"""An index on disk: a folder beside the library, mapped into memory, never trusted.

A manifest names the files that hold, replaced in one step once these are on disk; whatever it does
not name is left over from an interrupted run. Vectors are only ever appended, so that a process
that has the file mapped sees what it saw.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from soundkin.index.float16 import compute_sums
from soundkin.index.vector_index import EXACT_ROWS, DamagedIndexError, VectorIndex
from soundkin.system.cache_folder import LOCK, CacheFolder
from soundkin.system.files import write_aside

FORMAT = 1
MANIFEST = "manifest.json"
NOTES = "notes.json"
ARRAYS = ("silent", "content_ids", "offsets", "sums")


@dataclass(frozen=True)
class Manifest:
    """What an index on disk holds: `stamp` of the library, the files' names, how it was made.

    `n_projected` rows from the first are in the file of projections, fitted when there were
    `n_trained`; `build_s` is what making them took.
    """

    stamp: tuple[str, int]
    n_rows: int
    size: int
    vectors: str
    arrays: str = ""
    arrays_crc: int = 0
    projections: str | None = None
    projections_crc: int = 0
    n_projected: int = 0
    n_trained: int = 0
    build_s: float = 0.0

    def to_json(self) -> str:
        """Write it with a check of itself."""
        values = dataclasses.asdict(self) | {"format": FORMAT}
        return json.dumps(values | {"crc": _check(values)})

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read what `to_json` wrote; ValueError, KeyError or TypeError where it is another."""
        values: dict[str, Any] = json.loads(text)
        crc = values.pop("crc")
        if values["format"] != FORMAT or crc != _check(values):
            raise ValueError("not a manifest of this version")
        del values["format"]
        return cls(**values | {"stamp": (values["stamp"][0], values["stamp"][1])})


@dataclass(frozen=True)
class Snapshot:
    """An index and how it lies on disk, None where it is in memory only."""

    manifest: Manifest | None
    index: VectorIndex


class IndexFolder(CacheFolder):
    """The folder beside a library that holds its index."""

    suffix = ".index"

    def load(self) -> Snapshot | None:
        """Map what is there into memory; None if there is nothing, or it is damaged."""
        try:
            manifest = self.read_manifest()
            data = (self.path / manifest.arrays).read_bytes()
            if zlib.crc32(data) != manifest.arrays_crc:
                return None
            with np.load(io.BytesIO(data)) as stored:
                arrays = {name: stored[name] for name in ARRAYS}
            index = VectorIndex(vectors=self.map_vectors(manifest), **arrays)
            if len(index) <= EXACT_ROWS and not index.is_whole():
                return None
            if manifest.projections:
                index = self._load_projections(index, manifest)
            return Snapshot(manifest, index)
        except (OSError, ValueError, KeyError, TypeError, DamagedIndexError):
            return None

    def holds(self, stamp: tuple[str, int]) -> bool:
        """Whether what is there is of this stamp, if it is whole; cheap to ask."""
        try:
            return self.read_manifest().stamp == stamp
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def read_manifest(self) -> Manifest:
        """Read what it holds; OSError, ValueError, KeyError or TypeError where that is damaged."""
        return Manifest.from_json((self.path / MANIFEST).read_text("utf-8"))

    def map_vectors(self, manifest: Manifest) -> npt.NDArray[np.float16]:
        """Map the vectors `(n_rows, size)`; ValueError if the file is too short."""
        shape = (manifest.n_rows, manifest.size)
        if not manifest.n_rows:
            return np.zeros(shape, np.float16)
        return np.asarray(np.memmap(self.path / manifest.vectors, np.float16, "r", shape=shape))

    def _load_projections(self, index: VectorIndex, manifest: Manifest) -> VectorIndex:
        from soundkin.index.rabitq import RaBitQIndex

        assert manifest.projections is not None  # loaded only where there are some
        path = self.path / manifest.projections
        if zlib.crc32(np.memmap(path, np.uint8, "r").data) != manifest.projections_crc:
            raise ValueError("projections are damaged")
        candidates = RaBitQIndex.load(path)
        late = np.arange(manifest.n_projected, len(index))
        candidates.add(late[~index.silent[late]], index.read)
        return dataclasses.replace(index, candidates=candidates)

    def append(
        self, manifest: Manifest, blocks: Iterable[npt.NDArray[np.float16]]
    ) -> npt.NDArray[np.uint16]:
        """Write vectors behind those of a manifest; returns the sums of the new ones."""
        sums = [np.zeros(0, np.uint16)]
        with (self.path / manifest.vectors).open("r+b" if manifest.n_rows else "wb") as file:
            file.seek(manifest.n_rows * manifest.size * np.dtype(np.float16).itemsize)
            for block in blocks:
                file.write(np.ascontiguousarray(block).data)
                sums.append(compute_sums(block))
            file.truncate()  # of what an interrupted run left
            file.flush()
            os.fsync(file.fileno())
        return np.concatenate(sums)

    def commit(self, manifest: Manifest, index: VectorIndex, *, keep_projections: bool) -> Manifest:
        """Write all but the vectors, then the manifest; returns it with the new names in it."""
        arrays = io.BytesIO()
        np.savez(arrays, **{name: getattr(index, name) for name in ARRAYS})
        names: dict[str, Any] = {
            "arrays": f"arrays-{uuid4().hex[:12]}.npz",
            "arrays_crc": zlib.crc32(arrays.getbuffer()),
        }
        with write_aside(self.path / names["arrays"]) as file:
            file.write(arrays.getbuffer())
        if index.candidates is None:
            names |= {"projections": None, "projections_crc": 0, "n_projected": 0}
        elif not keep_projections:
            from soundkin.index.rabitq import RaBitQIndex

            assert isinstance(index.candidates, RaBitQIndex)  # no others lie in a folder
            buffer = index.candidates.to_buffer()
            names |= {
                "projections": f"projections-{uuid4().hex[:12]}.faiss",
                "projections_crc": zlib.crc32(buffer.data),
                "n_projected": len(index),
            }
            with write_aside(self.path / names["projections"]) as file:
                file.write(buffer.data)
        manifest = dataclasses.replace(manifest, **names)
        with write_aside(self.path / MANIFEST) as file:
            file.write(manifest.to_json().encode())
        self._drop_left_over(manifest)
        return manifest

    def discard(self) -> None:
        """Forget what is there."""
        for name in (MANIFEST, NOTES):
            with suppress(OSError):
                (self.path / name).unlink()

    def read_notes(self) -> dict[str, Any]:
        """Read what was measured of an index and noted beside it; nothing where that is damaged."""
        try:
            notes = json.loads((self.path / NOTES).read_text("utf-8"))
            crc = notes.pop("crc")
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            return {}
        return notes if crc == _check(notes) else {}

    def write_notes(self, notes: dict[str, Any]) -> None:
        """Note what was measured of an index, where there is one and it can be written."""
        with suppress(OSError), write_aside(self.path / NOTES) as file:
            file.write(json.dumps(notes | {"crc": _check(notes)}).encode())

    def measure_bytes(self) -> int:
        """Sum up the files' sizes; 0 where no index is saved."""
        if not (self.path / MANIFEST).is_file():
            return 0
        return sum(entry.stat().st_size for entry in self.path.iterdir() if entry.is_file())

    def _drop_left_over(self, manifest: Manifest) -> None:
        named = {MANIFEST, LOCK, NOTES, manifest.vectors, manifest.arrays, manifest.projections}
        for entry in self.path.iterdir():
            if entry.name not in named:
                with suppress(OSError):  # another process may have it mapped, on Windows
                    entry.unlink()


def _check(values: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(values, sort_keys=True).encode())
