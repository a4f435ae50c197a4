"""Arrays as text, for pages to read."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import numpy.typing as npt


def encode_array(values: npt.NDArray[Any], kind: type[np.generic]) -> str:
    """Write an array as base64 of little-endian numbers of a kind."""
    little = values.astype(np.dtype(kind).newbyteorder("<"))
    return base64.b64encode(little.tobytes()).decode()
