"""How often the verdict on a search is right, in small and large, mixed and homogeneous libraries.

    python -m benchmarks.search.verdicts LIBRARY LABELS.csv... [--model kin] [--queries 200]

Each case is a query and a library drawn around it: with its label among them (takes of its own
recording left out), or with no sound of its kind (kinds.csv says which labels are of one kind).
Mixed libraries are drawn from all sets; homogeneous ones from one set, up to ten recordings from
one or two kinds of it; half of the queries that have no kin in those are from that set, too.
Told are the area under the ROC curve of the best score alone and of its place among what reference
sounds find in that library, the point of equal errors, and how often the verdict says `none` though
the label is there, and `some` or `many` though the kind is not. LIBRARY is made where it is not.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.harness.commands import print_table
from benchmarks.harness.labelled_library import LabelledSound, load_labelled_sounds
from soundkin.embedding.model import find_model
from soundkin.index.vector_index import VectorIndex
from soundkin.library.library import Library
from soundkin.search.reference import Vectors, find_reference
from soundkin.search.verdict import MANY, N_REFERENCE

SIZES = (1, 10, 100, 1000)
MOST_KIN = 10

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """A query, the recordings of a library, and whether the query's label is among them."""

    query: int
    members: npt.NDArray[np.int64]
    is_there: bool


@dataclass(frozen=True)
class Sounds:
    """All sounds, and the columns that cases are drawn by."""

    sounds: list[LabelledSound]
    sets: npt.NDArray[Any]
    labels: npt.NDArray[Any]
    kinds: npt.NDArray[Any]
    groups: npt.NDArray[Any]

    @classmethod
    def collect(cls, sounds: list[LabelledSound]) -> Sounds:
        """Make the columns."""
        names = ("set_name", "label", "kind", "group")
        return cls(sounds, *(np.array([getattr(one, name) for one in sounds]) for name in names))


def draw_case(
    sounds: Sounds, size: int, generator: np.random.Generator, *, mixed: bool, is_there: bool
) -> Case:
    """Draw a query of any set, and a library for it."""
    names = np.unique(sounds.sets)
    own_set = generator.choice(names)
    query = int(generator.choice(np.flatnonzero(sounds.sets == own_set)))
    takes = (sounds.groups == sounds.groups[query]) & (sounds.groups != "")
    takes[query] = True
    others = (sounds.kinds != sounds.kinds[query]) & ~takes
    if not mixed:
        stays = is_there or len(names) == 1 or generator.random() < 0.5
        others &= sounds.sets == (own_set if stays else generator.choice(names[names != own_set]))
        if size <= MOST_KIN:
            kinds = np.unique(sounds.kinds[others])
            chosen = generator.choice(kinds, min(len(kinds), 1 + (size > 1)), replace=False)
            others &= np.isin(sounds.kinds, chosen)
    kin = np.flatnonzero((sounds.labels == sounds.labels[query]) & ~takes)
    n_kin = 0
    if is_there:
        n_kin = min(len(kin), 1 if size == 1 else int(generator.integers(1, MOST_KIN // 2 + 1)))
    pool = np.flatnonzero(others)
    members = generator.choice(pool, min(len(pool), size - n_kin), replace=False)
    kin = generator.choice(kin, n_kin, replace=False)
    return Case(query, np.sort(np.concatenate([members, kin])), n_kin > 0)


def judge(
    sounds: Sounds, case: Case, reference: Vectors, percent: float
) -> tuple[float, float, int]:
    """Search; the best score, its place among what reference sounds find, and how many are good."""
    silent = [np.zeros(len(sounds.sounds[m].segments), bool) for m in case.members]
    index = VectorIndex.build(
        (int(member), sounds.sounds[member].segments, quiet)
        for member, quiet in zip(case.members, silent, strict=True)
    )
    scores = index.search(sounds.sounds[case.query].vector, MANY).scores
    chance = np.array([float(n.scores[0]) for n in index.search_many(reference, 1)])
    usual = np.percentile(chance, percent)
    distance = (scores[0] - chance.mean()) / chance.std()
    return float(scores[0]), float(distance), int((scores >= usual).sum())


def compute_auc(there: Floats, absent: Floats) -> float:
    """Compute how often a value of the one is above one of the other."""
    above = (there[:, None] > absent[None]).mean()
    return float(above + (there[:, None] == absent[None]).mean() / 2)


def compute_equal_error(there: Floats, absent: Floats) -> float:
    """Compute the larger share of errors at the threshold where it is least."""
    points = np.unique(np.concatenate([there, absent]))
    errors = [max((there < point).mean(), (absent >= point).mean()) for point in points]
    return float(min(errors))


def describe(name: str, rows: Floats, is_there: npt.NDArray[np.bool_]) -> list[str]:
    """Write a row of the table."""
    there, absent = rows[is_there], rows[~is_there]
    return [
        name,
        f"{compute_auc(there[:, 0], absent[:, 0]):.3f}",
        f"{compute_auc(there[:, 1], absent[:, 1]):.3f}",
        f"{compute_equal_error(there[:, 1], absent[:, 1]):.2f}",
        f"{(there[:, 2] == 0).mean():.2f}",
        f"{(absent[:, 2] > 0).mean():.2f}",
        f"{(absent[:, 2] >= MANY).mean():.2f}",
    ]


def main() -> None:
    """Draw, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library")
    parser.add_argument("manifests", nargs="+")
    parser.add_argument("--model", default="kin")
    parser.add_argument("--queries", type=int, default=200, help="with kin, and as many without")
    arguments = parser.parse_args()
    reference = find_reference(find_model(arguments.model).hash)
    if reference is None:
        parser.error(f"there are no reference sounds for {arguments.model}")
    generator = np.random.default_rng(0)
    drawn = generator.choice(reference.vectors, N_REFERENCE, replace=False)
    with Library.open(arguments.library, create=True) as library:
        found = load_labelled_sounds(library, arguments.manifests, arguments.model)
    sounds = Sounds.collect(found)
    table, everything = [], []
    for size in SIZES:
        for mixed in (True, False):
            cases = [
                draw_case(sounds, size, generator, mixed=mixed, is_there=is_there)
                for is_there in (True, False)
                for _ in range(arguments.queries)
            ]
            rows = np.array(
                [judge(sounds, case, drawn, reference.chance_percent) for case in cases]
            )
            is_there = np.array([case.is_there for case in cases])
            everything.append((rows, is_there))
            table.append(describe(f"{size}, {'mixed' if mixed else 'alike'}", rows, is_there))
    rows, is_there = (np.concatenate(parts) for parts in zip(*everything, strict=True))
    table.append(describe("all", rows, is_there))
    columns = ("library", "AUC score", "AUC", "equal errors", "false none", "false some", "many")
    print_table(columns, table)


if __name__ == "__main__":
    main()
