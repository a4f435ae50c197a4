"""Peaks and spectrograms that were asked for before, kept in memory."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from soundkin.audio.preview import compute_peaks, draw_sound
from soundkin.server.rows import Row
from soundkin.server.sounds.byte_limited_cache import ByteLimitedCache
from soundkin.server.sounds.sound import SoundRef

MAX_BYTES = 16 << 20  # 400 pictures; browsers keep what they show, too
ENTRY_BYTES = 1000  # what keeping one takes beside it: its key, a path in it, its place
Preview = TypeVar("Preview")


class PreviewCache:
    """Peaks and spectrograms of sounds; for any thread."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._previews = ByteLimitedCache[Hashable, Any](max_bytes)

    def get(self, key: Hashable, make: Callable[[], tuple[Preview, int]]) -> Preview:
        """Get a preview; `make` gives it and its size in bytes, where it is not there yet."""
        found: Preview | None = self._previews.get(key)
        if found is not None:
            return found
        preview, n_bytes = make()
        self._previews.put(key, preview, n_bytes + ENTRY_BYTES)
        return preview

    def get_peaks(self, heard: SoundRef, n: int, start_s: float, end_s: float | None) -> Row:
        """Compute a sound's peaks; see `compute_peaks`."""

        def make() -> tuple[npt.NDArray[np.float32], int]:
            peaks = compute_peaks(heard.path, heard.duration_s, n, start_s, end_s)
            return peaks, peaks.nbytes

        peaks = self.get(("peaks", _identify(heard), n, start_s, end_s), make)
        stop_s = heard.duration_s if end_s is None else min(end_s, heard.duration_s)
        least, most = np.round(peaks.astype(np.float64), 4).tolist()
        return {
            "start_s": start_s,
            "duration_s": round(stop_s - start_s, 6),
            "min": least,
            "max": most,
        }

    def draw(
        self, heard: SoundRef, width: int, height: int, start_s: float, end_s: float | None
    ) -> bytes:
        """Draw a sound's spectrogram; see `draw_sound`."""

        def make() -> tuple[bytes, int]:
            region = (start_s, end_s, heard.slow)
            picture = draw_sound(heard.path, heard.duration_s, width, height, *region)
            return picture, len(picture)

        key = ("spectrogram", _identify(heard), width, height, start_s, end_s, heard.slow)
        return self.get(key, make)


def _identify(heard: SoundRef) -> Hashable:
    """Tell a file from what it was before it changed."""
    status = heard.path.stat()
    return heard.path, status.st_size, status.st_mtime_ns
