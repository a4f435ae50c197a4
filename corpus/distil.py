"""Have a small network embed as a larger one does: the last step of the default model.

    soundkin train CORPUS --output kin --config corpus/kin.toml
    soundkin train CORPUS --output teacher --config corpus/teacher.toml
    python -m corpus.distil kin/waveforms.pcm --config corpus/kin.toml --init kin/kin.onnx \
        --teacher teacher/teacher.onnx --steps 12153 --output kin.onnx

Small networks learn less from pairs than large ones do, and more from a large one (SEED, Fang et
al. 2021, arXiv 2101.04731). Both see the same deformed sounds; the small one's vectors are to lie
where the teacher's do, and its anchors to find the teacher's positives in the batch.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

import torch
from torch import Tensor

from soundkin.config import ModelConfig
from soundkin.embedding.model import load_model
from soundkin.training.excerpts import open_excerpts
from soundkin.training.export import export_network, whiten_network
from soundkin.training.losses import compute_contrastive_loss
from soundkin.training.network import Network, load_weights
from soundkin.training.pairs import (
    NO_DEFORMATION,
    PairBatch,
    PairDrawer,
    compute_excerpt_length,
    make_generator,
)
from soundkin.training.recipe import NetworkConfig, Recipe, TrainingConfig
from soundkin.training.trainer import FINISHING_BATCHES, compute_rate
from soundkin.training.validation import Validation
from soundkin.training.waveform_cache import open_cache, split_recordings

NEARNESS = 5.0  # what lying near the teacher's vector weighs beside finding it in the batch
REPORTS = 15


def load_network(path: Path, config: ModelConfig, device: str) -> Network:
    """Load the network of a model file as training had it, its finish taken off."""
    recipe = json.loads(load_model(path).provenance)["recipe"]["network"]
    network = Network(NetworkConfig(**recipe), config.mel.n_mels)
    load_weights(network, path, config)
    network.reset_whitening()
    network.floor.fill_(-torch.inf)
    return network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def compute_loss(own: Tensor, aims: Tensor, batch: PairBatch, temperature: float) -> Tensor:
    """Compute how far vectors `(2n, 128)` of anchors and positives are from the teacher's."""
    distance = (1 - (own * aims).sum(dim=1)).mean()
    anchors, positives = own.chunk(2)
    aimed_anchors, aimed_positives = aims.chunk(2)
    found = compute_contrastive_loss(anchors, aimed_positives, batch.recordings, temperature)
    back = compute_contrastive_loss(positives, aimed_anchors, batch.recordings, temperature)
    return NEARNESS * distance + (found + back) / 2


def distil(
    network: Network,
    teacher: Network,
    drawer: PairDrawer,
    config: TrainingConfig,
    validation: Validation,
    device: str,
) -> None:
    """Train a network to be like its teacher for `config.steps`."""
    optimizer = torch.optim.AdamW(
        network.parameters(),
        config.learning_rate,
        weight_decay=config.weight_decay,
        fused=device == "cuda",
    )
    teacher.eval()
    for step in range(config.steps):
        for group in optimizer.param_groups:
            group["lr"] = compute_rate(step, config)
        network.train()
        batch = drawer.draw(config.batch_size, make_generator([config.seed, 7, step], device))
        sounds = torch.cat([batch.anchors, batch.positives])
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            with torch.no_grad():
                aims = teacher(sounds)
            own = network(sounds)
        loss = compute_loss(own.float(), aims.float(), batch, config.temperature)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if (step + 1) % max(1, config.steps // REPORTS) == 0:
            network.eval()
            found = validation.score(network).found
            print(f"step {step + 1}/{config.steps}  loss {loss:.4f}  held-out {found:.1%}")
    network.eval()


def make_model(arguments: argparse.Namespace) -> bytes:
    """Distil and finish, and write the model."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    recipe = Recipe.from_toml(arguments.config.read_text("utf-8"))
    model = recipe.model
    config = dataclasses.replace(
        recipe.training, steps=arguments.steps, learning_rate=arguments.learning_rate
    )
    cache = open_cache(arguments.waveforms)
    longest = compute_excerpt_length(model, config.deformations)
    excerpts = open_excerpts(cache, longest, device)
    training, held_out = split_recordings(cache, config.held_out, config.seed)
    drawer = PairDrawer(excerpts, training, model, config.deformations)
    plain = PairDrawer(excerpts, training, model, NO_DEFORMATION)
    validation = Validation(excerpts, held_out, model, config)
    teacher = load_network(arguments.teacher, model, device)
    network = load_network(arguments.init, model, device)
    distil(network, teacher, drawer, config, validation, device)
    generator = make_generator([config.seed, 1 << 42], device)
    n_batches = min(FINISHING_BATCHES, config.steps)
    whiten_network(network, plain, drawer, model.mel.log_offset, n_batches, generator)
    facts = {
        "recipe": dataclasses.asdict(config),
        "held_out": dataclasses.asdict(validation.score(network)),
        "trained_on": f"{cache.duration_s / 3600:.1f} h in {len(cache.offsets) - 1} recordings",
        "teacher": json.loads(load_model(arguments.teacher).provenance),
        "init": json.loads(load_model(arguments.init).provenance),
    }
    return export_network(network, model, json.dumps(facts))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("waveforms", type=Path, help="cache that soundkin train made")
    parser.add_argument("--config", type=Path, required=True, help="recipe of the small network")
    parser.add_argument("--init", type=Path, required=True, help="model it starts from")
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    arguments = parser.parse_args()
    arguments.output.write_bytes(make_model(arguments))
    print(f"wrote {arguments.output}", file=sys.stderr)


if __name__ == "__main__":
    main()
