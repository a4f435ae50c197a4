"""Lance tables from before a fact or column was known are read without it, and have it then on."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from conftest import Soundkin
from soundkin.audio_facts import FACT_COLUMNS
from sounds import make_noise, make_tone, write_sound

if find_spec("lance") is None:
    pytest.skip("needs: pip install 'soundkin[cluster]'", allow_module_level=True)

NEWEST = FACT_COLUMNS[-1]
LATER = {"recordings": ("ctime_ns", "slow"), "folders": ("slow",)}


def read_segments(tables: Any, name: str) -> Any:
    return tables.open(name).to_table()


@pytest.fixture
def old(soundkin: Soundkin, folder: Path, tmp_path: Path) -> Soundkin:
    """Give the command with tables from before the newest fact and columns."""
    import pyarrow as pa

    from soundkin.library.lance.tables import Tables

    write_sound(folder / "tone.wav", make_tone(500))
    write_sound(folder / "noise.wav", make_noise(1.7))
    soundkin("index", folder)
    lance = Soundkin(tmp_path / "old.lance")
    lance.env["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    lance("convert", soundkin.library, lance.library)
    tables = Tables(str(lance.library))
    name = tables.read_library()["segments"]
    rows = read_segments(tables, name)
    content = rows.schema.field("content").type
    facts = pa.struct([one for one in content.field("facts").type if one.name != NEWEST])
    kinds = [pa.field("facts", facts) if one.name == "facts" else one for one in content]
    place = rows.schema.get_field_index("content")
    schema = rows.schema.set(place, pa.field("content", pa.struct(kinds)))
    values = rows.to_pylist()
    for row in values:
        if row["content"] is not None:
            del row["content"]["facts"][NEWEST]
    tables.write(name, pa.Table.from_pylist(values, schema=schema).to_batches(), schema)
    for name, columns in LATER.items():
        rows = tables.open(name).to_table().drop_columns(list(columns))
        tables.write(name, rows.to_batches(), rows.schema)
    shutil.rmtree(lance.library / "crates.lance")
    lance.env["XDG_CACHE_HOME"] = str(tmp_path / "another cache")
    return lance


def test_they_are_read_without_it(soundkin: Soundkin, old: Soundkin) -> None:
    for row, known in zip(old.json("list"), soundkin.json("list"), strict=True):
        assert row["facts"] == known["facts"] | {NEWEST: None}
        assert known["facts"][NEWEST] is not None


def test_what_is_written_later_has_it(old: Soundkin) -> None:
    import pyarrow as pa

    from soundkin.library.lance.tables import Tables

    tables = Tables(str(old.library))
    name = tables.read_library()["segments"]
    before = read_segments(tables, name)
    for _ in range(2):  # a second time nothing is missing
        tables.complete()
    completed = read_segments(tables, name)
    first = next(row for row in completed.to_pylist() if row["content"] is not None)
    assert list(first["content"]["facts"]) == list(FACT_COLUMNS)
    assert first["content"]["facts"].pop(NEWEST) is None
    assert first in before.to_pylist()
    first["content"]["facts"][NEWEST] = 0.5
    written = tables.write_fragments(name, pa.Table.from_pylist([first], schema=completed.schema))
    tables.commit_fragments(name, written)
    last = read_segments(tables, name).to_pylist()[-1]
    assert last["content"]["facts"][NEWEST] == 0.5
    for table, columns in LATER.items():
        assert set(columns) <= set(tables.open(table).schema.names)


def test_they_are_edited_as_they_are(soundkin: Soundkin, old: Soundkin) -> None:
    [tone] = [path for path in old.paths() if path.endswith("tone.wav")]
    old("tag", tone, "--add", "loud")
    old("remove", tone)
    assert len(old.paths()) == 1
    assert {row["slow"] for row in old.json("list")} == {1}
    assert old("crate").stdout.splitlines()[2:] == []
    old("crate", "dusty", "noise.wav")
    assert [row["path"] for row in old.json("crate", "dusty")] == old.paths()
