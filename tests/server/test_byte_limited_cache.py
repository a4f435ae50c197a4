"""What a cache keeps when it is full, and what it drops."""

from __future__ import annotations

import pytest

from soundkin.server.sounds.byte_limited_cache import ByteLimitedCache


@pytest.fixture
def dropped() -> list[str]:
    """Give a list for what is dropped."""
    return []


def test_the_longest_unused_goes_first(dropped: list[str]) -> None:
    cache = ByteLimitedCache[int, str](30, on_drop=dropped.append)
    for key, value in enumerate("abc"):
        cache.put(key, value, 10)
    assert cache.get(0) == "a"
    cache.put(3, "d", 10)
    assert dropped == ["b"]
    assert [cache.get(key) for key in range(4)] == ["a", None, "c", "d"]


def test_there_is_a_bound_of_values_too(dropped: list[str]) -> None:
    cache = ByteLimitedCache[int, str](1000, max_values=2, on_drop=dropped.append)
    for key, value in enumerate("abc"):
        cache.put(key, value, 10)
    assert dropped == ["a"]


def test_what_is_kept_already_stays_and_counts_once(dropped: list[str]) -> None:
    cache = ByteLimitedCache[int, str](20, on_drop=dropped.append)
    assert cache.put(0, "a", 10) == "a"
    assert cache.put(0, "again", 10) == "a"
    cache.put(1, "b", 10)
    assert not dropped


@pytest.mark.parametrize(("keeps_last", "wanted"), [(True, "big"), (False, None)])
def test_what_is_larger_than_all_is_kept_alone_or_not_at_all(
    keeps_last: bool, wanted: str | None
) -> None:
    cache = ByteLimitedCache[int, str](10, keeps_last=keeps_last)
    cache.put(0, "small", 1)
    cache.put(1, "big", 11)
    assert (cache.get(0), cache.get(1)) == (None, wanted)


def test_what_is_forgotten_makes_room(dropped: list[str]) -> None:
    cache = ByteLimitedCache[int, str](20, on_drop=dropped.append)
    cache.put(0, "a", 20)
    cache.forget(0)
    cache.forget(0)
    cache.put(1, "b", 20)
    assert dropped == ["a"]
    assert cache.get(1) == "b"
