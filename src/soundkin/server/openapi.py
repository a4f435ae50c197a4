"""The OpenAPI of the API, its errors in their own shape."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from soundkin.server.problems import MEDIA_TYPE
from soundkin.server.schemas import ProblemResponse

PROBLEM = {
    "description": "A problem, as RFC 9457 has it",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
SECURITY = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "Only where the server can be reached from other machines.",
    }
}


def describe_api(app: FastAPI) -> dict[str, Any]:
    """Describe the API, once; FastAPI's own shape of errors is replaced."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes
        )
        schemas = schema["components"]["schemas"]
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas["Problem"] = ProblemResponse.model_json_schema()
        schema["components"]["securitySchemes"] = SECURITY
        schema["security"] = [{}, {"token": []}]
        for operations in schema["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
                operation["responses"] |= {"4XX": PROBLEM, "503": PROBLEM}
        app.openapi_schema = schema
    return app.openapi_schema
