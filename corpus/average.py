"""Average the weights of models of one network, and finish the network that comes out.

    python -m corpus.average RUN --config corpus/kin6.toml --output kin.onnx ONE=0.5 OTHER=0.5

What was learned later and what was known before lie in one valley, and between them much of both is
kept (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", arXiv 2109.01903). RUN is the
output folder of `soundkin train`, whose recordings whiten the embedding anew.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import torch

from soundkin.config import ModelConfig
from soundkin.embedding.model import find_model
from soundkin.training.excerpts import open_excerpts
from soundkin.training.export import export_network, whiten_network
from soundkin.training.network import Network, load_weights
from soundkin.training.pairs import (
    NO_DEFORMATION,
    PairDrawer,
    compute_excerpt_length,
    make_generator,
)
from soundkin.training.recipe import Recipe, TrainingConfig
from soundkin.training.trainer import FINISHING_BATCHES
from soundkin.training.validation import Validation
from soundkin.training.waveform_cache import WaveformCache, open_cache, split_recordings

SEED = 1 << 42


def average_weights(shares: dict[str, float], recipe: Recipe) -> Network:
    """Average the weights of some model files by their shares, which add up to 1."""
    total = sum(shares.values())
    if abs(total - 1) > 1e-6:
        raise SystemExit(f"the shares add up to {total:g}, not to 1")
    network = Network(recipe.training.network, recipe.model.mel.n_mels)
    sums: dict[str, torch.Tensor] = {}
    for name, share in shares.items():
        load_weights(network, find_model(name).path, recipe.model)
        network.reset_whitening()
        for key, value in network.state_dict().items():
            is_kept = not value.is_floating_point() or not torch.isfinite(value).all()
            sums[key] = value.clone() if is_kept else sums.get(key, 0) + share * value
    network.load_state_dict(sums)
    return network.eval()


def finish(
    network: Network, cache: WaveformCache, model: ModelConfig, config: TrainingConfig
) -> Validation:
    """Whiten the embedding as training does at its end; returns what scores it."""
    training, held_out = split_recordings(cache, config.held_out, config.seed)
    longest = compute_excerpt_length(model, config.deformations)
    excerpts = open_excerpts(cache, longest, "cpu")
    drawers = (
        PairDrawer(excerpts, training, model, NO_DEFORMATION),
        PairDrawer(excerpts, training, model, config.deformations),
    )
    generator = make_generator([config.seed, SEED])
    whiten_network(network, *drawers, model.mel.log_offset, FINISHING_BATCHES, generator)
    return Validation(excerpts, held_out, model, config)


def main() -> None:
    """Average, finish, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("models", nargs="+", metavar="MODEL=SHARE")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    recipe = Recipe.from_toml(args.config.read_text())
    parts = [one.rpartition("=") for one in args.models]
    shares = {name: float(share) for name, _, share in parts}
    network = average_weights(shares, recipe)
    cache = open_cache(args.run / "waveforms.pcm")
    score = finish(network, cache, recipe.model, recipe.training).score(network)
    hashes = {find_model(name).hash[:16]: share for name, share in shares.items()}
    facts = {
        "averaged": hashes,
        "recipe": dataclasses.asdict(recipe.training),
        "held_out": dataclasses.asdict(score),
        "trained_on": f"{cache.duration_s / 3600:.1f} h in {len(cache.offsets) - 1} recordings",
    }
    args.output.write_bytes(export_network(network, recipe.model, json.dumps(facts)))
    print(f"{args.output}: finds {score.found:.3f} of held-out sounds again")


if __name__ == "__main__":
    main()
