"""Which contents of an index a search is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]

NONE = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Scope:
    """Which contents count, by their places: all but `shut`, or those `open` alone but `shut`."""

    n_contents: int
    open: npt.NDArray[np.bool_] | None
    shut: Rows

    @classmethod
    def select(
        cls, content_ids: Rows, allowed: Rows | None = None, excluded: Sequence[int] = ()
    ) -> Scope:
        """Find the contents that count by their ids; all ids are ascending but the excluded."""
        is_open = None
        if allowed is not None:
            is_open = np.isin(content_ids, allowed, assume_unique=True)
        if not excluded:
            return cls(len(content_ids), is_open, NONE)
        ids = np.array(sorted(set(excluded)), np.int64)
        shut = np.searchsorted(content_ids, ids)
        is_known = shut < len(content_ids)
        is_known[is_known] = content_ids[shut[is_known]] == ids[is_known]
        return cls(len(content_ids), is_open, shut[is_known])

    @property
    def is_whole(self) -> bool:
        """Whether every content counts."""
        return self.open is None and not len(self.shut)

    def count(self) -> int:
        """Count them."""
        if self.open is None:
            return self.n_contents - len(self.shut)
        return int(self.open.sum()) - int(self.open[self.shut].sum())

    def list_places(self) -> Rows:
        """List them, ascending."""
        places = np.arange(self.n_contents) if self.open is None else np.flatnonzero(self.open)
        return np.setdiff1d(places, self.shut, assume_unique=True) if len(self.shut) else places

    def holds(self, places: Rows) -> npt.NDArray[np.bool_]:
        """Tell which of some places count."""
        is_held = ~np.isin(places, self.shut) if len(self.shut) else np.ones(len(places), np.bool_)
        return is_held if self.open is None else is_held & self.open[places]
