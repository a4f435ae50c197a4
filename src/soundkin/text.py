"""Times, amounts and names as people read them."""

from __future__ import annotations

import re

NOT_IN_NAMES = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f\ud800-\udfff]')
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
MAX_NAME_BYTES = 120


def make_printable(text: str) -> str:
    """Show control characters and undecodable bytes of a file's name as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def format_time(seconds: float) -> str:
    """Write a time in a recording: 0:03.50, 12:00.00, 1:02:03.00."""
    minutes, rest = divmod(round(seconds * 100), 6000)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{clock}:{rest / 100:05.2f}"


def format_hours(seconds: float) -> str:
    """Write an amount of audio in the unit that suits it."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def format_count(n: int, noun: str) -> str:
    """Write how many there are of something: 1 recording, 2 recordings."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def make_file_name(text: str) -> str:
    """Make a file's name of a text that every system takes, without an extension of its own."""
    name = NOT_IN_NAMES.sub("_", text).encode()[:MAX_NAME_BYTES].decode(errors="ignore")
    name = name.strip().rstrip(".").lstrip("-") or "_"
    return f"_{name}" if RESERVED.match(name) else name
