"""Which segments of a sound hold nothing to hear."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from soundkin.config import SILENCE_DB

DROWNED_DB = 60.0  # so far below the loudest segment of its recording nothing is made out


def find_silent(levels_db: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.bool_]:
    """Tell which segments of one recording are silent, by their levels `(n_segments,)` in dB.

    These are below -80 dB of full scale, or 60 dB below the loudest one: the floor of a recording
    is no sound of its own.
    """
    if not len(levels_db):
        return np.zeros(0, np.bool_)
    silent: npt.NDArray[np.bool_] = levels_db < max(SILENCE_DB, float(levels_db.max()) - DROWNED_DB)
    return silent
