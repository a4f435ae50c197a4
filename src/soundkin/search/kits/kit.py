"""What a kit is, and which key of a keyboard each of its sounds lies on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from soundkin.errors import QueryError
from soundkin.library.records import Recording
from soundkin.system.paths import fold_name

N_STEPS = 16  # of a pattern: a bar of 4/4
MAX_SLOTS = 32
USUAL_SLOTS = ("kick", "snare", "clap", "hat", "perc")
# General MIDI's percussion key map, by words of a slot's name, the first that are all in it.
KEYS = (
    (("kick",), 36),
    (("bass", "drum"), 36),
    (("bd",), 36),
    (("rim",), 37),
    (("snare",), 38),
    (("clap",), 39),
    (("floor", "tom"), 41),
    (("open", "hat"), 46),
    (("pedal", "hat"), 44),
    (("hat",), 42),
    (("hihat",), 42),
    (("low", "tom"), 45),
    (("high", "tom"), 50),
    (("tom",), 47),
    (("crash",), 49),
    (("ride",), 51),
    (("tambourine",), 54),
    (("cowbell",), 56),
    (("bongo",), 60),
    (("conga",), 63),
    (("perc",), 63),
    (("shaker",), 70),
    (("clave",), 75),
    (("woodblock",), 76),
    (("triangle",), 81),
)
# What each is struck at in a pattern to begin with; others at the last step.
USUAL_STEPS = {
    36: (0, 6, 8),
    38: (4, 12),
    39: (4, 12),
    42: (0, 2, 4, 6, 8, 10, 12, 14),
    46: (14,),
    63: (3, 11),
    70: tuple(range(16)),
}
FIRST_FREE_KEY, LAST_KEY = 84, 127


@dataclass(frozen=True)
class KitSound:
    """A sound of a kit: a recording, or the region of it from `start_s` to `end_s` seconds.

    `steps` are those of the pattern at which it is struck, from 0 to 15.
    """

    slot: str
    recording: Recording
    start_s: float = 0.0
    end_s: float | None = None
    steps: tuple[int, ...] = ()


@dataclass(frozen=True)
class Kit:
    """Sounds by slot, each of another name, and the tempo of their pattern in beats a minute."""

    name: str
    sounds: tuple[KitSound, ...]
    tempo_bpm: float = 120.0

    def __post_init__(self) -> None:
        names = [sound.slot for sound in self.sounds]
        if not names:
            raise QueryError("a kit has at least one sound")
        if len(names) > MAX_SLOTS:
            raise QueryError(f"a kit has at most {MAX_SLOTS} sounds")
        if len(set(map(fold_name, names))) < len(names):
            raise QueryError("each slot of a kit has a name of its own")

    @property
    def keys(self) -> list[int]:
        """The MIDI note of each sound."""
        return assign_keys([sound.slot for sound in self.sounds])


def assign_keys(slots: Sequence[str]) -> list[int]:
    """Choose a MIDI note, 0 to 127, for each slot: General MIDI's for it, else the next free."""
    keys: list[int | None] = []
    for slot in slots:
        words = re.findall(r"[a-z]+", slot.casefold())
        found = (
            key
            for wanted, key in KEYS
            if key not in keys and all(any(word.startswith(w) for word in words) for w in wanted)
        )
        keys.append(next(found, None))
    free = iter([key for key in range(FIRST_FREE_KEY, LAST_KEY + 1) if key not in keys])
    return [next(free) if key is None else key for key in keys]


def choose_steps(slots: Sequence[str]) -> list[tuple[int, ...]]:
    """Choose the steps at which each slot is struck to begin with."""
    return [USUAL_STEPS.get(key, (N_STEPS - 1,)) for key in assign_keys(slots)]
