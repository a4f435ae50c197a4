"""The door: connections are counted and timed, whatever they say or fail to say.

What waits for a request may wait for ever in uvicorn, and a head of a request may be of any size.
Here a client that is slow on purpose, or gone without a word, costs a socket for some seconds.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from soundkin.server.problems import describe_problem

MAX_CONNECTIONS = 512
MAX_HEAD_BYTES = 64 << 10
HEAD_S = 10.0  # for a request's head to be whole, from when the last one was answered
BODY_S = 300.0  # for a whole body
BODY_TICK_S = 15.0
BODY_TICK_BYTES = 15 << 10  # of a body come in that time, at the least
LINGER_S = 2.0  # for a body that is refused to end
UNREAD_S = 120.0  # for who takes nothing of an answer; a player that is paused asks again

_numbers = itertools.count()


class LimitedHttpProtocol(HttpToolsProtocol):
    """One connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let it in, in place of one that has nothing to ask if there are too many."""
        super().connection_made(transport)
        self.number = next(_numbers)
        self._n_head = 0
        self._n_body = self._n_ticked = 0
        self._began_s = 0.0
        self._is_over = False
        self._in_body = False
        self._head_timer: asyncio.TimerHandle | None = self._later(HEAD_S, self._end_head)
        self._body_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None
        if len(self.connections) > MAX_CONNECTIONS and not self._make_room():
            self.refuse(503, "too many connections; try again in a moment")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget its timers."""
        self._is_over = True
        for name in ("_head_timer", "_body_timer", "_unread_timer"):
            self._stop(name)
        super().connection_lost(exc)

    @property
    def is_idle(self) -> bool:
        """Whether nothing of it is being answered, or has been asked."""
        is_answered = self.cycle is None or self.cycle.response_complete
        return is_answered and not self._in_body and not self.transport.is_closing()

    def _make_room(self) -> bool:
        """End the connection that has been idle for longest."""
        idle = [
            one
            for one in self.connections
            if isinstance(one, LimitedHttpProtocol) and one.is_idle and one is not self
        ]
        if not idle:
            return False
        min(idle, key=lambda one: one.number).cut()
        return True

    def data_received(self, data: bytes) -> None:
        """Take in what was sent, unless it is too much or too late."""
        if self._is_over:
            return
        if self._in_body:
            self._n_body += len(data)
        else:
            self._n_head += len(data)
            if self._head_timer is None:
                self._head_timer = self._later(HEAD_S, self._end_head)
        super().data_received(data)
        if not self._in_body and self._n_head > MAX_HEAD_BYTES:
            self.refuse(431, f"a request's head may have {MAX_HEAD_BYTES >> 10} kB")

    def on_headers_complete(self) -> None:
        """Begin a request, if its head is not too large."""
        n_bytes = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if n_bytes > MAX_HEAD_BYTES:
            self.refuse(431, f"a request's head may have {MAX_HEAD_BYTES >> 10} kB")
        if self._is_over:
            return
        self._stop("_head_timer")
        self._n_head, self._n_body, self._in_body = 0, 0, True
        super().on_headers_complete()
        self._began_s, self._n_ticked = self.loop.time(), 0
        self._stop("_body_timer")
        self._body_timer = self._later(BODY_TICK_S, self._tick_body)

    def on_body(self, body: bytes) -> None:
        """Take in some of a body."""
        if not self._is_over:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request's body."""
        if self._is_over:
            return
        self._in_body = False
        self._stop("_body_timer")
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, but not for the rest of a body that nobody wanted."""
        super().on_response_complete()
        if self._in_body:
            self._later(LINGER_S, self._end_linger)

    def pause_writing(self) -> None:
        """Begin to time who takes nothing of an answer."""
        super().pause_writing()
        self._unread_timer = self._unread_timer or self._later(UNREAD_S, self.cut)

    def resume_writing(self) -> None:
        """Go on: something was taken."""
        self._stop("_unread_timer")
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Say that it is no request, in the shape that all errors have."""
        self.refuse(400, "this is no HTTP request that can be read")

    def refuse(self, status: int, detail: str) -> None:
        """Answer without looking any further, and end it."""
        if self._is_over:
            return
        self._give_up()
        answer = describe_problem(status, detail)
        phrase = STATUS_LINE[status].rstrip()
        fields = [(b"connection", b"close"), *answer.raw_headers]
        head = b"\r\n".join([phrase, *(name + b": " + value for name, value in fields)])
        self.transport.write(head + b"\r\n\r\n" + bytes(answer.body))
        self.transport.close()

    def cut(self) -> None:
        """End it now, whatever is under way."""
        self._give_up()
        self.transport.abort()

    def _give_up(self) -> None:
        """Let nothing more come in, and have what is at work on an answer know that it may stop."""
        self._is_over = True
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _end_head(self) -> None:
        """End who has not asked in time; who has begun to is told."""
        self._head_timer = None
        if self._n_head:
            self.refuse(408, "the request's head did not come in time")
        elif self.is_idle:
            self.transport.close()

    def _tick_body(self) -> None:
        """End a body of which too little came, unless it is us who keep it waiting."""
        self._body_timer = None
        if self._is_over or not self._in_body:
            return
        is_late = self.loop.time() - self._began_s > BODY_S
        is_slow = self._n_body - self._n_ticked < BODY_TICK_BYTES and not self.flow.read_paused
        if (is_late or is_slow) and not self.cycle.response_started:
            self.refuse(408, "the request's body did not come in time")
        elif is_late or is_slow:
            self.cut()
        else:
            self._n_ticked = self._n_body
            self._body_timer = self._later(BODY_TICK_S, self._tick_body)

    def _end_linger(self) -> None:
        """End who goes on sending what was refused."""
        if self._in_body and self.cycle.response_complete:
            self.transport.close()

    def _later(self, delay_s: float, do: Callable[[], None]) -> asyncio.TimerHandle:
        return self.loop.call_later(delay_s, do)

    def _stop(self, name: str) -> None:
        timer: asyncio.TimerHandle | None = getattr(self, name)
        if timer is not None:
            timer.cancel()
            setattr(self, name, None)
