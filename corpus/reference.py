"""Make the reference sounds that scores are held against, of the corpus and the shipped model.

    python -m corpus.reference CORPUS [--output FILE] [--model kin]

CORPUS is a folder with a folder of sounds for each source. From each source up to 16 recordings are
drawn, and of each one audible segment of its first ten seconds, so that no source and no long
recording outweighs the others; their names are not looked at. What is written are vectors, a
table of how alike sounds of different sources are, and the point where the verdict on a search errs
as often with kin in the library as without; no sound, and no name. To be run again whenever
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
from soundkin.errors import AudioError
from soundkin.search.reference import REFERENCE_FILE, Reference
from soundkin.system.processors import count_processors

MOST_OF_SOURCE = 16
HEARD_S = 10.0
LEAST_SEGMENTS = 4
LIBRARY_SIZES = (1, 10, 100, 1000)

Vectors = npt.NDArray[np.float32]

_embedders: list[Embedder] = []  # that of a worker process


def draw_files(corpus: Path, generator: np.random.Generator) -> Iterator[tuple[int, str]]:
    """Draw recordings of each source; yields the number of the source and a path."""
    for source, folder in enumerate(sorted(path for path in corpus.iterdir() if path.is_dir())):
        found = sorted(one.path for one in walk_audio(str(folder)) if isinstance(one, FoundFile))
        drawn = generator.permutation(len(found))[:MOST_OF_SOURCE]
        yield from ((source, found[place]) for place in sorted(drawn.tolist()))


def embed_audible(path: str) -> Vectors | None:
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
    with ProcessPoolExecutor(count_processors(), initializer=_load, initargs=(model,)) as pool:
        embedded = list(pool.map(embed_audible, [path for _, path in files], chunksize=16))
    kept = [place for place, found in enumerate(embedded) if found is not None]
    sources = np.array([files[place][0] for place in kept])
    sounds = [found for found in embedded if found is not None]
    vectors = np.stack([generator.choice(found) for found in sounds])
    percent = choose_percent(sounds, vectors, sources, generator)
    return Reference.build(model.hash, vectors, sources, percent)


def choose_percent(
    sounds: list[Vectors],
    vectors: Vectors,
    sources: npt.NDArray[np.int64],
    generator: np.random.Generator,
) -> float:
    """Choose where a verdict errs as often with kin there as without.

    Kin are the first and the last segment of a recording, where these are a second apart or more;
    the libraries that they are searched in are 1 to 1,000 sounds of other sources. Told is the
    percentage of other sounds that find nothing so near in such a library.
    """
    places = [place for place, found in enumerate(sounds) if len(found) >= LEAST_SEGMENTS]
    kin = np.array([sounds[place][0] @ sounds[place][-1] for place in places])
    firsts = np.stack([sounds[place][0] for place in places])
    others = np.where(sources[places][:, None] == sources[None], -1, firsts @ vectors.T)
    percents = np.arange(50.0, 99.5, 0.5)
    misses = []
    for size in LIBRARY_SIZES:
        drawn = np.stack([generator.permutation(row)[:size].max() for row in others])
        best = np.maximum(kin, drawn) if size > 1 else kin
        misses.append([(best < point).mean() for point in np.percentile(drawn, percents)])
    gaps = np.abs(100 * np.mean(misses, axis=0) - (100 - percents))
    return float(percents[gaps.argmin()])


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
    print(f"a hit is one from the score that {100 - reference.chance_percent:g} % find by chance")


if __name__ == "__main__":
    main()
