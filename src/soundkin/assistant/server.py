"""The server of the Model Context Protocol: its tools, and its life."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

import soundkin
from soundkin.assistant.reading import ReadingTools
from soundkin.assistant.writing import WritingTools
from soundkin.server.settings import MAX_WHOLE_BYTES, Settings
from soundkin.server.state import ServerState

INSTRUCTIONS = """\
soundkin finds what sounds like a sound in the recordings of its user's library. Sounds are named by
ids (r17), paths, or the ends of paths. Times are in seconds. Start with library_info; search finds
what sounds alike, find every occurrence, list_recordings goes by names and tags."""
READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
CHANGES = ToolAnnotations(read_only_hint=False, open_world_hint=False)


def make_server(state: ServerState, *, can_write: bool) -> MCPServer:
    """Put the server together; only with `can_write` it has the tools that change something."""
    server = MCPServer(
        "soundkin",
        title="soundkin",
        version=soundkin.__version__,
        instructions=INSTRUCTIONS,
        log_level="ERROR",
    )
    for tool in ReadingTools(state).list_tools():
        server.add_tool(tool, annotations=READS)
    for tool in WritingTools(state).list_tools() if can_write else ():
        server.add_tool(tool, annotations=CHANGES)
    return server


def run(library: str, *, can_write: bool) -> None:
    """Serve a library until standard input ends, or Ctrl-C or SIGTERM comes."""
    state = ServerState(Settings(library, max_upload_bytes=MAX_WHOLE_BYTES))

    def end(number: int, frame: FrameType | None) -> None:
        state.close()
        os._exit(0)  # a thread waits for standard input, which nothing interrupts

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    warming = threading.Thread(target=state.warm_up, daemon=True)
    warming.start()
    try:
        make_server(state, can_write=can_write).run("stdio")
    finally:
        warming.join()
        state.close()
