"""What lacks a fact is measured once, and what can have none is left alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from conftest import Soundkin
from soundkin.audio_facts import FACTS
from sounds import make_noise, make_tone, write_sound


@pytest.mark.parametrize("column", [f.column for f in FACTS.values() if f.of_every_sound])
def test_a_fact_that_every_sound_has_is_measured_where_it_is_missing(
    soundkin: Soundkin, folder: Path, column: str
) -> None:
    write_sound(folder / "tone.wav", make_tone(500))
    write_sound(folder / "noise.wav", make_noise(1.0))
    write_sound(folder / "silence.wav", np.zeros(30_000, np.float32))
    soundkin("index", folder)
    expected = soundkin.json("list")
    with closing(sqlite3.connect(soundkin.library)) as library:
        library.execute(f"UPDATE facts SET {column} = NULL")
        library.commit()
    assert {row["facts"][column] for row in soundkin.json("list")} == {None}
    assert soundkin("index").stdout.startswith("3 unchanged, 2 measured")
    assert soundkin.json("list") == expected
    assert soundkin("index").stdout.startswith("3 unchanged, in")
