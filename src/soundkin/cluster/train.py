"""One network trained by the workers of a cluster, which Ray Train starts, and anew if lost.

Each worker draws its share of every batch from the decoded audio, which lies in a folder that all
see; vectors are gathered, so that mining sees the whole batch (`training.distributed`). The first
worker measures and writes checkpoints, from which all go on after one was lost.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from soundkin.cluster.connect import MISSING, connect, translate_ray_error
from soundkin.config import ModelConfig
from soundkin.embedding.model import ModelFile
from soundkin.errors import ClusterError, SoundkinError, TrainingError
from soundkin.training.distributed import WorkerGroup
from soundkin.training.recipe import TrainingConfig
from soundkin.training.trainer import StepReport, TrainingResult, train_model
from soundkin.training.waveform_cache import open_cache

MAX_LOSSES = 8
ACCOUNT = "ray-train"  # Ray Train's own notes, below the output while it is at work
POLL_S = 0.5


def train_with_cluster(
    cache: Path,
    output: Path,
    model: ModelConfig,
    config: TrainingConfig,
    *,
    address: str = "auto",
    n_workers: int | None = None,
    init: ModelFile | None = None,
    provenance: str = "",
    on_step: Callable[[StepReport], None] = lambda report: None,
) -> TrainingResult:
    """Train as `training.train_model`, from the cache at a path, by the workers of a cluster.

    Parameters
    ----------
    cache, output
        On a folder that every node sees at the same path.
    address
        See `cluster.connect`.
    n_workers
        None means one for each GPU, or where there is none one for each node.

    Raises
    ------
    SoundkinError
        As from `train_model`, or the cluster cannot be reached, or gave up.
    """
    with connect(address) as ray:
        n_workers, resources = _choose_workers(ray, n_workers)
        WorkerGroup(0, n_workers).split_batch(config.batch_size)
        queue = _make_queue()
        order = {
            "cache": cache.absolute(),
            "output": output.absolute(),
            "model": model,
            "config": config,
            "init": init,
            "provenance": provenance,
            "queue": queue,
        }
        trainer = _make_trainer(order, n_workers, resources)
        done = threading.Event()
        listener = _Listener(queue, on_step, done)
        listener.start()
        try:
            trainer.fit()
        except Exception as error:  # Ray Train's own kinds differ by version
            if isinstance(error, SoundkinError):
                raise
            raise translate_ray_error(error) from error
        finally:
            done.set()
            listener.join()
            shutil.rmtree(output / ACCOUNT, ignore_errors=True)
        if listener.failure is not None:
            raise TrainingError(listener.failure)
        if listener.result is None:
            raise ClusterError("the workers ended without a result; see Ray's logs")
        return listener.result


def _choose_workers(ray: Any, n_workers: int | None) -> tuple[int, dict[str, float]]:
    """Choose how many workers there are, and what each has."""
    total = ray.cluster_resources()
    n_gpus = int(total.get("GPU", 0))
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0)]
    chosen = n_workers or n_gpus or max(1, len(nodes))
    n_cpus = max(1, int(total.get("CPU", 1)) // chosen)
    resources: dict[str, float] = {"CPU": n_cpus}
    if n_gpus:
        if chosen > n_gpus:
            raise ClusterError(f"{chosen} workers, but the cluster has {n_gpus} GPUs")
        resources["GPU"] = 1
    elif chosen > int(total.get("CPU", 1)):
        raise ClusterError(f"{chosen} workers, but the cluster has {int(total['CPU'])} processors")
    return chosen, resources


def _make_queue() -> Any:
    from ray.util.queue import Queue

    return Queue(actor_options={"num_cpus": 0})


def _make_trainer(order: dict[str, Any], n_workers: int, resources: dict[str, float]) -> Any:
    try:
        from ray.train import FailureConfig, RunConfig, ScalingConfig
        from ray.train.torch import TorchTrainer
    except ImportError as error:
        raise ClusterError(MISSING) from error
    logging.getLogger("ray.train").setLevel(logging.ERROR)
    return TorchTrainer(
        _work,
        train_loop_config=order,
        scaling_config=ScalingConfig(
            num_workers=n_workers,
            use_gpu="GPU" in resources,
            resources_per_worker=resources,
        ),
        run_config=RunConfig(
            name=ACCOUNT,
            storage_path=str(order["output"]),
            failure_config=FailureConfig(max_failures=MAX_LOSSES),
        ),
    )


def _work(order: dict[str, Any]) -> None:
    """Be one of the workers."""
    from ray.train import get_context

    context = get_context()
    group = WorkerGroup(context.get_world_rank(), context.get_world_size())
    queue = order["queue"]

    def tell(report: StepReport) -> None:
        if group.is_first:
            queue.put({"step": report})

    try:
        result = train_model(
            open_cache(order["cache"]),
            order["output"],
            order["model"],
            order["config"],
            init=order["init"],
            provenance=order["provenance"],
            group=group,
            on_step=tell,
        )
    except SoundkinError as error:  # the same whenever it is tried: not worth another try
        queue.put({"failure": str(error)})
        return
    if group.is_first:
        queue.put({"result": result})


class _Listener(threading.Thread):
    """Takes in what the workers tell, while the driver waits for them."""

    def __init__(
        self, queue: Any, on_step: Callable[[StepReport], None], done: threading.Event
    ) -> None:
        super().__init__(daemon=True)
        self._queue, self._on_step, self._done = queue, on_step, done
        self.result: TrainingResult | None = None
        self.failure: str | None = None

    def run(self) -> None:
        """Listen until all is said."""
        with suppress(Exception):  # the queue dies with the cluster, which the driver tells of
            while not self._done.is_set() or not self._queue.empty():
                self._take_in()

    def _take_in(self) -> None:
        from ray.util.queue import Empty

        try:
            news = self._queue.get(timeout=POLL_S)
        except Empty:
            return
        if "step" in news:
            self._on_step(news["step"])
        self.result = news.get("result", self.result)
        self.failure = news.get("failure", self.failure)
