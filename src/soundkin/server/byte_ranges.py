"""Range headers (RFC 9110)."""

from __future__ import annotations

from fastapi import Request

from soundkin.server.problems import ProblemError

MAX_DIGITS = 19


def settle_range(request: Request, n_bytes: int) -> None:
    """Leave a Range header to the file's answer only if it has one range that makes sense."""
    wanted = request.headers.get("range")
    if wanted is None or "if-range" in request.headers:
        return
    span = read_range(wanted, n_bytes)
    headers = [pair for pair in request.scope["headers"] if pair[0] != b"range"]
    if span is not None:
        headers.append((b"range", f"bytes={span[0]}-{span[1] - 1}".encode()))
    request.scope["headers"] = headers


def read_range(wanted: str, n_bytes: int) -> tuple[int, int] | None:
    """Read a Range header of one range; None where it is to be ignored, as RFC 9110 has it."""
    unit, _, spec = wanted.partition("=")
    first, dash, last = spec.strip().partition("-")
    is_number = all(part.isascii() and part.isdigit() for part in (first, last) if part)
    if unit.strip() != "bytes" or not dash or not is_number or not (first or last):
        return None
    if first:
        start, stop = _read_number(first), n_bytes
        if last and _read_number(last) < start:
            return None
        if last:
            stop = min(n_bytes, _read_number(last) + 1)
    else:
        start, stop = max(0, n_bytes - _read_number(last)), n_bytes
    if start >= n_bytes or start >= stop:
        raise ProblemError(416, f"it has {n_bytes} bytes", {"content-range": f"bytes */{n_bytes}"})
    return start, stop


def _read_number(digits: str) -> int:
    """Read a place in a file; of a number far beyond any file the first digits are enough."""
    return int(digits.lstrip("0")[:MAX_DIGITS] or "0")
