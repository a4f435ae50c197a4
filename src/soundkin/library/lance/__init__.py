"""A library in Lance tables, on a disk, a shared folder or object storage.

The facts of the tables are read from an SQLite cache, writes go to both.
First room: `lance_library`.
"""

from __future__ import annotations

from importlib.util import find_spec

from soundkin.errors import LibraryError

MISSING = "a Lance library needs more; install it with: pip install 'soundkin[cluster]'"

if find_spec("pyarrow") is None:  # which every module here begins with
    raise LibraryError(MISSING)
