"""`soundkin evaluate`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from soundkin.evaluation.retrieval import Evaluation, LabelledSet, Measure
    from soundkin.evaluation.robustness import Robustness

MAX_CONFUSED = 3


@click.command(
    epilog="""\b
Examples:
  soundkin evaluate labels.csv                       the default model beside the baselines
  soundkin evaluate labels.csv --model mine.onnx --classes
  soundkin evaluate labels.csv --json > scores.jsonl
  soundkin evaluate labels.csv --robustness          do deformed clips find their origins?
"""
)
@click.argument("manifest", type=click.Path())
@click.option("--model", "models", multiple=True, metavar="NAME", help="Model to measure; repeat.")
@click.option("--no-baselines", is_flag=True, help="Only the models.")
@click.option("--classes", is_flag=True, help="Also each class of the first, and its confusions.")
@click.option("--robustness", is_flag=True, help="Instead: deform clips, and rank their origins.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a model, with its classes.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def evaluate(
    manifest: str,
    models: tuple[str, ...],
    no_baselines: bool,
    classes: bool,
    robustness: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure how well models find sounds of the same class, on labelled sounds.

    MANIFEST is a CSV with the columns path (relative to it), label and, if wanted, group. Every
    clip queries all others, but for those of its own group. mAP, P@1, recall@10 and reciprocal
    rank are averaged per class, then over classes; brackets hold 95 % bootstrap intervals.
    With --robustness labels do not count: up to 300 clips are shifted, stretched, mixed and made
    noisy, and each has to find what it was made from.
    """
    from soundkin.cli.progress import count_done, report_failures
    from soundkin.embedding.model import DEFAULT_MODEL, load_model
    from soundkin.evaluation.retrieval import evaluate_model, load_labelled_set

    labelled = load_labelled_set(manifest)
    chosen = list(models or (DEFAULT_MODEL,))
    for name in chosen:
        load_model(name)  # before any work is done
    if not no_baselines:
        chosen += [name for name in ("melstats", "log-mel", "mfcc") if name not in chosen]
    if robustness:
        _print_robustness(labelled, chosen, as_json=as_json, quiet=quiet)
        return
    found = []
    for name in chosen:
        show = count_done(name, "clips", quiet=quiet)
        found.append(evaluate_model(labelled, name, on_progress=show))
        if as_json:
            click.echo(json.dumps({"set": labelled.name, **dataclasses.asdict(found[-1])}))
    if not as_json:
        _print_summary(labelled, found)
        if classes:
            _print_classes(found[0])
    report_failures("Not read", found[0].failures, "")


def _print_robustness(
    labelled: LabelledSet, models: Sequence[str], *, as_json: bool, quiet: bool
) -> None:
    from soundkin.audio.decoders.decoder_process import decode_in_subprocess
    from soundkin.cli.progress import count_done, report_failures
    from soundkin.evaluation.robustness import measure_robustness

    show = count_done("deforming", "clips", quiet=quiet)
    with decode_in_subprocess():
        rows, failures = measure_robustness(labelled.paths, models, on_progress=show)
    if as_json:
        for row in rows:
            click.echo(json.dumps({"set": labelled.name, **dataclasses.asdict(row)}))
    else:
        _print_ranks(labelled, rows)
    report_failures("Not read", failures, "")


def _print_ranks(labelled: LabelledSet, rows: Sequence[Robustness]) -> None:
    """Print a line for each deformation and strength, with two columns for each model."""
    from soundkin.cli.output import print_table

    models = list(dict.fromkeys(row.model for row in rows))
    by_deformation: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        cells = by_deformation.setdefault((row.deformation, row.strength), [])
        cells.append(f"{row.found:.0%}  rank {row.median_rank:g}")
    click.echo(f"{labelled.name}: origins found first among {rows[0].n_clips} clips, median rank\n")
    lines = [[*cells, " ".join(names)] for names, cells in by_deformation.items()]
    print_table([*map(_shorten, models), "deformation"], lines)


def _shorten(model: str) -> str:
    return model.rpartition("/")[2].removesuffix(".onnx")


def _print_summary(labelled: LabelledSet, found: Sequence[Evaluation]) -> None:
    from soundkin.cli.output import print_table

    first = found[0]
    click.echo(f"{labelled.name}: {first.n_clips} clips, {first.n_classes} classes\n")
    rows = [
        [
            _format(result.map),
            _format(result.precision_at_1),
            _format(result.recall_at_10),
            _format(result.reciprocal_rank),
            result.model,
        ]
        for result in found
    ]
    print_table(["mAP", "P@1", "recall@10", "reciprocal rank", "model"], rows)


def _format(measure: Measure) -> str:
    return f"{measure.value:.3f} [{measure.low:.3f}, {measure.high:.3f}]"


def _print_classes(result: Evaluation) -> None:
    from soundkin.cli.output import print_table

    rows = []
    for score in sorted(result.classes, key=lambda score: -score.map):
        mistaken = score.confused_with[:MAX_CONFUSED]
        confused = ", ".join(f"{label} {share:.0%}" for label, share in mistaken)
        rows.append(
            [
                score.label,
                str(score.n_clips),
                f"{score.map:.3f}",
                f"{score.precision_at_1:.3f}",
                f"{score.recall_at_10:.3f}",
                confused,
            ]
        )
    click.echo()
    print_table(["class", "clips", "mAP", "P@1", "recall@10", "nearest clip instead"], rows)
