"""The server's life: a socket, the loop, and an orderly end."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import socket
import threading
from collections.abc import Callable, Collection
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from soundkin.server.app import create_app
from soundkin.server.jobs.watch import Watcher
from soundkin.server.middleware.connection import LimitedHttpProtocol
from soundkin.server.settings import Settings
from soundkin.server.state import ServerState
from soundkin.system.limits import prepare_server_process

GRACE_S = 10
PATIENCE_S = 20.0
OPTIONS: dict[str, Any] = {
    "access_log": False,
    "http": LimitedHttpProtocol,
    "log_level": "error",
    "loop": "asyncio",  # the same everywhere, whatever else is installed
    "proxy_headers": False,
    "server_header": False,
    "ws": "none",
}


def run(
    settings: Settings, announce: Callable[[str], None], say: Callable[[str], None], *, watch: bool
) -> None:
    """Serve until Ctrl-C or SIGTERM; `announce` is told the address once it is listened at.

    What is being answered then is answered first, within `GRACE_S` seconds. A second signal ends
    it at once. With `watch` the library is kept in step with its folders, and `say` told of it.

    Raises
    ------
    OSError
        The address cannot be listened at.
    """
    prepare_server_process()
    with bind(settings.host, settings.port) as listener:
        settings = dataclasses.replace(settings, port=listener.getsockname()[1])
        state = ServerState(settings)
        ending = _Ending(state, say)
        watcher = Watcher(settings.library, say) if watch else None
        warming = threading.Thread(target=state.warm_up, daemon=True)
        warming.start()
        try:
            config = uvicorn.Config(
                ending.guard(create_app(state)),
                timeout_graceful_shutdown=GRACE_S,
                ssl_certfile=settings.certificate,
                ssl_keyfile=settings.key,
                **OPTIONS,
            )
            server = _Server(config, lambda: announce(settings.address), ending)
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, ending.heed)  # uvicorn raises them again at the very end
            server.run(sockets=[listener])
        finally:
            if watcher is not None:
                watcher.close()
            warming.join(PATIENCE_S)  # a thread inside a native library must not outlive us
            state.close()


class _Ending:
    """What signals lead to: the first to an orderly end, any after it to the end at once."""

    def __init__(self, state: ServerState, say: Callable[[str], None]) -> None:
        self._state = state
        self._say = say
        self._is_over = False
        self._n_heeded = 0
        self._n_raised = 0

    def begin(self, number: int) -> None:
        """Take in a signal while the server runs."""
        self._n_heeded += 1
        if self._n_heeded > 1:
            self._end_at_once(128 + number)
        self._state.board.close_doors()
        patience = threading.Timer(GRACE_S + PATIENCE_S, self._end_at_once, [0])
        patience.daemon = True  # for what cannot be interrupted, as a decoder at work
        patience.start()

    def guard(self, app: ASGIApp) -> ASGIApp:
        """Have what is cut off in the end go quietly; uvicorn would print where each was."""

        async def run(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await app(scope, receive, send)
            except asyncio.CancelledError:
                if not self._is_over:
                    raise

        return run

    def cut_off(self, tasks: Collection[asyncio.Task[Any]]) -> None:
        """End what hangs though nobody waits for it any more, and say how much that is."""
        self._is_over = True
        if tasks:
            requests = "request was" if len(tasks) == 1 else "requests were"
            self._say(f"{len(tasks)} {requests} not answered in time, and cut off")
        for task in tasks:
            task.cancel()

    def heed(self, number: int, frame: FrameType | None) -> None:
        """Take in a signal once the server has ended; uvicorn raises what it had again."""
        self._n_raised += 1
        if self._n_raised > self._n_heeded:
            self._end_at_once(128 + number)

    def _end_at_once(self, status: int) -> None:
        self._state.uploads.close()
        os._exit(status)


def bind(host: str, port: int) -> socket.socket:
    """Bind a socket to an address; port 0 takes a free one."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except BaseException:
        listener.close()
        raise
    return listener


class _Server(uvicorn.Server):
    """Tells when it has begun to listen; once it is asked to end it lets nobody hold it up."""

    def __init__(
        self, config: uvicorn.Config, on_start: Callable[[], None], ending: _Ending
    ) -> None:
        super().__init__(config)
        self._on_start = on_start
        self._ending = ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        if self.started:
            self._on_start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End once what is being answered is answered; streams of news end now."""
        self._ending.begin(sig)
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wait for what is being answered; who is not done in time is cut off."""
        loop = asyncio.get_running_loop()
        loop.call_later(GRACE_S - 1, self._cut_off)
        loop.call_later(GRACE_S - 0.5, self._ending.cut_off, self.server_state.tasks)
        await super().shutdown(sockets)

    def _cut_off(self) -> None:
        for connection in list(self.server_state.connections):
            if isinstance(connection, LimitedHttpProtocol):
                connection.cut()
