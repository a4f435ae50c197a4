"""Rebuild the training corpus from Debian packages, downloaded and unpacked, never installed.

    python -m corpus.build OUTPUT [--exclude FOLDER...] [--max-minutes 10] [--keep DOWNLOADS]

Needs a Debian or Ubuntu system with apt, and fluidsynth and timidity for the instruments (without
them they are left out, and that is said). Writes OUTPUT/PACKAGE/NUMBER.EXT and OUTPUT/corpus.csv
(file, package, seconds, where it stood in the package). File names carry nothing: training uses no
names.

The same bytes come in once. Of a package with thousands of spoken words a number drawn at random is
taken (`most` in packages.csv), so that speech does not drown the rest. A recording longer than
--max-minutes is cut to its middle. Recordings that sound like one in a folder to --exclude, as its
near-duplicate, are left out. --patches instruments (patches.py) and --textures environments
(textures.py) that never were are added.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from corpus.patches import render_patches
from corpus.phrases import render_instruments
from corpus.textures import render_textures
from soundkin.audio.decoders.open import is_audio_path
from soundkin.audio.read import probe_audio, read_audio
from soundkin.audio.walk import FoundFile, walk_audio
from soundkin.errors import AudioError
from soundkin.indexing.folders import index_folders
from soundkin.library.library import Library
from soundkin.search.duplicates.groups import find_duplicates
from soundkin.system.files import hash_file

ARCHIVES = {".zip", ".pk3"}
MIN_S = 0.05
NO_LIMIT = 1 << 30
COMPARING_MODEL = "melstats"  # never a model that such a corpus has made


def download(package: str, folder: Path) -> Path | None:
    """Download a package with apt, or take it from an earlier time; None where apt has none."""
    found = sorted(folder.glob(f"{package}_*.deb"))
    if not found:
        subprocess.run(["apt-get", "download", "-qq", package], cwd=folder, check=False)
        found = sorted(folder.glob(f"{package}_*.deb"))
    return found[0] if found else None


def unpack(package: Path, folder: Path) -> None:
    """Unpack a package, and the archives inside it as far as they hold sound."""
    subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
    archives = [path for path in folder.rglob("*") if path.suffix.lower() in ARCHIVES]
    for archive in archives:
        if archive.is_symlink():
            continue
        with zipfile.ZipFile(archive) as contents:
            for name in contents.namelist():
                if is_audio_path(name):
                    contents.extract(name, archive.with_suffix(""))
        archive.unlink()


def list_recordings(folder: Path) -> Iterator[Path]:
    """Yield what sounds in an unpacked package; instruments are played first."""
    configurations = sorted(folder.glob("etc/timidity/*.cfg"))
    for configuration in configurations:
        text = configuration.read_text().replace("dir /", f"dir {folder}/")
        configuration.write_text(text)
    fonts = sorted(font for font in folder.rglob("*.sf2") if not font.is_symlink())
    for instruments in [*fonts, *configurations]:
        rendered = folder / "rendered" / instruments.stem
        rendered.mkdir(parents=True)
        if not render_instruments(instruments, rendered):
            print(f"  {instruments.name}: left out, since its player is not installed")
    for found in walk_audio(str(folder)):
        if isinstance(found, FoundFile):
            yield Path(found.path)


def take(source: Path, target: Path, max_s: float) -> float:
    """Copy a recording, or the middle of a long one as FLAC; returns its seconds, 0 if no use."""
    try:
        duration_s = probe_audio(source).duration_s
        if duration_s is None or duration_s < MIN_S:
            return 0.0
        if duration_s <= max_s:
            shutil.copyfile(source, target.with_suffix(source.suffix.lower()))
            return duration_s
        start_s = (duration_s - max_s) / 2
        rate = probe_audio(source).sample_rate
        soundfile.write(
            target.with_suffix(".flac"), read_audio(source, rate, start_s, start_s + max_s), rate
        )
        return max_s
    except AudioError as error:
        print(f"  left out: {error}")
        return 0.0


def drop_excluded(output: Path, excluded: list[Path]) -> set[str]:
    """Delete recordings that sound the same as one in an excluded folder; returns their paths."""
    if not excluded:
        return set()
    with (
        tempfile.TemporaryDirectory() as folder,
        Library.open(Path(folder) / "all.sqlite", create=True) as library,
    ):
        index_folders(library, [output, *excluded], model=COMPARING_MODEL)
        roots = tuple(f"{folder.absolute()}/" for folder in excluded)
        dropped = set()
        for group in find_duplicates(library):
            paths = [recording.path for recording in group.recordings]
            if any(path.startswith(roots) for path in paths):
                dropped.update(path for path in paths if not path.startswith(roots))
    for path in dropped:
        Path(path).unlink()
    return dropped


def take_package(
    archive: Path, target: Path, most: int, max_s: float, seen: set[bytes]
) -> list[tuple[str, str, float, str]]:
    """Take up to `most` recordings of a package, drawn at random, that were not seen before."""
    rows: list[tuple[str, str, float, str]] = []
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target) as name:
        unpack(archive, Path(name))
        sources = sorted(list_recordings(Path(name)))
        for place in np.random.default_rng(0).permutation(len(sources)).tolist():
            digest = hash_file(str(sources[place]))
            if digest in seen or len(rows) == most:
                continue
            seen.add(digest)
            number = f"{len(rows):05}"
            seconds = take(sources[place], target / number, max_s)
            if seconds:
                written = next(target.glob(f"{number}.*"))
                origin = str(sources[place].relative_to(name))
                rows.append((str(written), target.name, seconds, origin))
    return rows


def build(arguments: argparse.Namespace) -> None:
    """Download, unpack, take, exclude, and write the list."""
    output: Path = arguments.output.absolute()
    output.mkdir(parents=True, exist_ok=True)
    downloads: Path = arguments.keep or output / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    with arguments.packages.open(newline="") as file:
        packages = list(csv.DictReader(file))
    seen: set[bytes] = set()
    rows: list[tuple[str, str, float, str]] = []
    for package in packages:
        name, most = package["package"], int(package["most"] or NO_LIMIT)
        archive = download(name, downloads)
        if archive is None:
            print(f"{name}: apt has none, left out")
            continue
        taken = take_package(archive, output / name, most, 60 * arguments.max_minutes, seen)
        rows += taken
        hours = sum(row[2] for row in taken) / 3600
        print(f"{name}: {len(taken)} recordings, {hours:.2f} hours", flush=True)
    synthesis = (
        ("patches", render_patches, arguments.patches),
        ("textures", render_textures, arguments.textures),
    )
    for name, render, count in synthesis:
        if not count:
            continue
        (output / name).mkdir(exist_ok=True)
        rows += [(str(path), name, seconds, "") for path, seconds in render(output / name, count)]
    dropped = drop_excluded(output, [folder.absolute() for folder in arguments.exclude])
    kept = [row for row in rows if row[0] not in dropped]
    with (output / "corpus.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "package", "seconds", "origin"])
        writer.writerows((Path(path).relative_to(output), *rest) for path, *rest in kept)
    if arguments.keep is None:
        shutil.rmtree(downloads)
    hours = sum(row[2] for row in kept) / 3600
    print(f"{output}: {len(kept)} recordings, {hours:.1f} hours; {len(dropped)} excluded by sound")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--exclude", type=Path, nargs="*", default=[])
    parser.add_argument("--max-minutes", type=float, default=10.0)
    parser.add_argument("--keep", type=Path, help="folder to keep downloads in, or take them from")
    parser.add_argument("--packages", type=Path, default=Path(__file__).with_name("packages.csv"))
    parser.add_argument("--patches", type=int, default=1200, help="how many drawn instruments")
    parser.add_argument("--textures", type=int, default=1500, help="how many drawn environments")
    build(parser.parse_args())


if __name__ == "__main__":
    main()
