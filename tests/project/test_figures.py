"""The figures of docs/how-it-works.md: that all are drawn, from small data too, and found."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from conftest import DEMO_SOUNDS
from docs.figure_style import MissingDataError, Sources, save, use_style
from docs.figures import FIGURES, draw_figures
from docs.figures_of_index import LEAF, Leaf, clip, grow
from docs.figures_of_learning import project, read_training_log
from docs.figures_of_results import arrange

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "how-it-works.md"
LINK = re.compile(r"\]\(([^)\s]+)\)")
# What the figures show by name, and some more.
SOUNDS = ("loop_tabla", "ambi_choir", "guit_harmonics", "bd_808", "bd_tek", "drum_snare_hard")
N_PAIRS = 16
COLUMNS = "segments,index,chosen,value,build_s,memory_mb,p50_ms,queries_per_s,recall"
NEIGHBOURS = """\
3000,soundkin lists,1,0,5,20,1,900,.97
3000,soundkin lists,1,8,5,20,1,1500,.9
3000,soundkin lists,1,16,5,20,1,700,.98
3000,"soundkin lists, recordings of 20",1,0,5,20,1,900,.97
3000,soundkin exact,0,0,5,20,20,50,1
3000,Annoy 1 tree,0,1,5,20,20,5000,.3
3000,Annoy 64 trees,0,1,5,20,20,900,.8
3000,hnswlib M 16,0,10,5,20,20,2000,.95
3000,Lance IVF_RQ,0,2,5,20,20,200,.95"""
GROWTH = """\
1000,"soundkin exact, recordings of 20",1,0,.1,2,1,900,1
1000000,"soundkin exact, recordings of 20",0,0,.1,20,100,10,1
1000,"soundkin lists, recordings of 20",0,0,1,2,.5,2000,.96
1000000,"soundkin lists, recordings of 20",1,0,50,50,1,1000,.98"""
WRITTEN_LATER = {"ablations.csv"}  # by benchmarks/training/ablations.py


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """Six sounds, three of them labelled, a log of three checkpoints, five variants."""
    folder = tmp_path_factory.mktemp("figures")
    (folder / "sounds").mkdir()
    for name in SOUNDS:
        shutil.copy(DEMO_SOUNDS / f"{name}.flac", folder / "sounds")
    rows = ["path,label,group", *(f"sounds/{name}.flac,drum," for name in SOUNDS[3:])]
    (folder / "labels.csv").write_text("\n".join(rows))
    held_out = {"found": 0.5, "found_in_10": 0.8, "positive_distance": 0.2}
    held_out["negative_distance"] = 0.7
    report = {"loss": 1.0, "held_out": held_out, "mining": {"mined_negative_distance": 0.3}}
    lines = [json.dumps({"step": step, **report}) for step in (200, 100, 300, 100)]
    (folder / "log.jsonl").write_text("\n".join(lines))
    variants = ("all", "other seed", "noise alone", "without noise", "something new")
    rows = ["variant,steps,minutes,held_out,one_map,one_p1,two_map,two_p1"]
    rows += [f"{name},300,2.5,.4,.{60 - n},.8,.3{n},.5" for n, name in enumerate(variants)]
    (folder / "ablations.csv").write_text("\n".join(rows))
    for name, text in (("neighbours", NEIGHBOURS), ("growth", GROWTH)):
        (folder / f"{name}.csv").write_text(f"{COLUMNS}\n{text}")
    return Sources(
        sounds=folder / "sounds",
        labels=folder / "labels.csv",
        training_log=folder / "log.jsonl",
        ablations=folder / "ablations.csv",
        neighbours=folder / "neighbours.csv",
        neighbours_growth=folder / "growth.csv",
        n_pairs=N_PAIRS,
    )


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    use_style()
    yield
    plt.close("all")


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_drawn_from_small_data(sources: Sources, tmp_path: Path, name: str) -> None:
    written, skipped = draw_figures([name], sources, tmp_path)
    assert (written, skipped) == ([tmp_path / f"{name}.png"], [])
    with Image.open(written[0]) as image:
        assert image.format == "PNG"
        assert image.width > 1000
        assert not {"Software", "date", "Creation Time"} & set(image.info)
        pixels = np.asarray(image.convert("L"))
    assert pixels.max() == 255
    assert pixels.std() > 5


def test_a_figure_is_the_same_bytes_each_time(sources: Sources, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        save(FIGURES["mining"](sources), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_figure_whose_data_is_missing_is_skipped_and_says_what_is_missing(
    sources: Sources, tmp_path: Path
) -> None:
    without = replace(sources, training_log=tmp_path / "none.jsonl", ablations=tmp_path / "no.csv")
    written, skipped = draw_figures(["training", "ablations", "filter_bank"], without, tmp_path)
    assert written == [tmp_path / "filter_bank.png"]
    assert "copy the model's log.jsonl" in skipped[0]
    assert "python -m benchmarks.training.ablations writes" in skipped[1]
    without = replace(sources, neighbours=tmp_path / "no.csv")
    _, skipped = draw_figures(["neighbours"], without, tmp_path)
    assert "python -m benchmarks.search.ann LIBRARY --curve writes" in skipped[0]
    with pytest.raises(MissingDataError, match="not there"):
        FIGURES["log_mel"](replace(sources, sounds=tmp_path))


@pytest.mark.parametrize("kept", [["all"], ["noise alone"], ["all", "noise alone"]])
def test_ablations_are_drawn_from_any_subset(
    sources: Sources, tmp_path: Path, kept: list[str]
) -> None:
    with sources.ablations.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["variant"] in kept]
    with (tmp_path / "some.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    figure = FIGURES["ablations"](replace(sources, ablations=tmp_path / "some.csv"))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == (kept[1:] or kept)


def test_variants_that_ask_one_question_stand_together() -> None:
    names = ["hours 3", "noise alone", "40 bands", "all", "gain alone"]
    found = arrange([{"variant": name} for name in names])
    assert [row and row["variant"] for row in found] == [
        *("all", None, "noise alone", "gain alone", None, "40 bands", None, "hours 3")
    ]


def test_a_resumed_run_counts_each_checkpoint_once(sources: Sources) -> None:
    assert [r["step"] for r in read_training_log(sources.training_log)] == [100, 200, 300]


def test_the_map_keeps_the_distances_of_what_lies_in_a_plane() -> None:
    generator = np.random.default_rng(0)
    plane = generator.normal(size=(20, 2))
    axes, _ = np.linalg.qr(generator.normal(size=(8, 2)))
    places, share = project((plane @ axes.T + 3).astype(np.float32))
    assert share == pytest.approx(1)
    gaps = [np.linalg.norm(p[:, None] - p[None], axis=2) for p in (plane, places)]
    np.testing.assert_allclose(gaps[0], gaps[1], atol=1e-5)


def test_the_cells_of_a_tree_hold_every_point_once_and_cover_the_plane() -> None:
    generator = np.random.default_rng(0)
    places = generator.uniform(-1, 1, (200, 2))
    corners = np.array([(-1.0, -1), (1, -1), (1, 1), (-1, 1)])
    query = np.array([0.3, 0.2])
    leaves = grow(places, query, Leaf(corners, np.arange(200), np.inf), generator)
    rows = np.concatenate([leaf.rows for leaf in leaves])
    assert sorted(rows.tolist()) == list(range(200))
    assert max(len(leaf.rows) for leaf in leaves) <= LEAF
    assert sum(map(_measure_area, leaves)) == pytest.approx(4)
    own = [leaf for leaf in leaves if leaf.margin > 0]
    assert len(own) == 1, "the query lies in one cell"
    assert _is_inside(query, own[0])
    assert all(_is_inside(places[row], leaf) for leaf in leaves for row in leaf.rows)
    halves = [clip(corners, np.zeros(2), side) for side in (np.array([1.0, 0]), -np.eye(2)[0])]
    assert [len(half) for half in halves] == [4, 4]


def _measure_area(leaf: Leaf) -> float:
    xs, ys = leaf.corners.T
    return float(abs(xs @ np.roll(ys, 1) - ys @ np.roll(xs, 1)) / 2)


def _is_inside(point: np.ndarray, leaf: Leaf) -> bool:
    edges, to_point = np.roll(leaf.corners, -1, 0) - leaf.corners, point - leaf.corners
    turns = edges[:, 0] * to_point[:, 1] - edges[:, 1] * to_point[:, 0]
    return bool((turns > -1e-9).all() or (turns < 1e-9).all())


def test_the_page_shows_every_figure_and_its_links_resolve() -> None:
    text = PAGE.read_text("utf-8")
    drawn = {f"figures/{name}.png" for name in FIGURES}
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {"#" + re.sub(r"[^\w\- ]", "", h).lower().replace(" ", "-") for h in headings}
    links = LINK.findall(text)
    assert drawn <= set(links), "a figure that is not shown"
    for link in links:
        known = link in drawn | anchors | WRITTEN_LATER or (DOCS / link).exists()
        assert known or link.startswith("https://"), link


def test_the_page_tells_the_recipe_that_is_used() -> None:
    text = PAGE.read_text("utf-8")
    recipe = Sources().recipe
    training, deformations, mel = recipe.training, recipe.training.deformations, recipe.model.mel
    for words in (
        f"up to {deformations.pitch_semitones:g} semitones",
        f"{deformations.stretch:g} times longer",
        f"at least {deformations.noise_snr_db:g} dB below",
        f"Up to {deformations.gain_db:g} dB louder",
        f"A batch has {training.batch_size} pairs",
        f"the first {training.warmup_steps} steps",
        f"every {training.checkpoint_every} steps",
        f"*δ* = {training.margin:g}",
        f"*τ* = {training.temperature:g}",
        f"{mel.n_mels} bands × {recipe.model.n_frames} frames",
        f"one such frame every {mel.hop_length} samples",
        f"`log(power + {mel.log_offset:g})`",
    ):
        assert words in text, words
