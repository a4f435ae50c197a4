"""soundkin finds what sounds like this in a person's own audio.

The names below are the public Python API; each is loaded when first used, so that importing
soundkin costs nothing.

>>> import soundkin
>>> with soundkin.Library.open("sounds.sqlite", create=True) as library:
...     report = soundkin.index_folders(library, ["~/Samples"])
...     hits = soundkin.Searcher(library).search("kick.wav", top_k=5)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from soundkin.audio.deformations import add_noise, cut_nearby, mix, shift_pitch, stretch_time
    from soundkin.audio_facts import Facts
    from soundkin.cluster.index import index_with_cluster
    from soundkin.cluster.train import train_with_cluster
    from soundkin.embedding.embedder import Embedder
    from soundkin.embedding.segments import Embeddings
    from soundkin.embedding.table import EmbeddingTable, embed_paths, save_table
    from soundkin.errors import (
        AudioError,
        BusyError,
        ClusterError,
        DamagedLibraryError,
        DeformationError,
        LibraryError,
        ModelError,
        QueryError,
        ServerError,
        SoundkinError,
        TrainingError,
        WorkerError,
    )
    from soundkin.indexing.folders import index_folders
    from soundkin.indexing.relocate import RelocationReport, relocate
    from soundkin.indexing.watch import WatchNews, watch_folders
    from soundkin.integrity.backup import BackupReport, back_up, restore
    from soundkin.integrity.repair import RepairReport, repair_library
    from soundkin.integrity.verify import VerifyReport, verify_library
    from soundkin.library.library import Library
    from soundkin.library.open import open_library
    from soundkin.library.records import Filters, Recording
    from soundkin.progress import Failure, IndexProgress, IndexReport
    from soundkin.search.duplicates.groups import DuplicateGroup, find_duplicates
    from soundkin.search.explain import Explanation
    from soundkin.search.finding.occurrence import Occurrence, Occurrences
    from soundkin.search.finding.resolve import find_in_files
    from soundkin.search.hits import Hit
    from soundkin.search.query import Sound, Waveform
    from soundkin.search.searcher import Searcher
    from soundkin.search.tags.suggestions import Suggestion, suggest_tags
    from soundkin.search.verdict import Verdict
    from soundkin.sound_map.sound_map import MapPlacer, SoundMap, compute_map, load_map
    from soundkin.training.recipe import Recipe
    from soundkin.training.trainer import train_model
    from soundkin.training.waveform_cache import build_cache, open_cache

__version__ = "0.1.0"

_HOMES = {
    "AudioError": "errors",
    "BackupReport": "integrity.backup",
    "BusyError": "errors",
    "ClusterError": "errors",
    "DamagedLibraryError": "errors",
    "DeformationError": "errors",
    "DuplicateGroup": "search.duplicates.groups",
    "Embedder": "embedding.embedder",
    "EmbeddingTable": "embedding.table",
    "Embeddings": "embedding.segments",
    "Explanation": "search.explain",
    "Facts": "audio_facts",
    "Failure": "progress",
    "Filters": "library.records",
    "Hit": "search.hits",
    "IndexProgress": "progress",
    "IndexReport": "progress",
    "Library": "library.library",
    "LibraryError": "errors",
    "MapPlacer": "sound_map.sound_map",
    "ModelError": "errors",
    "Occurrence": "search.finding.occurrence",
    "Occurrences": "search.finding.occurrence",
    "QueryError": "errors",
    "Recipe": "training.recipe",
    "Recording": "library.records",
    "RelocationReport": "indexing.relocate",
    "RepairReport": "integrity.repair",
    "Searcher": "search.searcher",
    "ServerError": "errors",
    "Sound": "search.query",
    "SoundMap": "sound_map.sound_map",
    "SoundkinError": "errors",
    "Suggestion": "search.tags.suggestions",
    "TrainingError": "errors",
    "Verdict": "search.verdict",
    "VerifyReport": "integrity.verify",
    "WatchNews": "indexing.watch",
    "Waveform": "search.query",
    "WorkerError": "errors",
    "add_noise": "audio.deformations",
    "back_up": "integrity.backup",
    "build_cache": "training.waveform_cache",
    "compute_map": "sound_map.sound_map",
    "cut_nearby": "audio.deformations",
    "embed_paths": "embedding.table",
    "find_duplicates": "search.duplicates.groups",
    "find_in_files": "search.finding.resolve",
    "index_folders": "indexing.folders",
    "index_with_cluster": "cluster.index",
    "load_map": "sound_map.sound_map",
    "mix": "audio.deformations",
    "open_cache": "training.waveform_cache",
    "open_library": "library.open",
    "relocate": "indexing.relocate",
    "repair_library": "integrity.repair",
    "restore": "integrity.backup",
    "save_table": "embedding.table",
    "shift_pitch": "audio.deformations",
    "stretch_time": "audio.deformations",
    "suggest_tags": "search.tags.suggestions",
    "train_model": "training.trainer",
    "train_with_cluster": "cluster.train",
    "verify_library": "integrity.verify",
    "watch_folders": "indexing.watch",
}

__all__ = [
    "AudioError",
    "BackupReport",
    "BusyError",
    "ClusterError",
    "DamagedLibraryError",
    "DeformationError",
    "DuplicateGroup",
    "Embedder",
    "EmbeddingTable",
    "Embeddings",
    "Explanation",
    "Facts",
    "Failure",
    "Filters",
    "Hit",
    "IndexProgress",
    "IndexReport",
    "Library",
    "LibraryError",
    "MapPlacer",
    "ModelError",
    "Occurrence",
    "Occurrences",
    "QueryError",
    "Recipe",
    "Recording",
    "RelocationReport",
    "RepairReport",
    "Searcher",
    "ServerError",
    "Sound",
    "SoundMap",
    "SoundkinError",
    "Suggestion",
    "TrainingError",
    "Verdict",
    "VerifyReport",
    "WatchNews",
    "Waveform",
    "WorkerError",
    "__version__",
    "add_noise",
    "back_up",
    "build_cache",
    "compute_map",
    "cut_nearby",
    "embed_paths",
    "find_duplicates",
    "find_in_files",
    "index_folders",
    "index_with_cluster",
    "load_map",
    "mix",
    "open_cache",
    "open_library",
    "relocate",
    "repair_library",
    "restore",
    "save_table",
    "shift_pitch",
    "stretch_time",
    "suggest_tags",
    "train_model",
    "train_with_cluster",
    "verify_library",
    "watch_folders",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'soundkin' has no attribute {name!r}")
    return getattr(import_module(f"soundkin.{_HOMES[name]}"), name)
