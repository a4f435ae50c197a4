"""Whether suggested tags are as often right as they say, where some labels are tagged.

    python -m benchmarks.search.tags LIBRARY LABELS.csv... [--model kin] [--draws 3]

A share of the kinds (kinds.csv) of one set, or of all, are tags, on a share of their recordings;
all else in the library has none, be it of such a kind or of another, of this set or of another.
Told are how many suggestions there are at --sure .7, .8 and .9, the precision that they state (its
mean) and how many are right. LIBRARY is made where it is not.
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks.harness.commands import print_table
from benchmarks.harness.labelled_library import LabelledSound, load_labelled_sounds
from soundkin.library.library import Library
from soundkin.search.tags.suggestions import suggest_tags

SURE = (0.7, 0.8, 0.9)
SHARES = ((1 / 3, 0.3), (1 / 3, 0.6), (1.0, 0.3))
DRUMS = ("kick", "snare", "hat")


def measure(
    library: Library, sounds: list[LabelledSound], tags: set[str], share: float, seed: int
) -> list[str]:
    """Tag recordings of some labels or kinds, ask for suggestions, take the tags away again."""
    generator = np.random.default_rng(seed)
    names = {one.recording.path: one.kind for one in sounds}
    tagged = [one.recording for one in sounds if one.kind in tags and generator.random() < share]
    for tag in tags:
        library.add_tags([one for one in tagged if names[one.path] == tag], [tag])
    cells = []
    found = suggest_tags(library, least_precision=min(SURE))
    found = [one for one in found if one.recording.path in names]  # others are of no known kind
    for sure in SURE:
        kept = [one for one in found if one.precision >= sure]
        stated = np.mean([one.precision for one in kept]) if kept else np.nan
        right = np.mean([names[one.recording.path] == one.tag for one in kept]) if kept else np.nan
        cells.append(f"{len(kept)}: {stated:.2f}, {right:.2f}")
    library.remove_tags(tagged, sorted(tags))
    n_known = sum(name in tags for name in names.values()) - len(tagged)
    return [f"{len(tagged)} of {len(tags)}", f"{n_known} of {len(names) - len(tagged)}", *cells]


def main() -> None:
    """Draw, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library")
    parser.add_argument("manifests", nargs="+")
    parser.add_argument("--model", default="kin")
    parser.add_argument("--draws", type=int, default=3)
    arguments = parser.parse_args()
    table = []
    with Library.open(arguments.library, create=True) as library:
        everything = load_labelled_sounds(library, arguments.manifests, arguments.model)
        for name in [*sorted({one.set_name for one in everything}), "all"]:
            kinds = sorted({one.kind for one in everything if name in (one.set_name, "all")})
            for share_of_kinds, share in SHARES:
                for seed in range(arguments.draws):
                    n_tags = max(2, round(share_of_kinds * len(kinds)))
                    drawn = np.random.default_rng(seed).choice(kinds, n_tags, replace=False)
                    tags = set(drawn.tolist())
                    table.append([name, *measure(library, everything, tags, share, seed)])
        for seed in range(arguments.draws):
            row = measure(library, everything, set(DRUMS), 0.3, seed)
            table.append(["kick, snare, hat in all", *row])
    print("suggestions: stated precision, right\n")
    columns = ("set", "tagged, tags", "to be tagged", *(f"--sure {sure}" for sure in SURE))
    print_table(columns, table)


if __name__ == "__main__":
    main()
