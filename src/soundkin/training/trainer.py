"""Training without labels: draw pairs, mine negatives, step; checkpoints, held-out score, export.

Every step draws from a generator seeded by the recipe's seed and the step's number, so that a run
that is resumed from a checkpoint is the run that was never stopped.
"""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from soundkin.config import ModelConfig
from soundkin.embedding.model import ModelFile
from soundkin.errors import TrainingError, naming
from soundkin.system.files import write_aside
from soundkin.training.checkpoint import BestNetwork, Checkpoint
from soundkin.training.distributed import WorkerGroup
from soundkin.training.excerpts import open_excerpts
from soundkin.training.export import export_network, whiten_network
from soundkin.training.losses import (
    MiningStatistics,
    compute_contrastive_loss,
    compute_triplet_loss,
)
from soundkin.training.network import Network, load_weights
from soundkin.training.pairs import (
    NO_DEFORMATION,
    PairBatch,
    PairDrawer,
    compute_excerpt_length,
    make_generator,
)
from soundkin.training.recipe import TrainingConfig
from soundkin.training.validation import HeldOutScore, Validation
from soundkin.training.waveform_cache import WaveformCache, split_recordings

FINISHING_BATCHES = 64
ALONE = WorkerGroup()


@dataclass(frozen=True)
class StepReport:
    """One step, or with `held_out` the state after it.

    `waiting` is the share of the time so far that was spent waiting for pairs.
    """

    step: int
    n_steps: int
    loss: float
    mining: MiningStatistics
    segments_per_s: float
    s_per_step: float
    waiting: float
    held_out: HeldOutScore | None = None


@dataclass(frozen=True)
class TrainingResult:
    """Where the model is, the step it is from, and how it finds held-out sounds again.

    `statistics` is the score of log-mel statistics, which need no learning; `before` is the
    network's before any step, `after` the exported one's.
    """

    model: Path
    step: int
    statistics: HeldOutScore
    before: HeldOutScore
    after: HeldOutScore


def train_model(
    cache: WaveformCache,
    output: Path,
    model: ModelConfig,
    config: TrainingConfig,
    *,
    init: ModelFile | None = None,
    provenance: str = "",
    group: WorkerGroup = ALONE,
    on_step: Callable[[StepReport], None] = lambda report: None,
) -> TrainingResult:
    """Train a network on a cache of recordings and write it to `output` as `NAME.onnx`.

    It starts from the weights of `init`, if given. A checkpoint of the same recipe in `output` is
    gone on from. The network exported is the one of the checkpoint with the best held-out score;
    training stops early once `config.patience` checkpoints in a row brought no better one.
    Of a `group` of workers each calls it, with an `output` that all of them see; the first writes.

    Raises
    ------
    TrainingError
        There are too few recordings, the checkpoint is of another recipe, the loss is no number, or
        the output cannot be written.
    ModelError
        `init` is of a network of another shape, or has other segments or mel bands.
    """
    trainer = _Trainer(cache, output, model, config, init, group)
    trainer.resume()
    for report in trainer.run():
        on_step(report)
    path = output / f"{model.name}.onnx"
    if group.is_first:
        trainer.finish()
        trainer.export(path, provenance)
    return trainer.describe(path)


class _Trainer:
    """The state of a run."""

    def __init__(
        self,
        cache: WaveformCache,
        output: Path,
        model: ModelConfig,
        config: TrainingConfig,
        init: ModelFile | None,
        group: WorkerGroup,
    ) -> None:
        self._output, self._model, self._config, self._init = output, model, config, init
        self._group, self._share = group, group.split_batch(config.batch_size)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.backends.cudnn.benchmark = True  # batches are all of one shape
        training, held_out = split_recordings(cache, config.held_out, config.seed)
        longest = compute_excerpt_length(model, config.deformations)
        excerpts = open_excerpts(cache, longest, self._device)
        self._drawer = PairDrawer(excerpts, training, model, config.deformations)
        self._plain_drawer = PairDrawer(excerpts, training, model, NO_DEFORMATION)
        self._validation = Validation(excerpts, held_out, model, config) if group.is_first else None
        torch.manual_seed(config.seed)
        network = Network(config.network, model.mel.n_mels)
        if init is not None:
            load_weights(network, init.path, model)
        network = group.synchronise_norms(network.to(self._device), self._device)
        self._network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._wrapped = group.wrap(self._network)
        self._optimizer = torch.optim.AdamW(
            self._network.parameters(),
            config.learning_rate,
            weight_decay=config.weight_decay,
            fused=self._device == "cuda",
        )
        self._step = 0

    def resume(self) -> None:
        """Go on from a checkpoint, if there is one, or measure where the run begins."""
        recipe = self._describe_recipe()
        known = Checkpoint.load(self._output, recipe, self._network, self._optimizer)
        if known is not None:
            self._step, self._before, self._best = known.step, known.before, known.best
            return
        self._before = self._validate()
        self._network.reset_whitening()  # of a model that is gone on from
        self._best = BestNetwork.of(0, self._before, self._network)

    def _describe_recipe(self) -> str:
        recipe = dataclasses.asdict(self._config) | {"model": json.loads(self._model.to_json())}
        if self._init is not None:
            recipe["init"] = {"name": Path(self._init.name).name, "hash": self._init.hash}
        del recipe["checkpoint_every"]
        return json.dumps(recipe, sort_keys=True)

    def run(self) -> Iterator[StepReport]:
        """Train to the last step, or until it no longer helps; yields a report for each."""
        started, waited, since = time.monotonic(), 0.0, self._step
        for batch, waiting_s in self._draw_ahead():
            loss, mining = self._take_step(batch)
            self._step += 1
            waited += waiting_s
            elapsed = max(time.monotonic() - started, 1e-9)
            report = StepReport(
                step=self._step,
                n_steps=self._config.steps,
                loss=loss,
                mining=mining,
                segments_per_s=2 * self._config.batch_size * (self._step - since) / elapsed,
                s_per_step=elapsed / (self._step - since),
                waiting=waited / elapsed,
            )
            is_last = self._step == self._config.steps
            if is_last or self._step % self._config.checkpoint_every == 0:
                score = self._validate()
                if score.found > self._best.score.found:
                    self._best = BestNetwork.of(self._step, score, self._network)
                report = dataclasses.replace(report, held_out=score)
                if self._group.is_first:
                    recipe = self._describe_recipe()
                    known = Checkpoint(recipe, self._step, self._before, self._best)
                    known.save(self._output, self._network, self._optimizer, report)
            yield report
            if self._is_stale():
                return

    def _is_stale(self) -> bool:
        """Tell whether the last checkpoints, as many as patience allows, brought nothing better."""
        config = self._config
        reach = config.patience * config.checkpoint_every
        return 0 < reach <= self._step - self._best.step

    def _draw_ahead(self) -> Iterator[tuple[PairBatch, float]]:
        """Yield the batches that are left, the next one being drawn while one is trained on."""
        config = self._config

        def draw(step: int) -> PairBatch:
            generator = make_generator(self._group.seed(config.seed, step), self._device)
            return self._drawer.draw(self._share, generator)

        with ThreadPoolExecutor(1, thread_name_prefix="pairs") as thread:
            coming = thread.submit(draw, self._step)
            for step in range(self._step + 1, config.steps + 1):
                started = time.monotonic()
                batch = coming.result()
                waiting_s = time.monotonic() - started
                if step < config.steps:
                    coming = thread.submit(draw, step)
                yield batch, waiting_s

    def _take_step(self, batch: PairBatch) -> tuple[float, MiningStatistics]:
        config = self._config
        for group in self._optimizer.param_groups:
            group["lr"] = compute_rate(self._step, config)
        self._network.train()
        with torch.autocast(self._device, torch.bfloat16, enabled=_has_bfloat16(self._device)):
            vectors = self._wrapped(torch.cat([batch.anchors, batch.positives]))
        anchors, positives = map(self._group.gather, vectors.float().chunk(2))
        recordings = self._group.gather(batch.recordings)
        triplet, mining = compute_triplet_loss(anchors, positives, recordings, config.margin)
        loss = triplet
        if config.loss == "contrastive":
            loss = compute_contrastive_loss(anchors, positives, recordings, config.temperature)
        self._optimizer.zero_grad(set_to_none=True)
        (loss * self._group.size).backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        value = float(loss.detach())  # a GPU is waited for only once it has all of its work
        if not math.isfinite(value):
            raise TrainingError(f"step {self._step}: the loss is no number; lower learning_rate")
        return value, mining

    def _validate(self) -> HeldOutScore:
        self._network.eval()
        return self._group.broadcast(self._score(), self._device)

    def _score(self) -> HeldOutScore | None:
        return self._validation.score(self._network) if self._validation else None

    def finish(self) -> None:
        """Take the best network, and finish it."""
        self._network.load_state_dict(self._best.weights)
        self._network.eval()
        generator = make_generator([self._config.seed, 1 << 42], self._device)
        log_offset = self._model.mel.log_offset
        n_batches = min(FINISHING_BATCHES, max(4, self._config.steps // 8))
        drawers = self._plain_drawer, self._drawer
        whiten_network(self._network, *drawers, log_offset, n_batches, generator)
        score = self._score()
        assert score is not None  # only the first finishes
        self._best = dataclasses.replace(self._best, score=score)

    def export(self, path: Path, provenance: str) -> None:
        """Write the network as a model file."""
        facts: dict[str, Any] = {"recipe": json.loads(self._describe_recipe())}
        facts |= {"step": self._best.step, "held_out": dataclasses.asdict(self._best.score)}
        facts["trained_on"] = provenance
        data = export_network(self._network, self._model, json.dumps(facts))
        with naming(path, TrainingError), write_aside(path) as file:
            file.write(data)

    def describe(self, model: Path) -> TrainingResult:
        """Tell what came out, the same to all workers."""
        statistics = self._validation.score_statistics() if self._validation else None
        statistics = self._group.broadcast(statistics, self._device)
        after = self._group.broadcast(self._best.score, self._device)
        return TrainingResult(model, self._best.step, statistics, self._before, after)


def _has_bfloat16(device: str) -> bool:
    """Tell whether mixed precision pays; where a processor emulates it, it costs."""
    return device == "cuda" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def compute_rate(step: int, config: TrainingConfig) -> float:
    """Compute the learning rate: a linear rise, then half a cosine down to a hundredth.

    The rise takes a quarter of the steps at most, so that short runs have a peak too.
    """
    rise = min(config.warmup_steps, config.steps // 4)
    if step < rise:
        return config.learning_rate * (step + 1) / rise
    left = (step - rise) / max(1, config.steps - rise)
    return config.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * left)) / 2)
