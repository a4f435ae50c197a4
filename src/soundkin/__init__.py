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
    from soundkin.search import Searcher
    from soundkin.suggestions import Suggestion, suggest_tags
    from soundkin.verdicts import Verdict
    from soundkin.watching import WatchNews, watch_folders

__version__ = "0.1.0"

_HOMES = {
    "Embedder": "embedding",
    "Embeddings": "embedding",
    "Explanation": "explaining",
    "Facts": "records",
    "Filters": "records",
    "Hit": "hits",
    "Library": "library",
    "Recording": "records",
    "Searcher": "search",
    "Sound": "queries",
    "SoundkinError": "errors",
    "Suggestion": "suggestions",
    "Verdict": "verdicts",
    "WatchNews": "watching",
    "Waveform": "queries",
    "embed_paths": "export",
    "find_duplicates": "duplicates",
    "index_folders": "indexing",
    "open_library": "opening",
    "save_table": "export",
    "suggest_tags": "suggestions",
    "watch_folders": "watching",
}

__all__ = [
    "Embedder",
    "Embeddings",
    "Explanation",
    "Facts",
    "Filters",
    "Hit",
    "Library",
    "Recording",
    "Searcher",
    "Sound",
    "SoundkinError",
    "Suggestion",
    "Verdict",
    "WatchNews",
    "Waveform",
    "__version__",
    "embed_paths",
    "find_duplicates",
    "index_folders",
    "open_library",
    "save_table",
    "suggest_tags",
    "watch_folders",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'soundkin' has no attribute {name!r}")
    return getattr(import_module(f"soundkin.{_HOMES[name]}"), name)
