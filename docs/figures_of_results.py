"""Figures of results: what each part of the recipe is worth, and what the model withstands."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from docs.figure_style import BAND, BLUE, GREEN, GREY, ORANGE, RED, WIDTH, MissingDataError, Sources
from soundkin.evaluation.retrieval import load_labelled_set
from soundkin.evaluation.robustness import Robustness, measure_robustness

BASE, OTHER_SEED, BASELINE = "all", "other seed", "melstats"
MAP_SUFFIX = "_map"
SET_TITLES = {
    "esc10": "ESC-10, environment",
    "dirt": "Musicians' samples",
    "gm": "General MIDI notes",
}

Row = dict[str, str]


def read_ablations(path: Path) -> list[Row]:
    """Read what benchmarks/training/ablations.py wrote."""
    if not path.exists():
        raise MissingDataError(
            f"{path.name} is not there: python -m benchmarks.training.ablations writes {path}"
        )
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise MissingDataError(f"{path}: it has no rows")
    return rows


def draw_ablations(sources: Sources) -> Figure:
    """Draw each variant's mAP beside that of the recipe as it is."""
    rows = read_ablations(sources.ablations)
    sets = [name for name in rows[0] if name.endswith(MAP_SUFFIX)]
    shown = arrange([row for row in rows if row["variant"] != BASE]) or arrange(rows)
    height = 1.2 + 0.235 * len(shown)
    figure, grid = plt.subplots(
        1, len(sets), figsize=(WIDTH, height), sharey=True, squeeze=False, layout="constrained"
    )
    base = next((row for row in rows if row["variant"] == BASE), None)
    for axes, name in zip(grid[0], sets, strict=True):
        _draw_bars(axes, shown, name, base)
        title = name.removesuffix(MAP_SUFFIX)
        axes.set_title(SET_TITLES.get(title, title))
    steps = " or ".join(sorted({row["steps"] for row in rows}, key=int))
    figure.supxlabel(f"macro mAP after {steps} steps", fontsize=10)
    labels = ["" if row is None else row["variant"] for row in shown]
    grid[0][0].set_yticks(range(len(shown)), labels, fontsize=9)
    grid[0][0].set_ylim(len(shown) - 0.4, -0.6)
    for axes in grid[0]:
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
    return figure


def arrange(rows: Sequence[Row]) -> list[Row | None]:
    """Put variants that ask one question together, with None between questions."""
    arranged: list[Row | None] = []
    for number in sorted({_ask(row["variant"]) for row in rows}):
        own: list[Row | None] = [row for row in rows if _ask(row["variant"]) == number]
        arranged += [None, *own] if arranged else own
    return arranged


def _ask(variant: str) -> int:
    """Tell which question a variant asks."""
    questions = (
        variant in (BASE, OTHER_SEED),
        variant.endswith(" alone"),
        variant.startswith("without "),
        " loss" in variant or variant.startswith("batches "),
        " network" in variant,
        "bands" in variant or variant.startswith("frames "),
        variant.startswith("hours "),
    )
    return questions.index(True) if True in questions else len(questions)


def _draw_bars(axes: Axes, rows: Sequence[Row | None], name: str, base: Row | None) -> None:
    """Draw differences from the base, or, where it is missing, the values themselves."""
    origin = float(base[name]) if base else 0.0
    for place, row in enumerate(rows):
        if row is None:
            continue
        change = float(row[name]) - origin
        axes.barh(place, change, 0.72, color=BLUE if change >= 0 else ORANGE)
        if row["variant"] == OTHER_SEED and base:
            axes.axvspan(-abs(change), abs(change), color=BAND, zorder=0)
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set_xlabel(f"less or more than {origin:.3f}" if base else "")
    axes.locator_params(axis="x", nbins=4)


def draw_robustness(sources: Sources) -> Figure:
    """Draw how often deformed sounds find their origins, by the model and without learning."""
    paths = load_labelled_set(sources.labels).paths
    rows, _ = measure_robustness(paths, [sources.model_name, BASELINE])
    return draw_found(rows, sources.model_name)


def draw_found(rows: Sequence[Robustness], model: str) -> Figure:
    """Draw shares found, a panel a deformation, by the model and by the baseline."""
    kinds = list(dict.fromkeys(row.deformation for row in rows))
    counts = [len({row.strength for row in rows if row.deformation == kind}) for kind in kinds]
    figure, grid = plt.subplots(
        1, len(kinds), figsize=(WIDTH, 3.6), sharey=True, width_ratios=[c + 1 for c in counts]
    )
    for axes, kind in zip(grid, kinds, strict=True):
        _draw_kind(axes, [row for row in rows if row.deformation == kind], model)
        title, _, unit = kind.partition(", ")
        axes.set_title(title.capitalize())
        axes.set_xlabel(_name_unit(title, unit))
    grid[0].set(ylabel=f"share that finds its origin among {rows[0].n_clips}", ylim=(0, 1.03))
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _name_unit(title: str, unit: str) -> str:
    units = {
        "pitch shift": "semitones",
        "time stretch": "times as long",
        "noise": "SNR, dB",
        "mixture": "energy added, ×",
        "gain": "dB",
    }
    return units.get(title, unit)


def _draw_kind(axes: Axes, rows: Sequence[Robustness], model: str) -> None:
    name = Path(model).name.removesuffix(".onnx")
    looks = (
        (model, "found", f"{name}, first", BLUE, "o-"),
        (model, "found_in_10", f"{name}, among 10", GREEN, "o:"),
        (BASELINE, "found", f"{BASELINE}, first", RED, "s--"),
    )
    for who, measure, label, colour, line in looks:
        own = [row for row in rows if row.model == who]
        strengths = [row.strength.split()[0] for row in own]
        shares = [getattr(row, measure) for row in own]
        axes.plot(strengths, shares, line, color=colour, label=label, markersize=5)
    axes.margins(x=0.15)
