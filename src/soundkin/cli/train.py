"""`soundkin train`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soundkin.cli.options import check_address, cluster_option
from soundkin.errors import TrainingError, naming

if TYPE_CHECKING:
    from soundkin.training.recipe import Recipe
    from soundkin.training.trainer import StepReport, TrainingResult

REPORT_EVERY = 20
RECIPES = ("default", "triplet", "original")


@click.command(
    epilog="""\b
Examples:
  soundkin train ~/Field-recordings --output field
  soundkin train ~/Field-recordings --output field --init default
  soundkin train ~/Music ~/Takes --output mine --config recipe.toml
  soundkin train /shared/Sounds --output /shared/field --cluster head:6379 --workers 4
  soundkin index ~/Takes --model mine/mine.onnx --rebuild
"""
)
@click.argument("folders", nargs=-1, required=True, type=click.Path())
@click.option("-o", "--output", required=True, type=click.Path(), help="Folder for the model.")
@click.option(
    "--config",
    default="default",
    metavar="FILE",
    help="Recipe: a TOML file, default, triplet or original.",
)
@click.option("--init", metavar="MODEL", help="Start from a model; default is the one shipped.")
@click.option("--steps", type=click.IntRange(1), metavar="N", help="Steps, if not the recipe's.")
@cluster_option(
    "Let a Ray cluster do it: HOST:PORT of its head, or else the cluster of this machine, or"
    " one started for this run. Write it after the folders.",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    metavar="N",
    help="Workers of a cluster [default: one a GPU, or one a node].",
)
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def train(
    folders: tuple[str, ...],
    output: str,
    config: str,
    init: str | None,
    steps: int | None,
    cluster: str | None,
    workers: int | None,
    quiet: bool,
) -> None:
    """Train an embedding on the sounds below FOLDERS, without labels.

    Audio is decoded once into OUTPUT. Ctrl-C at any time: the same command goes on from the last
    checkpoint. At the end OUTPUT has the model, for soundkin index --model. The score shown is
    label-free: how often a held-out sound, deformed, is nearest to its own origin among a thousand.
    With --init the recipe's steps go on from a model that is there, which takes fewer of them.
    With --cluster every worker takes a share of each batch, and OUTPUT is a folder that all see.
    """
    if find_spec("torch") is None or find_spec("onnx") is None:
        raise TrainingError("training needs more; install it with: pip install 'soundkin[train]'")
    from soundkin.cli.progress import count_done, report_failures
    from soundkin.embedding.model import DEFAULT_MODEL, find_model
    from soundkin.text import format_count, format_hours
    from soundkin.training.trainer import train_model
    from soundkin.training.waveform_cache import build_cache

    if cluster is not None:
        check_address(cluster)
    elif workers is not None:
        raise click.UsageError("--workers goes with --cluster")
    recipe = _read_recipe(config, steps)
    start = None if init is None else find_model(DEFAULT_MODEL if init == "default" else init)
    folder = _make_folder(output)
    path = folder / "waveforms.pcm"
    on_progress = count_done("decoding", "files", quiet=quiet)
    rate = recipe.model.segments.sample_rate
    cache = build_cache(folders, path, rate, on_progress=on_progress)
    n_recordings = format_count(len(cache.offsets) - 1, "recording")
    amount = f"{format_hours(cache.duration_s)} in {n_recordings}"
    click.echo(f"training on {amount}", err=True)
    settings: dict[str, Any] = {
        "init": start,
        "provenance": amount,
        "on_step": _show_step(quiet),
    }
    if cluster is None:
        result = train_model(cache, folder, recipe.model, recipe.training, **settings)
    else:
        from soundkin.cluster.train import train_with_cluster

        settings |= {"address": cluster, "n_workers": workers}
        result = train_with_cluster(path, folder, recipe.model, recipe.training, **settings)
    _show_result(result)
    report_failures("Not read", cache.failures, "")


def _make_folder(output: str) -> Path:
    folder = Path(output)
    with naming(folder, TrainingError):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _show_result(result: TrainingResult) -> None:
    """Print how held-out sounds are found again, before and after."""
    click.echo("held-out sounds, deformed, among those of 1,000 others:")
    click.echo(f"{'':20}{'found':>8}{'in 10':>8}{'rank':>6}{'own':>7}{'others':>8}")
    rows = {
        "log-mel statistics": result.statistics,
        "before training": result.before,
        f"after {result.step} steps": result.after,
    }
    for title, score in rows.items():
        click.echo(
            f"{title:20}{score.found:8.1%}{score.found_in_10:8.1%}{score.median_rank:6.0f}"
            f"{score.positive_distance:7.2f}{score.negative_distance:8.2f}"
        )
    click.echo(f"use it: soundkin index FOLDER --model {result.model}")


def _read_recipe(config: str, steps: int | None) -> Recipe:
    import dataclasses

    from soundkin.training.recipe import Recipe

    try:
        if config in RECIPES:
            file = resources.files("soundkin.training") / "recipes" / f"{config}.toml"
            text = file.read_text("utf-8")
        else:
            text = Path(config).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{config}: {getattr(error, 'strerror', None) or error}") from error
    recipe = Recipe.from_toml(text, config)
    if steps is not None:
        training = dataclasses.replace(recipe.training, steps=steps)
        recipe = dataclasses.replace(recipe, training=training)
    return recipe


def _show_step(quiet: bool) -> Callable[[StepReport], None]:
    """Print a line every so many steps, and at each checkpoint, even where nobody watches."""

    def show(report: StepReport) -> None:
        is_due = report.step % REPORT_EVERY == 0 and sys.stderr.isatty()
        if quiet or not (is_due or report.held_out is not None):
            return
        left_s = (report.n_steps - report.step) * report.s_per_step
        mining = report.mining
        line = (
            f"step {report.step}/{report.n_steps}  loss {report.loss:.4f}  negatives: "
            f"{mining.hard:.0%} hard, {mining.semi_hard:.0%} semi-hard, {mining.easy:.0%} easy  "
            f"distances: positive {mining.positive_distance:.2f}, "
            f"negative {mining.random_negative_distance:.2f}, "
            f"mined {mining.mined_negative_distance:.2f}  "
            f"{report.segments_per_s:.0f} segments/s, {report.waiting:.0%} waiting, "
            f"{left_s / 60:.0f} min left"
        )
        found = "" if report.held_out is None else f"  held-out {report.held_out.found:.1%}"
        click.echo(line + found, err=True)

    return show
