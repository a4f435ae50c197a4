"""The server put together: the API, its errors and its guard, and the page's files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib import resources
from operator import attrgetter
from pathlib import Path

from fastapi import FastAPI

import soundkin
from soundkin.server import problems
from soundkin.server.middleware.admission import AdmissionMiddleware
from soundkin.server.middleware.guard import SecurityMiddleware
from soundkin.server.openapi import describe_api
from soundkin.server.page_files import PageFiles
from soundkin.server.problems import Json
from soundkin.server.routes import (
    concepts,
    crates,
    jobs,
    kits,
    machine,
    sounds,
)
from soundkin.server.routes import (
    deform as closer,
)
from soundkin.server.routes import (
    export as takeaway,
)
from soundkin.server.routes import (
    find as finding,
)
from soundkin.server.routes import (
    library as collection,
)
from soundkin.server.routes import (
    map as maps,
)
from soundkin.server.routes import (
    search as searching,
)
from soundkin.server.routes import (
    tag_suggestions as tagging,
)
from soundkin.server.state import ServerState
from soundkin.server.thread_limits import limit_threads

ROOMS = (
    collection,
    tagging,
    sounds,
    closer,
    searching,
    finding,
    concepts,
    maps,
    takeaway,
    kits,
    crates,
    jobs,
    machine,
)


def create_app(state: ServerState) -> FastAPI:
    """Put the server together."""
    app = FastAPI(
        title="soundkin",
        version=soundkin.__version__,
        summary="Find what sounds like this in your own audio.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        default_response_class=Json,
        generate_unique_id_function=attrgetter("name"),  # which generated clients name functions by
        lifespan=_settle_loop,
    )
    app.state.server = state
    app.openapi = partial(describe_api, app)  # type: ignore[method-assign]
    problems.add_handlers(app)
    for room in ROOMS:
        app.include_router(room.router)
    # Not mounted at /, where it would answer for the API's own paths with a wrong method.
    app.router.default = PageFiles(directory=find_page(), html=True)
    app.add_middleware(AdmissionMiddleware)
    app.add_middleware(SecurityMiddleware, settings=state.settings)
    return app


@asynccontextmanager
async def _settle_loop(app: FastAPI) -> AsyncIterator[None]:
    limit_threads()
    yield


def find_page() -> Path:
    """Find the folder of the page's files."""
    return Path(str(resources.files("soundkin") / "web"))
