"""Named sounds: queries that a person liked well enough to keep, in the library."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from soundkin.errors import QueryError
from soundkin.library import Library


@dataclass(frozen=True)
class Concept:
    """A named sound: `definition` is what was asked, `vector` float32 `(n,)` what came of it."""

    id: int
    name: str
    model_hash: str
    definition: dict[str, Any]
    vector: npt.NDArray[np.float32]


def list_concepts(library: Library) -> list[Concept]:
    """List all, in order of name."""
    return _select(library, "1 ORDER BY name", [])


def find_concept(library: Library, concept_id: int) -> Concept | None:
    """Find one by its id."""
    return next(iter(_select(library, "id = ?", [concept_id])), None)


def save_concept(
    library: Library, name: str, definition: dict[str, Any], vector: npt.NDArray[np.float32]
) -> Concept:
    """Keep a query under a name, in place of one that has it.

    Raises
    ------
    QueryError
        The library has no model yet, or the name no letter.
    """
    model, name = library.model, name.strip()
    if model is None or not name:
        raise QueryError("a concept needs a name, and a library that something is indexed in")
    values = [name, model.hash, json.dumps(definition), vector.astype(np.float32).tobytes()]
    library.connection.run(
        "INSERT INTO concepts (name, model_hash, definition, vector) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET model_hash = excluded.model_hash,"
        " definition = excluded.definition, vector = excluded.vector",
        values,
    )
    return _select(library, "name = ?", [name])[0]


def remove_concept(library: Library, name: str) -> bool:
    """Forget one; False where there is none."""
    cursor = library.connection.run("DELETE FROM concepts WHERE name = ?", [name])
    return bool(cursor.rowcount)


def _select(library: Library, condition: str, parameters: list[Any]) -> list[Concept]:
    sql = f"SELECT id, name, model_hash, definition, vector FROM concepts WHERE {condition}"
    return [
        Concept(id_, name, digest, json.loads(definition), np.frombuffer(vector, np.float32))
        for id_, name, digest, definition, vector in library.connection.fetch(sql, parameters)
    ]
