"""The server's life: a socket, the loop, and an orderly end."""

from __future__ import annotations

import dataclasses
import logging
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn

from soundkin.server.app import create_app
from soundkin.server.desk import Desk
from soundkin.server.settings import Settings

GRACE_S = 5
PATIENCE_S = 20.0
OPTIONS: dict[str, Any] = {
    "access_log": False,
    "log_level": "error",
    "proxy_headers": False,
    "server_header": False,
    "ws": "none",
}


def run(settings: Settings, announce: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM; `announce` is told the address once it is listened at.

    Raises
    ------
    OSError
        The address cannot be listened at.
    """
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # broken forms are the sender's
    with _bind(settings.host, settings.port) as listener:
        settings = dataclasses.replace(settings, port=listener.getsockname()[1])
        desk = Desk(settings)
        warming = threading.Thread(target=desk.warm_up, daemon=True)
        warming.start()
        try:
            config = uvicorn.Config(
                create_app(desk),
                timeout_graceful_shutdown=GRACE_S,
                ssl_certfile=settings.certificate,
                ssl_keyfile=settings.key,
                **OPTIONS,
            )
            server = _Server(config, lambda: announce(settings.address), desk.board.close_doors)
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, _heed_once)  # uvicorn raises them again at the very end
            server.run(sockets=[listener])
        finally:
            warming.join(PATIENCE_S)  # a thread inside a native library must not outlive us
            desk.close()


def _heed_once(number: int, frame: FrameType | None) -> None:
    """Do nothing about a signal that the server has heeded."""


def _bind(host: str, port: int) -> socket.socket:
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
    """Tells when it has begun to listen, and when it is asked to end."""

    def __init__(
        self, config: uvicorn.Config, on_start: Callable[[], None], on_exit: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._on_start = on_start
        self._on_exit = on_exit

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        if self.started:
            self._on_start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End once what is being answered is answered; streams of news end now."""
        self._on_exit()
        super().handle_exit(sig, frame)
