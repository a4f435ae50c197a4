"""One of the equal servers that a cluster runs: the whole server but its socket, in an actor."""

from __future__ import annotations

from fastapi import FastAPI

from soundkin.server.app import create_app
from soundkin.server.settings import Settings
from soundkin.server.state import ServerState
from soundkin.system.limits import prepare_server_process


class Replica:
    """Answers requests that Ray Serve's proxies pass on; ready once model and index are loaded.

    What it knows lies in the library's tables, and what it is sent is kept beside them
    (`shared_uploads`), so that any replica answers any request and each can be replaced at any
    time.
    """

    def __init__(self, settings: Settings, owner: str) -> None:
        prepare_server_process()
        self._owner = owner
        self._state = ServerState(settings)
        self._state.warm_up()

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Give Ray Serve the app."""
        return create_app(self._state)

    def tell_owner(self) -> str:
        """Tell which `soundkin serve` has started it."""
        return self._owner

    def check_health(self) -> None:
        """Look whether the library can be read; Ray replaces who raises, as long as it does."""
        with self._state.open_library() as library:
            _ = library.stamp

    def __del__(self) -> None:
        """Close what is open, once what was being answered is answered."""
        if hasattr(self, "_state"):  # which it could not open, maybe
            self._state.close()
