"""faiss, told which processor this is: to be imported from here alone.

Its wheels for Linux bring an OpenBLAS of 2021, which takes a processor younger than itself for one
of 2004 and multiplies matrices with a quarter of its registers. numpy's own copy is new and knows
better; what it found is handed over while faiss is loaded. Elsewhere (Windows, macOS, Arm, a faiss
that was built with another BLAS) and where a user has set `OPENBLAS_CORETYPE`, nothing is done.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

SETTING = "OPENBLAS_CORETYPE"
UNAWARE = (0, 3, 20)  # versions before this one know no processor of 2023
# What numpy finds, and the nearest that an old OpenBLAS has code for: it takes Cooperlake, by
# name, for a Prescott. Processors that are not here are as old as itself, and found by it.
CORES = {
    "Haswell": "Haswell",
    "Zen": "Zen",
    "SkylakeX": "SkylakeX",
    "Cooperlake": "SkylakeX",
    "SapphireRapids": "SkylakeX",
}
CORE_FUNCTIONS = (
    "scipy_openblas_get_corename64_",
    "openblas_get_corename64_",
    "openblas_get_corename",
)


def choose_core() -> str | None:
    """Choose the core that faiss's OpenBLAS is to be told; nothing where it will find it itself."""
    if SETTING in os.environ or not _is_unaware(_find_blas_of_faiss()):
        return None
    return CORES.get(read_core_of_numpy())


def read_core_of_numpy() -> str:
    """Read which processor numpy's OpenBLAS found; empty where numpy has another BLAS."""
    try:
        module = import_module("numpy._core._multiarray_umath")
        loaded = ctypes.CDLL(module.__file__)  # with it, what it is linked with
    except (ImportError, OSError):
        return ""
    for name in CORE_FUNCTIONS:
        if (function := getattr(loaded, name, None)) is not None:
            function.restype = ctypes.c_char_p
            return str(function().decode())
    return ""


def _find_blas_of_faiss() -> str:
    """Find the file of the OpenBLAS that lies beside faiss, by its name; empty where none does."""
    spec = importlib.util.find_spec("faiss")
    folder = Path(spec.origin or "").parent.parent / "faiss_cpu.libs" if spec else Path()
    return next((path.name for path in folder.glob("libopenblas*.so*")), "")


def _is_unaware(name: str) -> bool:
    """Tell by its name, `libopenblaso-r0-d77a1985.3.15.so`, whether it is of the old ones."""
    found = re.fullmatch(r"libopenblas\w*-r(\d+)(?:-\w+)?\.(\d+)\.(\d+)\.so", name)
    return found is not None and tuple(map(int, found.groups())) < UNAWARE


@contextmanager
def _told(core: str | None) -> Iterator[None]:
    """Have the core in the environment only meanwhile: numpy of processes to come finds its own."""
    if core is None:
        yield
        return
    os.environ[SETTING] = core
    try:
        yield
    finally:
        del os.environ[SETTING]


with _told(choose_core()):
    import faiss

__all__ = ["choose_core", "faiss", "read_core_of_numpy"]
