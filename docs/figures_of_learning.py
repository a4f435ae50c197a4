"""Figures of learning: distances before and after mining and training, the curve, the map."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from docs.figure_style import (
    BLUE,
    COLOURS,
    GREEN,
    GREY,
    MARKERS,
    ORANGE,
    RED,
    WIDTH,
    MissingDataError,
    Sources,
)
from soundkin.embedding.segments import compute_mean_vector
from soundkin.training.excerpts import MappedExcerpts
from soundkin.training.losses import compute_distances, mine_semi_hard
from soundkin.training.network import Network
from soundkin.training.pairs import PairBatch, PairDrawer, make_generator
from soundkin.training.waveform_cache import build_cache

SEED = 0
N_BINS = 40
UNLABELLED = "other"
OFFSETS = (
    *((6, 0, "left"), (-6, 0, "right"), (0, 8, "center"), (0, -8, "center")),
    *((5, 6, "left"), (5, -6, "left"), (-5, 6, "right"), (-5, -6, "right")),
    *((5, 12, "left"), (5, -12, "left"), (-5, 12, "right"), (-5, -12, "right")),
)

Vectors = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Distances:
    """Cosine distances in a batch: to own positives, to all negatives, to the mined ones.

    `weights` are what the contrastive loss gives each of `negatives`.
    """

    positives: Numbers
    negatives: Numbers
    mined: Numbers
    weights: Numbers


def draw_mining(sources: Sources) -> Figure:
    """Draw the distances in a batch, by an untrained network and by the model."""
    batch = draw_batch(sources)
    torch.manual_seed(SEED)
    network = Network(sources.recipe.training.network, sources.model.config.mel.n_mels)
    with torch.no_grad():  # in training mode, so that the batch itself gives the normalisation
        both = network(torch.cat([batch.anchors, batch.positives]))
    anchors, positives = both.chunk(2)
    untrained = measure_distances(anchors, positives, batch.recordings, sources)
    anchors = torch.from_numpy(sources.model.embed(batch.anchors.numpy()))
    positives = torch.from_numpy(sources.model.embed(batch.positives.numpy()))
    trained = measure_distances(anchors, positives, batch.recordings, sources)
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(WIDTH, 6.0), sharex=True)
    _draw_distances(upper, untrained)
    upper.set_title("Before training: random weights")
    _draw_distances(lower, trained)
    lower.set_title(f"After training: {sources.model.name}")
    lower.set_xlabel("cosine distance from the anchor")
    upper.legend(loc="upper right")
    return figure


def draw_batch(sources: Sources) -> PairBatch:
    """Draw a batch of pairs from the sounds, as training does."""
    config = sources.model.config
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "waveforms.pcm"
        cache = build_cache([sources.sounds], path, config.segments.sample_rate)
        recordings = np.arange(len(cache.offsets) - 1)
        deformations = sources.recipe.training.deformations
        drawer = PairDrawer(MappedExcerpts(cache), recordings, config, deformations)
        return drawer.draw(sources.n_pairs, make_generator([SEED]))


def measure_distances(
    anchors: torch.Tensor, positives: torch.Tensor, recordings: torch.Tensor, sources: Sources
) -> Distances:
    """Measure a batch's distances, and how both losses choose among its negatives."""
    training = sources.recipe.training
    distances = compute_distances(anchors, positives)
    chosen, usable = mine_semi_hard(distances, recordings, training.margin)
    candidates = recordings[:, None] != recordings[None, :]
    allowed = candidates | torch.eye(len(recordings), dtype=torch.bool)
    logits = (-distances / training.temperature).masked_fill(~allowed, -torch.inf)
    weights = logits.softmax(dim=1)
    mined = distances.gather(1, chosen[:, None])[:, 0][usable]
    parts = distances.diagonal(), distances[candidates], mined, weights[candidates]
    return Distances(*(part.double().numpy() for part in parts))


def _draw_distances(axes: Axes, found: Distances) -> None:
    bins = np.linspace(0, 1.4, N_BINS + 1)
    style: dict[str, Any] = {"bins": bins, "density": True}
    axes.hist(found.negatives, color=GREY, alpha=0.35, label="all negatives", **style)
    axes.hist(found.positives, color=BLUE, alpha=0.45, label="own positive", **style)
    style |= {"histtype": "step", "linewidth": 2}
    axes.hist(found.mined, color=RED, label="mined: one semi-hard negative", **style)
    axes.hist(
        found.negatives,
        weights=found.weights,
        color=GREEN,
        label="all negatives, as InfoNCE weighs them",
        linestyle=(0, (4, 1.5)),
        **style,
    )
    axes.set(ylabel="density", xlim=(bins[0], bins[-1]))


def read_training_log(path: Path) -> list[dict[str, Any]]:
    """Read a run's log: a report for each checkpoint, the last of its step, in order."""
    if not path.exists():
        raise MissingDataError(f"{path.name} is not there: copy the model's log.jsonl to {path}")
    reports = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]
    by_step = {report["step"]: report for report in reports if report["held_out"]}
    if not by_step:
        raise MissingDataError(f"{path}: it has no checkpoint")
    return [by_step[step] for step in sorted(by_step)]


def draw_training(sources: Sources) -> Figure:
    """Draw what training reported at its checkpoints."""
    reports = read_training_log(sources.training_log)
    steps = [report["step"] for report in reports]
    held_out = [report["held_out"] for report in reports]
    mining = [report["mining"] for report in reports]
    figure, (score, distance, loss) = plt.subplots(1, 3, figsize=(WIDTH, 3.3))
    lines: Sequence[tuple[Axes, Sequence[dict[str, float]], str, str, str]] = (
        (score, held_out, "found", BLUE, "first"),
        (score, held_out, "found_in_10", ORANGE, "among 10"),
        (distance, held_out, "negative_distance", GREY, "other recordings"),
        (distance, mining, "mined_negative_distance", RED, "mined, in training"),
        (distance, held_out, "positive_distance", BLUE, "own positive"),
    )
    for axes, rows, key, colour, label in lines:
        axes.plot(steps, [row[key] for row in rows], "o-", markersize=4, color=colour, label=label)
    loss.plot(steps, [report["loss"] for report in reports], "o-", markersize=4, color=GREEN)
    score.set_title("Held-out sounds found")
    score.set(ylabel="share of 1,024 anchors", ylim=(0, 1))
    distance.set_title("Distance from the anchor")
    distance.set(ylabel="cosine distance", ylim=(0, None))
    loss.set_title("Loss of one batch")
    loss.set(ylabel="loss", ylim=(0, None))
    for axes in (score, distance, loss):
        axes.set(xlabel="step", xlim=(0, None))
    score.legend(loc="lower right", title="own positive comes", fontsize=9)
    distance.legend(loc="best", fontsize=9)
    return figure


def draw_map(sources: Sources) -> Figure:
    """Draw the sounds in the plane that spreads them most, coloured by label."""
    names, labels, vectors = embed_sounds(sources)
    places, share = project(vectors)
    figure, axes = plt.subplots(figsize=(WIDTH, 7.4))
    shown = sorted(set(labels) - {UNLABELLED}) + [UNLABELLED] * (UNLABELLED in labels)
    for number, label in enumerate(shown):
        own = [place for place, one in zip(places, labels, strict=True) if one == label]
        colour = GREY if label == UNLABELLED else COLOURS[number % len(COLOURS)]
        marker = MARKERS[number % len(MARKERS)]
        xs, ys = zip(*own, strict=True)
        axes.scatter(xs, ys, s=50, color=colour, marker=marker, label=label)
    axes.set(xlabel="first principal axis", ylabel="second principal axis", aspect="equal")
    axes.margins(0.08)
    axes.set_title(f"{len(names)} sounds; this plane holds {share:.0%} of their variance")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), title="label")
    _name_places(figure, axes, names, places)
    return figure


def _name_places(figure: Figure, axes: Axes, names: Sequence[str], places: Numbers) -> None:
    """Write names beside places, each where it covers least of those before it."""
    figure.draw_without_rendering()  # the layout is known only then
    points = axes.transData.transform(places)
    dots = [Bbox.from_bounds(x - 6, y - 6, 12, 12) for x, y in points]
    taken, frame = list(dots), axes.get_window_extent()
    for number, name in enumerate(names):
        texts: list[tuple[float, int, Text, Bbox]] = []
        for x, y, side in OFFSETS:
            text = axes.annotate(
                name, places[number], (x, y), textcoords="offset points", fontsize=7,
                ha=side, va="center",
            )  # fmt: skip
            box = text.get_window_extent()
            covered = sum(_overlap(box, one) for one in taken if one is not dots[number])
            covered += box.width * box.height - _overlap(box, frame)  # what lies outside
            texts.append((covered, len(texts), text, box))
        best, *others = sorted(texts, key=lambda entry: entry[:2])
        taken.append(best[3])
        for _, _, unused, _ in others:
            unused.remove()


def _overlap(one: Bbox, other: Bbox) -> float:
    common = Bbox.intersection(one, other)
    return 0.0 if common is None else float(common.width * common.height)


def embed_sounds(sources: Sources) -> tuple[list[str], list[str], Vectors]:
    """Embed every sound; its name, its label or `other`, and its mean vector."""
    with sources.labels.open(newline="", encoding="utf-8") as file:
        known = {Path(row["path"]).name: row["label"] for row in csv.DictReader(file)}
    names, labels, vectors = [], [], []
    for path in sorted(sources.sounds.glob("*.flac")):
        vector = compute_mean_vector(sources.embedder.embed_file(str(path)))
        if vector is not None:
            names.append(path.stem)
            labels.append(known.get(path.name, UNLABELLED))
            vectors.append(vector)
    return names, labels, np.array(vectors)


def project(vectors: Vectors) -> tuple[Numbers, float]:
    """Project vectors `(n, d)` on their two principal axes, `(n, 2)`; and the variance's share."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign(left[np.abs(left).argmax(axis=0), np.arange(left.shape[1])])
    places: Numbers = (left * signs * sizes)[:, :2]
    return places, float((sizes[:2] ** 2).sum() / (sizes**2).sum())
