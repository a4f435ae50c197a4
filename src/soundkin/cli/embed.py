"""`soundkin embed`."""

from __future__ import annotations

import click


@click.command(
    epilog="""\b
Examples:
  soundkin embed ~/Samples --output vectors.npz
  soundkin embed a.wav b.wav --output vectors.parquet --model melstats
"""
)
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(),
    help=".npz file, or .parquet (needs soundkin[parquet]).",
)
@click.option("--model", metavar="NAME", help="Model that embeds, by name or .onnx file.")
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Processes [default: cores].")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
def embed(
    paths: tuple[str, ...], output: str, model: str | None, workers: int | None, quiet: bool
) -> None:
    """Write the embeddings of files and folders to a table, for use elsewhere.

    One row per segment: path, start_s, duration_s, embedding (float32, norm 1; 128 of them with
    soundkin's own models). The path is as
    typed for a file, and below the folder's parent for a folder.
    """
    from soundkin.cli.progress import report_failures, show_progress
    from soundkin.embedding.model import DEFAULT_MODEL
    from soundkin.embedding.table import check_table_path, embed_paths, save_table

    check_table_path(output)
    with show_progress(quiet=quiet) as on_progress:
        table = embed_paths(
            paths, model=model or DEFAULT_MODEL, n_workers=workers, on_progress=on_progress
        )
    save_table(table, output)
    if not quiet:
        click.echo(f"{output}: {len(table.path)} segments", err=True)
    report_failures("Not read", table.failures, "")
