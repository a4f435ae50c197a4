"""What each part of the recipe is worth: short trainings, one thing changed in each.

    python -m benchmarks.training.ablations CACHE MANIFEST... [--steps 150] [--only NAME...] \
        [--output CSV]

CACHE is the waveforms.pcm that `soundkin train` leaves in its output; MANIFESTs are labelled sets,
as `soundkin evaluate` takes them. Every variant has the same steps, seed and schedule, and, except
where that is what changes, the same recordings. Rows are appended to the CSV as they come, and
those that are there are not run again.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import tempfile
import time
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from soundkin.evaluation.retrieval import evaluate_model, load_labelled_set
from soundkin.training.pairs import NO_DEFORMATION
from soundkin.training.recipe import Recipe
from soundkin.training.trainer import train_model
from soundkin.training.waveform_cache import WaveformCache


def _read_recipe(name: str) -> Recipe:
    text = (resources.files("soundkin.training") / "recipes" / f"{name}.toml").read_text("utf-8")
    return Recipe.from_toml(text)


def _change(recipe: Recipe, **changes: Any) -> Recipe:
    return dataclasses.replace(recipe, training=dataclasses.replace(recipe.training, **changes))


def list_variants() -> dict[str, Recipe]:
    """Give each variant its recipe; `hours …` differ in the audio only."""
    base = _read_recipe("default")
    deformations, network = base.training.deformations, base.training.network
    all_of = dataclasses.asdict(deformations)
    alone = {
        "pitch shift alone": ("pitch_semitones", "pitch_share"),
        "time stretch alone": ("stretch", "stretch_share"),
        "noise alone": ("noise_share", "noise_snr_db"),
        "mixture alone": ("mixture_share", "mixture"),
        "proximity alone": ("proximity_share", "proximity_s"),
    }
    variants = {"all": base, "other seed": _change(base, seed=1)}
    for name, parts in alone.items():
        kept = {part: all_of[part] for part in parts}
        variants[name] = _change(base, deformations=dataclasses.replace(NO_DEFORMATION, **kept))
    other = "contrastive" if base.training.loss == "triplet" else "triplet"
    variants[f"{other} loss"] = _change(base, loss=other)
    for size in (64, 512):
        variants[f"batches of {size}"] = _change(base, batch_size=size)
    for name, channels in {"smaller": (8, 24, 48, 96), "larger": (32, 64, 128, 256)}.items():
        changed = dataclasses.replace(network, channels=channels)
        variants[f"{name} network {channels}"] = _change(base, network=changed)
    for name, changes in {
        "bands to 8 kHz": {"f_max": 8_000.0},
        "bands to 10.8 kHz": {"f_max": 10_800.0},
        "96 bands": {"n_mels": 96},
        "frames every 20 ms": {"hop_length": 640},
    }.items():
        mel = dataclasses.replace(base.model.mel, **changes)
        model = dataclasses.replace(base.model, mel=mel)
        variants[name] = dataclasses.replace(base, model=model)
    variants |= {"hours 3": base, "hours 12": base}
    return variants


def open_cache(path: Path) -> WaveformCache:
    """Open what a training has cached."""
    listing = json.loads(path.with_suffix(".json").read_text())
    offsets = np.array(listing["offsets"], np.int64)
    return WaveformCache(np.memmap(path, np.int16, "r"), offsets, listing["sample_rate"])


def cut_hours(cache: WaveformCache, hours: float) -> WaveformCache:
    """Keep recordings drawn at random up to so many hours, copied to memory."""
    order = np.random.default_rng(0).permutation(len(cache.offsets) - 1)
    lengths = np.diff(cache.offsets)[order]
    kept = np.sort(order[lengths.cumsum() <= hours * 3600 * cache.sample_rate])
    pieces = [cache.samples[cache.offsets[k] : cache.offsets[k + 1]] for k in kept]
    offsets = np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])])
    return WaveformCache(np.concatenate(pieces), offsets, cache.sample_rate)


def measure(name: str, recipe: Recipe, cache: WaveformCache, sets: list[Path]) -> dict[str, Any]:
    """Train a variant and evaluate it."""
    if name.startswith("hours "):
        cache = cut_hours(cache, float(name.split()[1]))
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        result = train_model(cache, Path(folder), recipe.model, recipe.training)
        row: dict[str, Any] = {
            "variant": name,
            "steps": recipe.training.steps,
            "minutes": f"{(time.monotonic() - started) / 60:.1f}",
            "held_out": f"{result.after.found:.3f}",
        }
        for manifest in sets:
            found = evaluate_model(load_labelled_set(manifest), result.model)
            row[f"{manifest.stem}_map"] = f"{found.map.value:.3f}"
            row[f"{manifest.stem}_p1"] = f"{found.precision_at_1.value:.3f}"
    return row


def main() -> None:
    """Run what is asked for and print each row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("manifests", type=Path, nargs="+")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--only", nargs="*", help="names of variants")
    parser.add_argument("--output", type=Path, default=Path("docs/ablations.csv"))
    arguments = parser.parse_args()
    cache = open_cache(arguments.cache)
    rows = []
    if arguments.output.exists():
        with arguments.output.open(newline="") as file:
            rows = list(csv.DictReader(file))
    for name, recipe in list_variants().items():
        wanted = arguments.only is None or name in arguments.only
        if not wanted or name in {row["variant"] for row in rows}:
            continue
        short = _change(recipe, steps=arguments.steps, checkpoint_every=arguments.steps)
        short = _change(short, warmup_steps=min(50, arguments.steps // 4), patience=0)
        rows.append(measure(name, short, cache, arguments.manifests))
        print("  ".join(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
        with arguments.output.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
