"""The app: routes, bounds and problems put on one FastAPI, and its OpenAPI 3.1 document."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi

from offtake import __version__
from offtake.entrypoints.api import commands, problems, reading, streaming
from offtake.entrypoints.api.access import Service, exact_query
from offtake.entrypoints.api.limits import BodyLimit

_OPEN: Final = frozenset({"ProblemBody"})  # What RFC 9457 lets others extend.


def create_app(service: Service) -> FastAPI:
    """The API of a service, with nothing running yet."""
    app = FastAPI(
        title="offtake broker",
        version=__version__,
        summary="First refusal, overflow and leases on a ledger that can be replayed.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.state.service = service
    app.state.streams = list[str]()
    for part in (commands, reading, streaming):
        app.include_router(part.router, dependencies=[Depends(exact_query)])
    problems.install(app)
    app.add_middleware(BodyLimit)

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document
    return app


def _document(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        routes=app.routes,
        openapi_version="3.1.0",
    )
    schemas: dict[str, Any] = made["components"]["schemas"]
    schemas["ProblemBody"] = problems.ProblemBody.model_json_schema()
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for name, schema in schemas.items():
        if name not in _OPEN and schema.get("type") == "object" and "properties" in schema:
            schema.setdefault("additionalProperties", False)
        # What tells one of several kinds from another must be there.
        if "const" in schema.get("properties", {}).get("kind", {}):
            schema["required"] = sorted({*schema.get("required", ()), "kind"})
    for operations in made["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = _present(parameter["schema"])
    return made


def _present(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a parameter that is left out where it is nothing: a query or header cannot hold null."""
    kinds = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    if len(kinds) != 1 or len(kinds) == len(schema["anyOf"]):
        return schema
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "title")}
    return {**kinds[0], **rest}
