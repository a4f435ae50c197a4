"""Named sounds: queries that a person liked well enough to keep, in the library."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from soundkin.errors import QueryError
from soundkin.library.store import LibraryStore

CONCEPT_COLUMNS = "id, name, model_hash, definition, vectors"

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Concept:
    """A named sound: `definition` is what was asked.

    What came of it are unit vectors, float32, of the query `(n,)`, of what was liked
    `(n_liked, n)` and of what was disliked `(n_disliked, n)`.
    """

    id: int
    name: str
    model_hash: str
    definition: dict[str, Any]
    query: Vectors
    liked: Vectors
    disliked: Vectors


def list_concepts(library: LibraryStore) -> list[Concept]:
    """List all, in order of name."""
    return _select(library, "1 ORDER BY name", [])


def find_concept(library: LibraryStore, concept_id: int) -> Concept | None:
    """Find one by its id."""
    return next(iter(_select(library, "id = ?", [concept_id])), None)


def save_concept(
    library: LibraryStore, name: str, definition: dict[str, Any], vectors: Vectors
) -> Concept:
    """Keep a query under a name, in place of one that has it.

    Parameters
    ----------
    vectors
        Of the query, of what was liked, then of what was disliked, `(m, n)`, as `definition` has
        them.

    Raises
    ------
    QueryError
        The library has no model yet, or the name no letter.
    """
    model, name = library.model, name.strip()
    if model is None or not name:
        raise QueryError("a concept needs a name, and a library that something is indexed in")
    data = vectors.astype(np.float32).tobytes()
    library.connection.run(
        "INSERT INTO concepts (name, model_hash, definition, vectors) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET model_hash = excluded.model_hash,"
        " definition = excluded.definition, vectors = excluded.vectors",
        [name, model.hash, json.dumps(definition), data],
    )
    return _select(library, "name = ?", [name])[0]


def remove_concept(library: LibraryStore, name: str) -> bool:
    """Forget one; False where there is none."""
    cursor = library.connection.run("DELETE FROM concepts WHERE name = ?", [name])
    return bool(cursor.rowcount)


def read_concept(concept_id: int, name: str, digest: str, definition: str, data: bytes) -> Concept:
    """Make a concept of its row.

    Raises
    ------
    ValueError
        It is damaged.
    """
    try:
        asked = json.loads(definition)
        n_liked = len(asked["liked"])
        n_all = 1 + n_liked + len(asked["disliked"])
        vectors = np.frombuffer(data, np.float32).reshape(n_all, -1)
        if not isinstance(asked["sounds"], list) or not np.isfinite(vectors).all():
            raise ValueError("its vectors are no numbers")
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError("its definition is damaged") from error
    parts = vectors[0], vectors[1 : 1 + n_liked], vectors[1 + n_liked :]
    return Concept(concept_id, name, digest, asked, *parts)


def _select(library: LibraryStore, condition: str, parameters: list[Any]) -> list[Concept]:
    """Read concepts, but for damaged ones, which `soundkin verify` tells of."""
    sql = f"SELECT {CONCEPT_COLUMNS} FROM concepts WHERE {condition}"
    found = []
    for row in library.connection.fetch(sql, parameters):
        with suppress(ValueError):
            found.append(read_concept(*row))
    return found
