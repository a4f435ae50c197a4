"""Batches of files streamed through Ray Data."""

from __future__ import annotations

import logging
from typing import Any

import pyarrow as pa

from soundkin.audio.walk import FoundFile
from soundkin.cluster.embed_task import (
    EmbedActor,
    EmbedTask,
    hash_files,
    read_files,
    write_result,
)


class EmbedBatch:
    """An actor's side of embedding."""

    def __init__(self, task: EmbedTask) -> None:
        self._embedding = EmbedActor(task)

    def __call__(self, block: pa.Table) -> pa.Table:
        return make_block(write_result(self._embedding.embed(_read_block(block))))


def hash_batch(block: pa.Table) -> pa.Table:
    return make_block(write_result(hash_files(_read_block(block))))


def make_block(text: str) -> pa.Table:
    """Make a block of one row, since a block is a task."""
    return pa.table({"value": pa.array([text], pa.large_string())})


def _read_block(block: pa.Table) -> list[FoundFile]:
    return read_files(block["value"][0].as_py())


def keep_quiet(ray: Any) -> None:
    """Leave the terminal to soundkin; Ray's dashboard shows its own progress."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
