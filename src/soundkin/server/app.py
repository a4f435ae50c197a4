"""The server put together: the API, its errors and its guard, and the page's files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

import soundkin
from soundkin.server import collection, problems, searching, sounds
from soundkin.server.desk import Desk
from soundkin.server.problems import Json
from soundkin.server.security import Guard
from soundkin.server.settings import Settings
from soundkin.server.words import Problem

ROUTERS = (collection.router, sounds.router, searching.router)


def create_app(settings: Settings) -> FastAPI:
    """Put the server together."""
    desk = Desk(settings)

    @asynccontextmanager
    async def hold(app: FastAPI) -> AsyncIterator[None]:
        app.state.desk = desk
        yield
        desk.close()

    app = FastAPI(
        title="soundkin",
        version=soundkin.__version__,
        summary="Find what sounds like this in your own audio.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        default_response_class=Json,
        lifespan=hold,
        responses={"default": {"model": Problem, "description": "A problem"}},
    )
    problems.add_handlers(app)
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/", StaticFiles(directory=find_page(), html=True, check_dir=False), name="page")
    app.add_middleware(Guard, settings=settings)
    return app


def find_page() -> Path:
    """Find the folder of the page's files."""
    return Path(str(resources.files("soundkin") / "web"))
