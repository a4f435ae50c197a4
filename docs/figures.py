"""Draw the figures of docs/how-it-works.md from the model and the data in the repository.

    python -m docs.figures [NAME...] [--model MODEL] [--output FOLDER]

A figure whose data is missing is skipped, with a line that says what is missing. The same model
and data give the same bytes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from docs.figure_style import ROOT, MissingDataError, Sources, save, use_style
from docs.figures_of_index import draw_forest, draw_growth, draw_neighbours
from docs.figures_of_learning import draw_map, draw_mining, draw_training
from docs.figures_of_results import draw_ablations, draw_robustness
from docs.figures_of_sound import draw_constraints, draw_filter_bank, draw_log_mel

FIGURES: dict[str, Callable[[Sources], Figure]] = {
    "constraints": draw_constraints,
    "filter_bank": draw_filter_bank,
    "log_mel": draw_log_mel,
    "mining": draw_mining,
    "training": draw_training,
    "map": draw_map,
    "ablations": draw_ablations,
    "robustness": draw_robustness,
    "forest": draw_forest,
    "neighbours": draw_neighbours,
    "neighbours_growth": draw_growth,
}


def draw_figures(
    names: Sequence[str], sources: Sources, folder: Path
) -> tuple[list[Path], list[str]]:
    """Draw figures into a folder; returns the files written, and why others were not."""
    use_style()
    folder.mkdir(parents=True, exist_ok=True)
    written, skipped = [], []
    for name in names:
        try:
            figure = FIGURES[name](sources)
        except MissingDataError as error:
            skipped.append(f"{name}: {error}")
            continue
        written.append(folder / f"{name}.png")
        save(figure, written[-1])
        plt.close(figure)
    return written, skipped


def main() -> None:
    """Draw what is asked for, or everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FIGURES))
    parser.add_argument("--model", default=Sources.model_name)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "figures")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(FIGURES)
    if unknown:
        parser.error(f"no figure {', '.join(sorted(unknown))}; there are {', '.join(FIGURES)}")
    sources = replace(Sources(), model_name=arguments.model)
    written, skipped = draw_figures(arguments.names or list(FIGURES), sources, arguments.output)
    for path in written:
        print(f"{path.stat().st_size / 1000:6.0f} kB  {path}")
    for line in skipped:
        print(f"skipped {line}")


if __name__ == "__main__":
    main()
