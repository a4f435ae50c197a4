"""What an assistant is told: results that can be sent, errors in the words that people get."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from soundkin.errors import SoundkinError
from soundkin.server.state import ServerState


@contextmanager
def telling(state: ServerState) -> Iterator[None]:
    """Have errors told to the assistant; what nobody foresaw is not."""
    try:
        yield
    except (SoundkinError, HTTPException, ValidationError) as error:
        words = error.detail if isinstance(error, HTTPException) else str(error)
        told = state.uploads.hide_paths(" ".join(words.splitlines()))
        raise ToolError(make_sendable(told)) from error


def make_sendable(value: Any) -> Any:
    """Put question marks for what is no valid UTF-8 in names; ids say which sounds are meant."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
