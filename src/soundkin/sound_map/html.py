"""A map as one HTML file, to open from disk: zoom, move, point at a sound and hear it."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from soundkin.sound_map.base64_arrays import encode_array
from soundkin.sound_map.colours import Column, PointDetails
from soundkin.sound_map.sound_map import SoundMap

# What could end a script element, or be taken for a line's end in JavaScript, is escaped in JSON.
UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def write_page(
    sound_map: SoundMap,
    details: PointDetails,
    column: Column,
    title: str,
    folder: Path,
    segment_s: float,
) -> bytes:
    """Write a page that is to lie in `folder`.

    Sounds are played from where they are relative to the page, else by their absolute path; nothing
    is fetched from elsewhere. The page's own script and style are named by their hashes in its
    security policy, so that nothing in a file's name can ever be run.
    """
    parts = {name: _read(f"map.{name}") for name in ("html", "css", "js")}
    data = _collect(sound_map, details, column, folder, segment_s)
    text = "".join(UNSAFE.get(c, c) for c in json.dumps(data, separators=(",", ":")))
    values = {
        "title": html.escape(_make_encodable(title)),
        "style": parts["css"],
        "style_hash": _hash(parts["css"]),
        "script": parts["js"],
        "script_hash": _hash(parts["js"]),
        "data": text,
    }
    page = re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], parts["html"])
    return page.encode()


def _collect(
    sound_map: SoundMap, details: PointDetails, column: Column, folder: Path, segment_s: float
) -> dict[str, Any]:
    paths = [recording.path for recording in details.recordings]
    base = os.path.commonpath([os.path.dirname(path) for path in paths])  # noqa: PTH120
    try:
        beside = _quote(os.path.relpath(base, folder)) + "/"
    except ValueError:  # on another drive
        beside = None
    noun = "recordings" if sound_map.by == "recordings" else "segments"
    return {
        "counts": f"{len(sound_map):,} {noun}; neighbours sound alike.",
        "x": encode_array(sound_map.x, np.float32),
        "y": encode_array(sound_map.y, np.float32),
        "owners": encode_array(details.owners, np.uint32),
        "starts_s": encode_array(details.starts_s, np.float32),
        "segment_s": segment_s if sound_map.by == "segments" else None,
        "slow": [recording.slow for recording in details.recordings],
        "paths": [_quote(os.path.relpath(path, base)) for path in paths],
        "beside": beside,
        "base": "file://" + _quote(Path(base).as_posix().rstrip("/")) + "/",
        "colour": column.name,
        "columns": [
            {
                "name": each.name,
                "title": each.title,
                "codes": encode_array(each.codes, np.uint8),
                "palette": each.palette,
                "legend": [(_make_encodable(words), code) for words, code in each.legend],
            }
            for each in details.columns.values()
        ],
    }


def _quote(path: str) -> str:
    return quote(os.fsencode(path.replace(os.sep, "/")))


def _make_encodable(text: str) -> str:
    """Replace what is no valid UTF-8 in a file's name."""
    return os.fsencode(text).decode(errors="replace")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _read(name: str) -> str:
    return (resources.files("soundkin.sound_map") / "page" / name).read_text("utf-8")
