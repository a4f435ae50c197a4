"""Values used last, kept up to so many bytes and so many of them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class ByteLimitedCache(Generic[Key, Value]):
    """Keeps values; the longest unused one goes first. For any thread.

    `on_drop` is called, under the cache's lock, with each value that goes.
    """

    def __init__(
        self,
        max_bytes: int,
        *,
        max_values: int | None = None,
        keeps_last: bool = False,
        on_drop: Callable[[Value], None] = lambda value: None,
    ) -> None:
        self._max_bytes, self._max_values = max_bytes, max_values
        self._n_least = 1 if keeps_last else 0  # kept whatever bytes they have
        self._on_drop = on_drop
        self._lock = threading.Lock()
        self._values: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._n_bytes = 0

    def put(self, key: Key, value: Value, n_bytes: int) -> Value:
        """Keep a value, and drop what there is no room for; gives what is kept already, if so."""
        with self._lock:
            if key in self._values:
                return self._values[key][0]
            self._values[key] = value, n_bytes
            self._n_bytes += n_bytes
            while self._is_full():
                self._drop(next(iter(self._values)))
        return value

    def get(self, key: Key) -> Value | None:
        """Find a value that is still kept; it counts as used now."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def forget(self, key: Key) -> None:
        """Drop a value, if it is kept."""
        with self._lock:
            if key in self._values:
                self._drop(key)

    def _is_full(self) -> bool:
        n = len(self._values)
        is_many = self._max_values is not None and n > self._max_values
        return is_many or (self._n_bytes > self._max_bytes and n > self._n_least)

    def _drop(self, key: Key) -> None:
        value, n_bytes = self._values.pop(key)
        self._n_bytes -= n_bytes
        self._on_drop(value)
