"""What some tests need that may not be there: skipped without it, but failed under CI."""

from __future__ import annotations

import importlib.util
import os
import shutil

import pytest


def miss(words: str) -> None:
    """Skip the test for want of something, or fail it under CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(words)
    pytest.skip(words)


def find_program(*names: str, words: str) -> str:
    """Find the first program of these names that there is."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        miss(words)
    return str(found)


def require_package(name: str, words: str) -> None:
    """See that a package can be imported."""
    if importlib.util.find_spec(name) is None:
        miss(words)
