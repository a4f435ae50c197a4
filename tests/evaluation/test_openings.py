"""A sound is opened once, since opening may mean fetching it, or another process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from soundkin.audio.decoders.decoder import Decoder
from soundkin.audio.decoders.open import OPENER, open_here
from soundkin.evaluation.deform import read_excerpt
from soundkin.evaluation.robustness import measure_robustness
from sounds import make_noise, write_sound


@pytest.fixture
def opened() -> Iterator[Counter[str]]:
    """Count how often each file is opened."""
    counts: Counter[str] = Counter()

    def count(name: str, keep_channels: bool) -> AbstractContextManager[Decoder]:
        counts[Path(name).name] += 1
        return open_here(name, keep_channels)

    token = OPENER.set(count)
    yield counts
    OPENER.reset(token)


def test_an_excerpt_opens_its_sound_once(opened: Counter[str], tmp_path: Path) -> None:
    sound = write_sound(tmp_path / "long.wav", make_noise(25.0, rate=8_000), 8_000)
    excerpt = read_excerpt(sound, 2.0)
    assert (excerpt.cut, excerpt.duration_s, excerpt.sample_rate) == (True, 20.0, 8_000)
    assert opened == {"long.wav": 1}


def test_robustness_opens_every_clip_once(opened: Counter[str], tmp_path: Path) -> None:
    names = ["0.wav", "1.wav"]
    for seed, name in enumerate(names):
        write_sound(tmp_path / name, make_noise(0.3, seed, 8_000), 8_000)
    rows, failures = measure_robustness([str(tmp_path / name) for name in names], ["melstats"])
    assert rows
    assert not failures
    assert opened == {"0.wav": 1, "1.wav": 1}
