"""Models that a person has named themselves, and so may be run where a library asks for them.

A library names its model by file, and may come from a stranger. A model is run by native code, so a
file is not loaded because a library says so: only one that comes with soundkin, or whose bytes this
person has named to `soundkin index --model` on this machine before.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from soundkin.embedding.model import DEFAULT_MODEL, ModelFile, find_model, list_models, load_model
from soundkin.errors import ModelError
from soundkin.library.library import Library
from soundkin.library.records import LibraryModel

FOLDER_VARIABLE = "SOUNDKIN_ACCEPTED"


def trust_model(file: ModelFile) -> None:
    """Note that a person named a model.

    Raises
    ------
    ModelError
        It cannot be noted.
    """
    if file.name in list_models():
        return
    note = _locate(file.hash)
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.touch()
    except OSError as error:
        raise ModelError(
            f"{note.parent}: {error.strerror or error}; name a folder where the models you use can"
            f" be noted in ${FOLDER_VARIABLE}"
        ) from error


def find_trusted_model(known: LibraryModel) -> ModelFile:
    """Find the model that a library was made with, if it may be run.

    Raises
    ------
    ModelError
        There is no such file, or this person has never named it.
    """
    if known.file_name in list_models():
        return _find_shipped(known)
    is_hash = re.fullmatch(r"[0-9a-f]{64}", known.hash) is not None
    if not is_hash or not Path(known.file_name).is_absolute() or not _locate(known.hash).is_file():
        raise ModelError(
            f"{known.file_name!r:.300}: the library was made with this model, which you have not"
            " used before; a model is a program, so only if you trust it:"
            " soundkin index --model FILE"
        )
    return find_model(known.file_name)


def find_newer_model(known: LibraryModel) -> ModelFile | None:
    """Find the model that `index --rebuild` takes in place of one that has gone out of date."""
    if known.file_name not in list_models():
        return None
    newer = find_model(known.file_name)
    return newer if newer.hash != known.hash else None


def _find_shipped(known: LibraryModel) -> ModelFile:
    """Find which version of a model that comes with soundkin made a library."""
    newest = find_model(known.file_name)
    if newest.hash == known.hash:
        return newest
    others = (find_model(name) for name in list_models())
    return next((one for one in others if one.hash == known.hash), newest)


def choose_model(
    library: Library, name: str | os.PathLike[str] | None, *, rebuild: bool = False
) -> ModelFile:
    """Find the model to index with, and write it into a library that has none.

    Raises
    ------
    SoundkinError
        There is no such model, or the library was made with another one and `rebuild` is not set.
    """
    known = library.model
    if name is None and known is not None:
        newer = find_newer_model(known) if rebuild else None
        model_file = newer or find_trusted_model(known)
    else:
        model_file = find_model(DEFAULT_MODEL if name is None else name)
        trust_model(model_file)
    if known is not None and not rebuild:
        library.check_model(model_file.name, model_file.hash)
        return model_file
    model = load_model(model_file)
    library.replace_model(
        LibraryModel(
            model.name, model_file.hash, model_file.name, model.segments, model.embedding_size
        )
    )
    return model_file


def _locate(digest: str) -> Path:
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder:
        return Path(folder) / digest
    import platformdirs

    return platformdirs.user_data_path("soundkin") / "accepted-models" / digest
