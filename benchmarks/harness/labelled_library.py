"""Labelled sounds as a library, so that what a person meets is what is measured."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from soundkin.evaluation.retrieval import load_labelled_set
from soundkin.indexing.folders import index_folders
from soundkin.library.library import Library
from soundkin.library.records import Recording

KINDS = Path(__file__).parents[1] / "search" / "kinds.csv"


@dataclass(frozen=True)
class LabelledSound:
    """A recording of the library, its segments `(n_segments, n)` and who it is.

    `kind` is shared by labels that name the same thing, or whose sounds hardly can be told apart.
    """

    recording: Recording
    set_name: str
    label: str
    kind: str
    group: str
    segments: npt.NDArray[np.float16]
    vector: npt.NDArray[np.float32]


def read_kinds() -> dict[str, str]:
    """Read which labels are of one kind."""
    with KINDS.open(newline="") as file:
        return {row["label"]: row["kind"] for row in csv.DictReader(file)}


def load_labelled_sounds(
    library: Library, manifests: Sequence[str], model: str
) -> list[LabelledSound]:
    """Index labelled sets into a library, as far as they are not; leave out labels of no kind."""
    sets = [load_labelled_set(manifest) for manifest in manifests]
    folders = sorted({str(Path(path).parent) for one in sets for path in one.paths})
    index_folders(library, folders, model=model)
    recordings = {recording.path: recording for recording in library.select_recordings()}
    index, kinds = library.open_index(check_all=True).index, read_kinds()
    found = []
    for one in sets:
        for path, label, group in zip(one.paths, one.labels, one.groups, strict=True):
            recording = recordings.get(path)
            if recording is None or label not in kinds:
                continue
            place = int(np.searchsorted(index.content_ids, recording.content_id))
            rows = slice(int(index.offsets[place]), int(index.offsets[place + 1]))
            audible = index.vectors[rows][~index.silent[rows]]
            mean = index.average(np.array([place]))[0]
            if mean.any():
                kind, vectors = kinds[label], np.asarray(audible)
                found.append(LabelledSound(recording, one.name, label, kind, group, vectors, mean))
    return found
