"""One of the equal servers that a cluster runs: the whole server but its socket, in an actor."""

from __future__ import annotations

from fastapi import FastAPI

from soundkin.server.app import create_app
from soundkin.server.settings import Settings
from soundkin.server.state import Desk
from soundkin.system.limits import settle_process


class Replica:
    """Answers requests that Ray Serve's proxies pass on; ready once model and index are loaded.

    What it knows lies in the library's tables, and what it is sent is kept beside them
    (`sharing`), so that any replica answers any request and each can be replaced at any time.
    """

    def __init__(self, settings: Settings, owner: str) -> None:
        settle_process()
        self._owner = owner
        self._desk = Desk(settings)
        self._desk.warm_up()

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Give Ray Serve the app."""
        return create_app(self._desk)

    def tell_owner(self) -> str:
        """Tell which `soundkin serve` has started it."""
        return self._owner

    def check_health(self) -> None:
        """Look whether the library can be read; Ray replaces who raises, as long as it does."""
        with self._desk.open_library() as library:
            _ = library.stamp

    def __del__(self) -> None:
        """Close what is open, once what was being answered is answered."""
        if hasattr(self, "_desk"):  # which it could not open, maybe
            self._desk.close()
