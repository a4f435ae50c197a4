"""Recipes of docs/recipes, run from their own text, and held to what they show."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = {"bash", "python"}
SHOWN = "text"
NUMBER = re.compile(r"\d+\.\d+")
PATIENCE_S = 300  # of a loaded machine
TOKEN = re.compile(r"^\.\.\.\n|\.\.\.|\d+\.\d+|─+|\s+|.", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """What is run, and what it prints, if that is shown."""

    language: str
    text: str
    shown: str | None


def read_blocks(page: Path) -> list[Block]:
    """Read a page's blocks in order; what nothing runs, or nothing prints, is refused."""
    blocks: list[Block] = []
    before = ""
    for language, text in FENCE.findall(page.read_text("utf-8")):
        if language in RUN:
            blocks.append(Block(language, text, None))
        else:
            is_shown = language == SHOWN and before in RUN
            assert is_shown, f"{page.name}: a block that nothing runs or prints: {text}"
            blocks[-1] = replace(blocks[-1], shown=text)
        before = language
    return blocks


def run_blocks(blocks: list[Block], folder: Path, notes: Path) -> list[str]:
    """Run blocks in one shell, as who follows a page does, and give what each printed.

    What the shell leaves running is ended.
    """
    lines = ["set -euo pipefail"]
    for number, block in enumerate(blocks):
        text = block.text
        if block.language == "python":
            program = notes / f"{number}.py"
            program.write_text(text, "utf-8")
            text = f"python '{program}'\n"
        lines += [f"exec > '{notes / str(number)}.out'", text]
    script = notes / "script.sh"
    script.write_text("\n".join(lines), "utf-8")
    programs = str(Path(sys.executable).parent)
    env = os.environ | {
        "COLUMNS": "100",
        "OMP_NUM_THREADS": "1",
        "PATH": programs + os.pathsep + os.environ["PATH"],
        "SOUNDKIN_LIBRARY": str(folder / "demo.sqlite"),
    }
    errors = notes / "errors.txt"
    with errors.open("w") as file:
        shell = subprocess.Popen(
            ["bash", script], cwd=folder, env=env, stderr=file, start_new_session=True
        )
        try:
            status = shell.wait(PATIENCE_S)
        finally:
            _end_group(shell)
    outputs = [path.read_text("utf-8") for path in _find_outputs(notes, len(blocks))]
    assert status == 0, f"{blocks[len(outputs) - 1].text}\n{errors.read_text('utf-8')}"
    return outputs


def find_difference(shown: str, printed: str) -> str | None:
    """Say what is printed where it is not what is shown, or None.

    Spaces may be more or fewer; numbers with a point may be off by a quarter or 5 %.
    """
    tokens = TOKEN.findall(shown)
    pattern = "".join(map(_make_pattern, tokens))
    found = re.fullmatch(pattern, printed)
    if not found:
        return f"shown:\n{shown}\nprinted:\n{printed}"
    for text, actual in zip(filter(NUMBER.fullmatch, tokens), found.groups(), strict=True):
        if abs(float(actual) - float(text)) > max(0.25, 0.05 * float(text)):
            return f"{actual} where {text} is shown, in:\n{printed}"
    return None


def _make_pattern(token: str) -> str:
    if token == "...\n":
        return r"(?s:.*?)"
    if token == "...":
        return r"[^\n]*?"
    if NUMBER.fullmatch(token):
        return r"(\d+(?:\.\d+)?)"
    if token.isspace():
        return r"\s+"
    return "─+" if token[0] == "─" else re.escape(token)


def _find_outputs(notes: Path, count: int) -> Iterator[Path]:
    paths = (notes / f"{number}.out" for number in range(count))
    return (path for path in paths if path.exists())


def _end_group(shell: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(shell.pid, signal.SIGKILL)
