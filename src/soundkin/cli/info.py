"""`soundkin info`: what a library holds, in numbers."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from soundkin.cli.options import (
    JSON,
    library_option,
    open_library,
    output_options,
)
from soundkin.index.kinds import INDEX_KINDS

if TYPE_CHECKING:
    from soundkin.library.library import Library


@click.command(
    epilog="""\b
Examples:
  soundkin info
  soundkin info --json | jq .n_segments
"""
)
@output_options(JSON)
@library_option
def info(output: str | None, library_path: str) -> None:
    """Show what the library holds: recordings, hours, model, folders, tags."""
    from soundkin.cli.progress import count_segments
    from soundkin.indexing.upgrade import find_upgrade
    from soundkin.text import format_hours

    with open_library(library_path) as library:
        facts = _collect_facts(library)
        upgrade = find_upgrade(library)
        facts["newer_model"] = upgrade and dataclasses.asdict(upgrade)
        if facts["n_segments"]:
            from soundkin.evaluation.index_recall import measure_index

            facts["index"] = dataclasses.asdict(measure_index(library, count_segments()))
    if output == "json":
        click.echo(json.dumps(facts))
        return
    model = facts["model"]
    lines = {
        "library": f"{facts['library']} ({facts['size_bytes'] / 1e6:.1f} MB)",
        "model": f"{model['name']} {model['hash'][:8]}, {model['embedding_size']} dimensions"
        if model
        else "none yet",
        "recordings": f"{facts['n_recordings']} ({format_hours(facts['duration_s'])})",
        "different": f"{facts['n_contents']} by their bytes",
        "segments": str(facts["n_segments"]),
        "index": _describe_index(facts["index"]) if facts["index"] else "none yet",
        "not read": f"{facts['n_failed']} (soundkin list --failed)",
        "folders": "\n            ".join(_describe_folders(facts)) or "none",
        "tags": ", ".join(f"{tag} ({n})" for tag, n in facts["tags"].items()) or "none",
    }
    for name, text in lines.items():
        click.echo(f"{name:<11} {text}")
    if upgrade:
        click.echo(f"\n{upgrade}")


def _collect_facts(library: Library) -> dict[str, Any]:
    counts, model = library.count(), library.model
    described = model and {
        "name": model.name,
        "hash": model.hash,
        "embedding_size": model.embedding_size,
        **dataclasses.asdict(model.segments),
    }
    return {
        "library": library.name,
        "size_bytes": library.measure_bytes(),
        "model": described,
        "n_recordings": counts.n_recordings,
        "n_failed": counts.n_failed,
        "n_contents": counts.n_contents,
        "n_segments": counts.n_segments,
        "duration_s": round(counts.duration_s, 3),
        "folders": library.list_folders(),
        "slow": library.list_slow(),
        "tags": dict(library.list_tags()),
        "index": None,
    }


def _describe_folders(facts: dict[str, Any]) -> Iterator[str]:
    for folder in facts["folders"]:
        slow = facts["slow"].get(folder, 1)
        yield f"{folder} (heard {slow:g} times slower)" if slow != 1 else folder


def _describe_index(facts: dict[str, Any]) -> str:
    """Say in a line or three what kind of index there is, what it takes and how well it finds."""
    kind = INDEX_KINDS[facts["kind"]].format(n_lists=facts["n_lists"])
    saved = f"{facts['disk_bytes'] / 1e6:.1f} MB on disk"
    if facts["build_s"]:
        saved += f", built in {facts['build_s']:.1f} s"
    return (
        f"{kind}\n            {facts['memory_bytes'] / 1e6:.1f} MB in memory, "
        f"{saved if facts['disk_bytes'] else 'not saved: the library is small'}\n            "
        f"recall@10 {facts['recall']:.3f} beside an exact search, {facts['query_ms']:.2f} ms a "
        f"query ({facts['n_queries']} segments of this library)"
    )
