"""Libraries as older soundkins left them, in tests/library/versions.

    python -m tests.support.old_libraries

They were made once, by the migrations of their time, and are never made anew: a library that was
written years ago must still be read.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

import numpy as np

from soundkin.audio.fingerprint import HOP_S, N_BANDS, Fingerprint
from soundkin.library.schema import read_migrations

FOLDER = Path(__file__).parents[1] / "library" / "versions"
APPLICATION_ID = 0x534B494E
CONFIG = '{"segments": {"sample_rate": 32000, "segment_s": 1.0, "hop_s": 0.5}}'
N_SEGMENTS = 2
CONCEPT = '{"sounds": [{"id": "r1"}], "liked": [], "disliked": []}'


def make_library(path: Path, version: int) -> None:
    """Make a library of a version with something in each of its tables."""
    folder = resources.files("soundkin.library") / "migrations"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA page_size = 1024")
        for number in range(1, version + 1):
            connection.executescript((folder / f"{number:04}.sql").read_text("utf-8"))
        connection.execute(
            "INSERT INTO meta (id, identity, generation, model_name, model_hash, model_file,"
            " model_config) VALUES (1, ?, 3, 'kin', ?, 'kin', ?)",
            ["ab" * 16, "cd" * 32, CONFIG],
        )
        fill(connection, version)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.commit()
        connection.execute("VACUUM")


def fill(connection: sqlite3.Connection, version: int) -> None:
    """Add two recordings with tags, a folder, and what the version has besides."""
    generator = np.random.default_rng(0)
    connection.execute("INSERT INTO folders (path) VALUES ('/sounds')")
    for number in (1, 2):
        vectors = generator.standard_normal((N_SEGMENTS, 128))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        levels = np.full(N_SEGMENTS, -20, np.float16).tobytes()
        connection.execute(
            "INSERT INTO contents (id, hash, duration_s, sample_rate, n_channels, format,"
            " n_segments, levels, vectors) VALUES (?, ?, 1.5, 44100, 1, 'WAV PCM_16', ?, ?, ?)",
            [number * 5, bytes([number]) * 32, N_SEGMENTS, levels,
             vectors.astype(np.float16).tobytes()],
        )  # fmt: skip
        connection.execute(
            "INSERT INTO recordings (id, path, size, mtime_ns, content_id)"
            " VALUES (?, ?, 10, 20, ?)",
            [number, f"/sounds/{number}.wav", number * 5],
        )
        connection.execute("INSERT INTO tags VALUES ('drum', ?)", [number])
    connection.execute(
        "INSERT INTO recordings (id, path, size, mtime_ns, error) VALUES (3, ?, 1, 1, 'no sound')",
        [b"/sounds/\xff.wav"],
    )
    connection.execute("INSERT INTO tags VALUES ('odd', 3)")
    if version >= 2:
        connection.execute("UPDATE meta SET next_content_id = 12, index_kind = 'scan'")
    if version >= 3:
        connection.execute(
            "INSERT INTO facts (content, loudness_lufs, pitch_hz) VALUES (5, -20, 440)"
        )
    if version >= 4:
        connection.execute("INSERT INTO rejected_tags VALUES (1, 'hat')")
        query = np.eye(1, 128, dtype=np.float32).tobytes()
        connection.execute(
            "INSERT INTO concepts (name, model_hash, definition, vectors) VALUES ('kick', ?, ?, ?)",
            ["cd" * 32, CONCEPT, query],
        )
    if version >= 5:
        connection.execute("INSERT INTO away VALUES (3)")
    if version >= 6:
        connection.execute("UPDATE facts SET flatness = 0.25")
    if version >= 7:
        connection.execute("UPDATE folders SET slow = 10")
        connection.execute("UPDATE recordings SET slow = 10, ctime_ns = 30 WHERE id < 3")
    if version >= 10:
        fingerprint = Fingerprint(np.zeros((3, N_BANDS), np.uint8), HOP_S, -20.0).to_bytes()
        connection.execute("INSERT INTO fingerprints VALUES (5, ?)", [fingerprint])
    if version >= 11:
        connection.execute("INSERT INTO crates VALUES ('dusty', 2, 0.5, NULL, 1)")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for version in range(1, 1 + len(read_migrations())):
        path = FOLDER / f"version-{version}.sqlite"
        if not path.exists():
            make_library(path, version)
