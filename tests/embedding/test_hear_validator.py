"""HEAR's own validator holds `soundkin.hear` against its API; `make hear` fetches it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

# The validator imports TensorFlow to tell its models from others; there is none here to be told.
TENSORFLOW = "class Module: pass\n"


@pytest.mark.skipif(
    importlib.util.find_spec("hearvalidator") is None, reason="run make hear, which fetches it"
)
def test_the_published_validator_accepts_soundkin(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text(TENSORFLOW)
    done = subprocess.run(
        [sys.executable, "-m", "hearvalidator.validate", "soundkin.hear", "-d", "cpu"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "Looks good!"
