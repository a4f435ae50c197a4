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
    from soundkin.backups import BackupReport, back_up, restore
    from soundkin.duplicates import find_duplicates
    from soundkin.embedding import Embedder, Embeddings
    from soundkin.errors import SoundkinError
    from soundkin.explaining import Explanation
    from soundkin.export import embed_paths, save_table
    from soundkin.hits import Hit
    from soundkin.indexing import index_folders
    from soundkin.library import Library
    from soundkin.opening import open_library
    from soundkin.queries import Sound, Waveform
    from soundkin.records import Facts, Filters, Recording
    from soundkin.relocation import RelocationReport, relocate
    from soundkin.repairing import RepairReport, repair_library
    from soundkin.search import Searcher
    from soundkin.suggestions import Suggestion, suggest_tags
    from soundkin.verdicts import Verdict
    from soundkin.verification import VerifyReport, verify_library
    from soundkin.watching import WatchNews, watch_folders

__version__ = "0.1.0"

_HOMES = {
    "BackupReport": "backups",
    "Embedder": "embedding",
    "Embeddings": "embedding",
    "Explanation": "explaining",
    "Facts": "records",
    "Filters": "records",
    "Hit": "hits",
    "Library": "library",
    "Recording": "records",
    "RelocationReport": "relocation",
    "RepairReport": "repairing",
    "Searcher": "search",
    "Sound": "queries",
    "SoundkinError": "errors",
    "Suggestion": "suggestions",
    "Verdict": "verdicts",
    "VerifyReport": "verification",
    "WatchNews": "watching",
    "Waveform": "queries",
    "back_up": "backups",
    "embed_paths": "export",
    "find_duplicates": "duplicates",
    "index_folders": "indexing",
    "open_library": "opening",
    "relocate": "relocation",
    "repair_library": "repairing",
    "restore": "backups",
    "save_table": "export",
    "suggest_tags": "suggestions",
    "verify_library": "verification",
    "watch_folders": "watching",
}

__all__ = [
    "BackupReport",
    "Embedder",
    "Embeddings",
    "Explanation",
    "Facts",
    "Filters",
    "Hit",
    "Library",
    "Recording",
    "RelocationReport",
    "RepairReport",
    "Searcher",
    "Sound",
    "SoundkinError",
    "Suggestion",
    "Verdict",
    "VerifyReport",
    "WatchNews",
    "Waveform",
    "__version__",
    "back_up",
    "embed_paths",
    "find_duplicates",
    "index_folders",
    "open_library",
    "relocate",
    "repair_library",
    "restore",
    "save_table",
    "suggest_tags",
    "verify_library",
    "watch_folders",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'soundkin' has no attribute {name!r}")
    return getattr(import_module(f"soundkin.{_HOMES[name]}"), name)
