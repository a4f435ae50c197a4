"""Times, amounts and names as people read them."""

from __future__ import annotations


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
