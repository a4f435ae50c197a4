"""Make the reference sounds that scores are held against, of the corpus and the shipped model.

    python -m corpus.reference CORPUS [--output FILE] [--model kin]

CORPUS is a folder with a folder of sounds for each source. From each source up to 40 recordings are
drawn, and of each one audible segment of its first ten seconds, so that no source and no long
recording outweighs the others; their names are not looked at. What is written are vectors and a
table of how alike sounds of different sources are; no sound, and no name. To be run again whenever
the model's bytes change, or what is done to a sound before the model hears it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from soundkin.audio.walk import FoundFile, walk_audio
from soundkin.embedding.embedder import Embedder
from soundkin.embedding.model import DEFAULT_MODEL, ModelFile, find_model
from soundkin.embedding.pool import count_workers
from soundkin.errors import AudioError
from soundkin.search.reference import REFERENCE_FILE, Reference

MOST_OF_SOURCE = 40
HEARD_S = 10.0

_embedders: list[Embedder] = []  # that of a worker process


def draw_files(corpus: Path, generator: np.random.Generator) -> Iterator[tuple[int, str]]:
    """Draw recordings of each source; yields the number of the source and a path."""
    for source, folder in enumerate(sorted(path for path in corpus.iterdir() if path.is_dir())):
        found = sorted(one.path for one in walk_audio(str(folder)) if isinstance(one, FoundFile))
        drawn = generator.permutation(len(found))[:MOST_OF_SOURCE]
        yield from ((source, found[place]) for place in sorted(drawn.tolist()))


def embed_audible(path: str) -> npt.NDArray[np.float32] | None:
    """Embed what is audible in the beginning of a file; None where nothing is."""
    try:
        found = _embedders[0].embed_file(path, 0.0, HEARD_S)
    except AudioError as error:
        print(f"  left out: {error}")
        return None
    audible = found.vectors[~found.silent]
    return audible if len(audible) else None


def build(corpus: Path, model: ModelFile, generator: np.random.Generator) -> Reference:
    """Draw, embed and compare."""
    files = list(draw_files(corpus, generator))
    with ProcessPoolExecutor(count_workers(), initializer=_load, initargs=(model,)) as pool:
        embedded = list(pool.map(embed_audible, [path for _, path in files], chunksize=16))
    kept = [place for place, vectors in enumerate(embedded) if vectors is not None]
    vectors = np.stack([generator.choice(embedded[place]) for place in kept])
    return Reference.build(model.hash, vectors, np.array([files[place][0] for place in kept]))


def _load(model: ModelFile) -> None:
    _embedders.append(Embedder.load(model, measures=False))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--output", type=Path, default=REFERENCE_FILE)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    arguments = parser.parse_args()
    reference = build(arguments.corpus, find_model(arguments.model), np.random.default_rng(0))
    reference.save(arguments.output)
    size = arguments.output.stat().st_size
    print(f"{arguments.output}: {len(reference.vectors)} sounds, {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
