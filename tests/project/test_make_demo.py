"""The first command of the README, in a folder in which nothing has been made yet."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_the_demo_indexes_searches_and_says_how_to_open_the_page(tmp_path: Path) -> None:
    library = tmp_path / ".demo" / "library.sqlite"
    installed = Path(sys.prefix) / "installed"  # what is installed is taken as it is
    done = subprocess.run(
        ["make", "-o", installed, "demo", f"VENV={sys.prefix}", f"LIBRARY={library}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "58 embedded" in done.stdout
    assert done.stdout.count("== What sounds like") == 3
    assert f"serve --library {library}" in done.stdout
