"""Bring the help texts in docs/commands.md up to date: python -m docs.refresh_commands"""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from soundkin.cli import commands

PAGE = Path(__file__).with_name("commands.md")
COLUMNS = 98


def render_help(name: str) -> str:
    """Render a command's help as the page shows it."""
    runner = CliRunner(env={"SOUNDKIN_LIBRARY": None})
    done = runner.invoke(commands, [name, "--help"], prog_name="soundkin", terminal_width=COLUMNS)
    return f"## soundkin {name}\n\n```\n{done.output.rstrip()}\n```\n"


def refresh(page: str) -> str:
    """Replace each command's block by the present one; a new command's goes to the end."""
    for name in commands.commands:
        block = render_help(name)
        pattern = rf"## soundkin {re.escape(name)}\n\n```\n.*?\n```\n"
        if re.search(pattern, page, re.DOTALL):
            page = re.sub(pattern, lambda _, block=block: block, page, flags=re.DOTALL)
        else:
            page = f"{page.rstrip()}\n\n{block}"
    return page


if __name__ == "__main__":
    PAGE.write_text(refresh(PAGE.read_text("utf-8")), "utf-8")
