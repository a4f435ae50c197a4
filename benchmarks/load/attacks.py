"""Attacks on a running `soundkin serve`, each as small or as large as is asked for.

They speak over bare sockets, as no well-behaved client would. Each tells what came back, and how
long the server's event loop kept an honest request waiting meanwhile. `run.py` runs them at full
strength, the tests a small share of them.
"""

from __future__ import annotations

import contextlib
import io
import json
import socket
import statistics
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import soundfile

CLOSED = "closed"
SILENT = "no answer"
KEPT = "taken as far as it goes"


@dataclass(frozen=True)
class Target:
    """Where a server listens, and the id of a recording that it has."""

    port: int
    sound: str = "r1"

    def connect(self, timeout_s: float = 30.0, n_buffer: int | None = None) -> socket.socket:
        """Open a connection; with `n_buffer`, one that takes no more bytes than that at once."""
        link = socket.socket()
        if n_buffer is not None:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, n_buffer)
        link.settimeout(timeout_s)
        try:
            link.connect(("127.0.0.1", self.port))
        except OSError:
            link.close()
            raise
        return link

    def ask(self, request: bytes, timeout_s: float = 30.0) -> str:
        """Send bytes, and read what comes back to its end; returns the status, or what became."""
        with self.connect(timeout_s) as link:
            with contextlib.suppress(OSError):  # it need not be read to its end
                link.sendall(request)
            return read_status(link)


@dataclass
class Outcome:
    """What came back, counted, and the longest that an honest request had to wait, in ms."""

    answers: Counter[str] = field(default_factory=Counter)
    lag_ms: float = 0.0
    usual_ms: float = 0.0

    def tell(self) -> str:
        """Write the answers in words."""
        return ", ".join(f"{n} × {answer}" for answer, n in sorted(self.answers.items()))


def read_status(link: socket.socket) -> str:
    """Read an answer to its end; returns its status."""
    first = b""
    try:
        while part := link.recv(1 << 16):
            first = first or part
    except TimeoutError:
        return first.split()[1].decode() if first else SILENT
    except OSError:
        pass
    return first.split(b" ", 2)[1].decode() if first.startswith(b"HTTP/1.1 ") else CLOSED


def make_request(
    target: str, method: str = "GET", headers: Sequence[str] = (), body: bytes = b""
) -> bytes:
    """Write a whole request that ends its connection."""
    fields = ["Host: localhost", "Connection: close", *headers]
    if body:
        fields.append(f"Content-Length: {len(body)}")
    head = "\r\n".join([f"{method} {target} HTTP/1.1", *fields])
    return head.encode("latin-1") + b"\r\n\r\n" + body


class Probe:
    """Asks, over and over, what the event loop alone answers; a context manager."""

    def __init__(self, target: Target, every_s: float = 0.02) -> None:
        self._target, self._every_s = target, every_s
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.times_ms: list[float] = []

    def __enter__(self) -> Probe:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        request = b"GET / HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\n\r\n"
        while not self._is_over.wait(self._every_s):
            started = time.perf_counter()
            status = self._target.ask(request, 60)
            self.times_ms.append(1000 * (time.perf_counter() - started))
            if status != "403":
                self.times_ms.append(float("inf"))


def attack(target: Target, name: str, amount: float) -> Outcome:
    """Run one of `ATTACKS`, `amount` being 1 for its full strength."""
    outcome = Outcome()
    with Probe(target) as probe:
        outcome.answers.update(ATTACKS[name](target, amount))
        time.sleep(0.2)
    outcome.lag_ms = max(probe.times_ms)
    outcome.usual_ms = statistics.median(probe.times_ms)
    return outcome


def _send_slowly(
    target: Target, head: bytes, drip: bytes, n: int, seconds: float, every_s: float = 0.5
) -> Iterator[str]:
    """Open `n` connections that send a little now and then; yields how each ended."""
    links = [target.connect() for _ in range(n)]
    deadline = time.monotonic() + seconds
    for link in links:
        link.sendall(head)
    open_links = list(links)
    while open_links and time.monotonic() < deadline:
        time.sleep(every_s)
        for link in list(open_links):
            try:
                link.sendall(drip)
                link.setblocking(False)
                is_over = link.recv(1, socket.MSG_PEEK) is not None
            except BlockingIOError:
                is_over = False
            except OSError:
                is_over = True
            if is_over:
                open_links.remove(link)
                link.settimeout(1)
                yield read_status(link)
            else:
                link.settimeout(5)
    yield from ["still open"] * len(open_links)
    for link in links:
        link.close()


def send_slow_heads(target: Target, amount: float) -> Iterator[str]:
    """Send heads of requests a byte at a time."""
    yield from _send_slowly(
        target, b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"a", max(4, int(300 * amount)), 20
    )


def send_slow_bodies(target: Target, amount: float) -> Iterator[str]:
    """Send uploads some bytes at a time."""
    head = b"POST /api/v1/sounds HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\nRIFF"
    yield from _send_slowly(target, head, b"a", max(4, int(100 * amount)), 40, 1.0)


def keep_idle(target: Target, amount: float) -> Iterator[str]:
    """Open connections and say nothing; searches go on meanwhile."""
    links: list[socket.socket] = []
    try:
        links += [target.connect() for _ in range(max(20, int(3000 * amount)))]
        yield from _search(target, 5)
    finally:
        for link in links:
            link.close()


def leave_half_open(target: Target, amount: float) -> Iterator[str]:
    """Begin a request, and close one's own half."""
    for _ in range(max(10, int(500 * amount))):
        with target.connect(20) as link:
            link.sendall(b"GET / HTTP/1.1\r\nHost: local")
            link.shutdown(socket.SHUT_WR)
            yield read_status(link)


def send_too_much(target: Target, amount: float) -> Iterator[str]:
    """Claim sizes that are too large, and send bodies without an end."""
    for path in ("/api/v1/sounds", "/api/v1/search", "/api/v1/embed"):
        for size in (1 << 40, 1 << 62):
            request = make_request(path, "POST", [f"Content-Length: {size}"])
            with target.connect(30) as link:
                with contextlib.suppress(OSError):
                    link.sendall(request)
                    for _ in range(3000):
                        link.sendall(bytes(1 << 16))
                yield read_status(link)
        with target.connect(30) as link:
            with contextlib.suppress(OSError):
                link.sendall(make_request(path, "POST", ["Transfer-Encoding: chunked"]))
                while True:
                    link.sendall(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
            yield read_status(link)
        if amount < 1:
            return


def make_bomb(kind: str, hours: float) -> bytes:
    """Make a small file that decodes to hours of silence."""
    file, block = io.BytesIO(), np.zeros(1 << 20, np.float32)
    rate = 48_000 if kind == "OPUS" else 8000
    container, subtype = ("FLAC", "PCM_16") if kind == "FLAC" else ("OGG", kind)
    with soundfile.SoundFile(file, "w", rate, 1, subtype, format=container) as sound:
        for _ in range(int(hours * 3600 * rate / len(block))):
            sound.write(block)
    return file.getvalue()


def send_bombs(target: Target, amount: float) -> Iterator[str]:
    """Send small files that decode to hours."""
    for kind, hours in (("FLAC", 48 * amount), ("VORBIS", 2 * amount), ("OPUS", 2 * amount)):
        bomb = make_bomb(kind, max(0.2, hours))
        yield target.ask(make_request("/api/v1/sounds?name=a", "POST", body=bomb), 90)
        yield target.ask(make_request("/api/v1/search/upload", "POST", body=bomb[:-100]), 90)
    wav = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 2**32 - 1, b"WAVE", b"fmt ", 16, 1, 1, 8000,
                      16000, 2, 16, b"data", 2**32 - 38)  # fmt: skip
    status = target.ask(make_request("/api/v1/sounds", "POST", body=wav + bytes(3000)), 90)
    yield KEPT if status == "201" else status  # of what is damaged, what is there is taken


RANGES = (
    "bytes=0-0", "bytes=-1", "bytes=5-2", "bytes=99999999999999999999-", "bytes=-0", "bytes=0-",
    "bytes=a-b", "bytes", "bytes=", "bytes=-", "lines=0-5", "bytes=0-0,2-2", "bytes=1-2,,",
    "bytes=" + ",".join("0-" for _ in range(5000)),
    "bytes=" + ",".join(f"{i}-" for i in range(5000)),
    "bytes=" + ",".join(f"{2 * i}-{2 * i}" for i in range(90)), "bytes=" + "9" * 30_000 + "-",
)  # fmt: skip


def abuse_ranges(target: Target, amount: float) -> Iterator[str]:
    """Ask for ranges that are reversed, huge, many, or none."""
    for _ in range(max(1, int(10 * amount))):
        for wanted in RANGES:
            for query in ("", "?start_s=0.01"):
                path = f"/api/v1/sounds/{target.sound}/audio{query}"
                yield target.ask(make_request(path, headers=[f"Range: {wanted}"]))


def climb_out(target: Target, amount: float) -> Iterator[str]:
    """Ask for what lies outside."""
    paths = (
        "/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc%2fpasswd",
        "//etc/passwd", "/js/..%2f..%2fserver/app.py", "/js/%2e%2e/%2e%2e/server/app.py",
        "/\\..\\..",
        "/api/v1/sounds/..%2f..%2fetc%2fpasswd/audio", "/api/v1/sounds/r1%00/audio", "/%00", "/%ff",
        f"/{'a' * 5000}", f"/{'a/' * 5000}", "/js",
    )  # fmt: skip
    for _ in range(max(1, int(10 * amount))):
        for path in paths:
            with target.connect() as link:
                link.sendall(make_request(path))
                answer = b""
                while part := link.recv(1 << 16):
                    answer += part
            leaks = b"root:" in answer or b"create_app" in answer
            yield "a leak" if leaks else answer.split()[1].decode()


def come_from_elsewhere(target: Target, amount: float) -> Iterator[str]:
    """Ask under other names, and as other sites' pages."""
    for _ in range(max(1, int(100 * amount))):
        for headers in (
            ["Origin: http://evil.example"], ["Origin: null"], ["Sec-Fetch-Site: cross-site"],
        ):  # fmt: skip
            yield target.ask(make_request("/api/v1/info", headers=headers))
        for host in (
            "evil.example",
            "127.0.0.1.evil.example",
            "a" * 9000,
            "",
            "[::",
            "localhost@x",
        ):
            request = f"GET /api/v1/info HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
            yield target.ask(request.encode())


def flood_heads(target: Target, amount: float) -> Iterator[str]:
    """Send heads that are too large, or have no end."""
    for _ in range(max(1, int(20 * amount))):
        yield target.ask(make_request("/", headers=[f"X-{i}: {'a' * 50}" for i in range(5000)]))
        yield target.ask(make_request("/", headers=["X: " + "a" * 200_000]))
        yield target.ask(make_request("/" + "a" * 100_000))
        for endless in (b"a" * (1 << 16), b"a: b\r\n" * 10_000):
            with target.connect(20) as link:
                n_sent = 0
                with contextlib.suppress(OSError):
                    link.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
                    while n_sent < 64 << 20:
                        n_sent += link.send(endless)
                yield "taken in whole" if n_sent >= 64 << 20 else read_status(link)


def send_bad_json(target: Target, amount: float) -> Iterator[str]:
    """Send bodies that are no JSON, are deep, are long, or mean nothing."""
    bodies = [
        b"{", b"[" * 1_000_000, b'{"a":' * 200_000, b"\xff\xfe", b"null", b"NaN", b"1e999", b'"',
        b'{"sounds":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"sounds": [' + b"{}," * 300_000 + b"{}]}", b'{"top_k": 1' + b"0" * 5000 + b"}",
        b"{" + b",".join(b'"k%d": 1' % i for i in range(100_000)) + b"}",
        json.dumps({"sounds": [{"id": "r1", "weight": 1e308}]}).encode(),
        json.dumps({"sounds": [{"id": "r1", "start_s": -1}]}).encode(),
        json.dumps({"sounds": [{"id": "r" + "9" * 400}]}).encode(),
        json.dumps({"ids": ["r1"] * 150_000, "add": ["x"]}).encode(),
    ]  # fmt: skip
    for _ in range(max(1, int(5 * amount))):
        for body in bodies:
            for path in ("/api/v1/search", "/api/v1/tags"):
                headers = ["Content-Type: application/json"]
                yield target.ask(make_request(path, "POST", headers, body))


def send_long_queries(target: Target, amount: float) -> Iterator[str]:
    """Send query strings that are long, or many, or odd."""
    queries = (
        "text=" + "a" * 60_000, "&".join(f"a{i}=1" for i in range(5000)), "text=" + "%25" * 60,
        "offset=" + "9" * 5000, "folder=" + "%00", "text=%ff%fe", "limit=-1", "limit=1e9",
        "text=" + "_%25" * 50,
    )  # fmt: skip
    for _ in range(max(1, int(20 * amount))):
        for query in queries:
            yield target.ask(make_request(f"/api/v1/recordings?{query}"))


def never_read(target: Target, amount: float) -> Iterator[str]:
    """Ask for much, and take nothing of the answers; searches go on meanwhile."""
    links: list[socket.socket] = []
    try:
        for _ in range(max(8, int(200 * amount))):
            link = target.connect(n_buffer=2048)
            links.append(link)
            link.sendall(
                make_request("/api/v1/recordings?limit=1000").replace(b"close", b"keep-alive") * 20
            )
        yield from _search(target, 10)
    finally:
        for link in links:
            link.close()


def speak_otherwise(target: Target, amount: float) -> Iterator[str]:
    """Speak no HTTP, or more of it than is answered."""
    said = (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n" * 1000 + b"x", bytes(range(256)) * 20,
        b"GET / HTTP/9.9\r\n\r\n", b"GET  HTTP/1.1\r\n\r\n",
        make_request("/", headers=["Upgrade: websocket", "Connection: upgrade"]),
        make_request("/", headers=["Content-Length: 5", "Content-Length: 6"]),
        make_request("/", "POST", ["Transfer-Encoding: chunked", "Content-Length: 5"], b"zz\r\n"),
        make_request("*", "OPTIONS"), make_request("http://[::/", "GET"), make_request("/\xff"),
        make_request("/api/v1/search", "PATCH"), make_request("/", "CONNECT"),
        make_request("/api/v1/sounds", "POST", ["Expect: 200-ok", "Content-Length: 1"], b"."),
        make_request("/nowhere").replace(b"close", b"keep-alive") * 2000 + make_request("/nowhere"),
    )  # fmt: skip
    for _ in range(max(1, int(10 * amount))):
        for request in said:
            yield target.ask(request, 20)


def come_and_go(target: Target, amount: float) -> Iterator[str]:
    """Connect and leave, with and without a question."""
    for number in range(max(50, int(5000 * amount))):
        with target.connect() as link:
            if number % 2:
                link.sendall(make_request("/api/v1/info"))
    yield from _search(target, 1)


def _search(target: Target, count: int) -> Iterator[str]:
    body = json.dumps({"sounds": [{"id": target.sound}]}).encode()
    headers = ["Content-Type: application/json"]
    for _ in range(count):
        for _ in range(10):
            status = target.ask(make_request("/api/v1/search", "POST", headers, body))
            if status != "503":
                break
            time.sleep(1)  # as it is asked to
        yield status


ATTACKS: dict[str, Callable[[Target, float], Iterable[str]]] = {
    "slow heads": send_slow_heads,
    "slow bodies": send_slow_bodies,
    "idle connections": keep_idle,
    "half-open connections": leave_half_open,
    "bodies too large or endless": send_too_much,
    "small files that decode to hours": send_bombs,
    "ranges": abuse_ranges,
    "paths that lead out": climb_out,
    "other names and sites": come_from_elsewhere,
    "heads too large or endless": flood_heads,
    "bad JSON": send_bad_json,
    "long queries": send_long_queries,
    "answers never read": never_read,
    "no HTTP, or too much": speak_otherwise,
    "connections that come and go": come_and_go,
}
ALLOWED = {  # what each may get in answer; a search meanwhile must get 200
    "slow heads": {"408"},
    "slow bodies": {"408", "503"},
    "idle connections": {"200"},
    "half-open connections": {CLOSED, "400", "408"},
    "bodies too large or endless": {"413", CLOSED},
    "small files that decode to hours": {"422", KEPT},
    "ranges": {"200", "206", "416", "431"},
    "paths that lead out": {"400", "404", "422", "307"},
    "other names and sites": {"400", "403", "431"},
    "heads too large or endless": {"431", "400", CLOSED},
    "bad JSON": {"400", "404", "413", "422"},
    "long queries": {"200", "422", "431"},
    "answers never read": {"200"},
    "no HTTP, or too much": {"200", "400", "404", "405", "422", CLOSED},
    "connections that come and go": {"200"},
}
