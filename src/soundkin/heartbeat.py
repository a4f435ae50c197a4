"""Signs of life: who works for another process says so while it works."""

from __future__ import annotations

from collections.abc import Callable


def _say_nothing() -> None:
    pass


_say: Callable[[], None] = _say_nothing


def beat() -> None:
    """Say that the work goes on; to be called in whatever may take long, cheaply often."""
    _say()


def send_beats(say: Callable[[], None]) -> None:
    """Have every beat of this process told by `say`, from now on."""
    global _say
    _say = say
