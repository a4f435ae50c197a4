"""Maps on disk: a folder beside the library, one checked file for each map, never trusted."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from soundkin.system.cache_folder import CacheFolder
from soundkin.system.files import write_aside

FORMAT = 1
CRC_BYTES = 4
ARRAYS = ("keys", "positions")
FACTS = ("identity", "generation", "seed", "n_laid_out", "unit")
DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile)


@dataclass(frozen=True)
class SavedMap:
    """A map as it is saved: contents or their segments, and where they lie.

    `keys` int64 `(n,)`, ascending, tell which contents or segments they are; `positions` is float32
    `(n, 2)` in [-1, 1], with one `unit` of the layout being so much there. Of the points
    `n_laid_out` were laid out together, from `seed`, the others placed among them later.
    `identity` and `generation` are the library's stamp.
    """

    identity: str
    generation: int
    seed: int
    n_laid_out: int
    unit: float
    keys: npt.NDArray[np.int64]
    positions: npt.NDArray[np.float32]

    def __len__(self) -> int:
        """Points on it."""
        return len(self.keys)

    @property
    def stamp(self) -> tuple[str, int]:
        """The stamp of the library that it shows."""
        return self.identity, self.generation

    def to_bytes(self) -> bytes:
        """Write it with a check of itself."""
        facts = json.dumps({name: getattr(self, name) for name in FACTS} | {"format": FORMAT})
        buffer = io.BytesIO()
        np.savez(buffer, facts=np.array(facts), **{name: getattr(self, name) for name in ARRAYS})
        data = buffer.getvalue()
        return zlib.crc32(data).to_bytes(CRC_BYTES, "big") + data

    @classmethod
    def from_bytes(cls, data: bytes) -> SavedMap:
        """Read what `to_bytes` wrote; an error out of `DAMAGE` where it is another."""
        payload = memoryview(data)[CRC_BYTES:]
        if zlib.crc32(payload) != int.from_bytes(data[:CRC_BYTES], "big"):
            raise ValueError("damaged")
        with np.load(io.BytesIO(payload)) as stored:
            facts = json.loads(stored["facts"].item())
            if facts.pop("format") != FORMAT:
                raise ValueError("not a map of this version")
            return cls(**facts, **{name: stored[name] for name in ARRAYS})


class MapFolder(CacheFolder):
    """The folder beside a library that holds its maps."""

    suffix = ".map"

    def load(self, name: str) -> SavedMap | None:
        """Load a map; None if there is none, or it is damaged."""
        try:
            return SavedMap.from_bytes(self._locate(name).read_bytes())
        except DAMAGE:
            return None

    def read_version(self, name: str) -> tuple[int, int] | None:
        """Read what tells one saved map from another; None if there is none."""
        try:
            status = self._locate(name).stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino

    def save(self, name: str, chart: SavedMap) -> None:
        """Put a map in place of an older one, in one step; OSError where it cannot be written."""
        with write_aside(self._locate(name)) as file:
            file.write(chart.to_bytes())

    def _locate(self, name: str) -> Path:
        return self.path / f"{name}.npz"
