"""Archives unpacked by every Python that soundkin runs with."""

from __future__ import annotations

import tarfile
from pathlib import Path


def unpack_tar(path: Path, folder: Path) -> None:
    """Unpack a tar archive of our own making; before Python 3.11.4 nothing can be filtered out."""
    with tarfile.open(path) as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extractall(folder, filter="data")
        else:
            archive.extractall(folder)
