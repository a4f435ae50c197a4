"""A database's file goes with all of its logs, whichever way it is deleted."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from conftest import Soundkin
from soundkin.errors import LibraryError
from soundkin.integrity.repair import repair_library
from soundkin.library.convert import convert_library
from soundkin.library.database_file import delete_database
from soundkin.system.files import name_aside

PAGE_SIZE = 4096
ENDED = bytes(512)  # a journal that SQLite takes for one of what is done, and leaves alone


def test_a_database_is_deleted_with_its_logs_and_nothing_else(tmp_path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal", ".txt"):
        (tmp_path / f"library.sqlite{suffix}").touch()
    delete_database(tmp_path / "library.sqlite")
    delete_database(tmp_path / "library.sqlite")
    assert [path.name for path in tmp_path.iterdir()] == ["library.sqlite.txt"]


def test_a_repair_leaves_no_journal_of_the_file_that_it_read_with(
    demo: Soundkin, tmp_path: Path
) -> None:
    library = tmp_path / "library.sqlite"
    data = demo.library.read_bytes()
    library.write_bytes(bytes(PAGE_SIZE) + data[PAGE_SIZE:])
    journal = Path(f"{name_aside(library)}.page-journal")
    journal.write_bytes(ENDED)
    repair_library(library, n_workers=1)
    assert not list(tmp_path.glob("*.part*"))


@pytest.mark.skipif(find_spec("lance") is None, reason="needs: pip install 'soundkin[cluster]'")
def test_a_copy_that_failed_leaves_no_journal(
    demo: Soundkin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    there, back = tmp_path / "there.lance", tmp_path / "back.sqlite"
    convert_library(str(demo.library), str(there))

    def fail(*_: object) -> None:
        Path(f"{name_aside(back)}-journal").write_bytes(ENDED)
        raise LibraryError("no room")

    with pytest.raises(LibraryError, match="no room"):
        convert_library(str(there), str(back), fail)
    assert not list(tmp_path.glob("back*"))
