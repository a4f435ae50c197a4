"""A folder beside a library, of what can be made again from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    import filelock

LOCK = "lock"


class CacheFolder:
    """Such a folder, whether it is there or not; its name is the library's and `suffix`."""

    suffix: ClassVar[str]

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def beside(cls, library: Path) -> Self:
        """Name the folder of a library's file."""
        return cls(Path(f"{library}{cls.suffix}"))

    def lock(self) -> filelock.BaseFileLock:
        """Keep other processes from writing; OSError where nothing can be written."""
        import filelock  # here, since most who open a library write nothing beside it

        self.path.mkdir(exist_ok=True)
        return filelock.FileLock(self.path / LOCK)
