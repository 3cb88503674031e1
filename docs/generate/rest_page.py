"""docs/reference/rest.md: every route, and what its bodies hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from docs.generate.fields import WARNING, Schema, bounds, flat, kind, lines, link, name_of
from service.app import create_app
from service.routes.common import Needs
from service.settings import Settings

_HEAD = f"""{WARNING}
# The REST API

The service publishes this as OpenAPI under `/openapi.json` and as pages under `/docs`. Requests \
carry `Authorization: Bearer TOKEN`. An error is an `application/problem+json` body: \
[Problem](#problem). In JSON, NaN and infinities are the strings `"NaN"`, `"Infinity"` and \
`"-Infinity"`. `sweepctl.Client` and `sweepctl.AsyncClient` have a method for each route."""
_NOWHERE = {"database_url": "sqlite:///nowhere.db", "user_token": "u", "agent_token": "a"}


def text() -> str:
    """The page."""
    app = create_app(Settings.model_validate(_NOWHERE))
    document = app.openapi()
    scopes = dict(_scopes(app))
    page = [_HEAD]
    by_tag: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            scope = scopes.get(route["operationId"])
            part = ["", *_route(method.upper(), path, route, scope)]
            by_tag.setdefault(route["tags"][0], []).extend(part)
    for tag, part in by_tag.items():
        page += ["", f"## {tag}", *part]
    return "\n".join([*page, "", "## Bodies", *_bodies(document["components"]["schemas"]), ""])


def _scopes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Operation -> the scope that its token needs."""
    for route in _routes(app):
        for dependency in route.dependencies:
            if isinstance(dependency.dependency, Needs):
                yield str(route.operation_id), dependency.dependency.scope.value


def _routes(holder: Any) -> Iterator[APIRoute]:
    """Those of included routers too."""
    for route in getattr(holder, "routes", []):
        if isinstance(route, APIRoute):
            yield route
        else:
            yield from _routes(getattr(route, "original_router", None))


def _route(method: str, path: str, route: Schema, scope: str | None) -> Iterator[str]:
    yield f"### {method} {path}"
    yield ""
    need = f"Needs the scope `{scope}`." if scope else "Asks for no token."
    yield f"{flat(route['description'])} {need}"
    yield ""
    for parameter in route.get("parameters", []):
        if parameter["in"] != "path":
            yield _parameter(parameter)
    if "requestBody" in route:
        yield f"- body: {_content(route['requestBody'])}"
    problems = []
    for status, answer in route["responses"].items():
        if int(status) < 400:
            yield f"- answers {status}: {_content(answer) or flat(answer['description'])}"
        else:
            problems.append(status)
    if problems:
        yield f"- errors: {', '.join(sorted(problems))}"


def _parameter(parameter: Schema) -> str:
    schema = parameter["schema"]
    said = [kind(schema).removesuffix(" or null"), *bounds(schema)]
    if parameter.get("required"):
        said.append("**required**")
    elif schema.get("default") is not None:
        said.append(f"default `{schema['default']}`")
    where = "" if parameter["in"] == "query" else f" ({parameter['in']})"
    about = parameter.get("description")
    tail = f". {flat(about)}" if about else ""
    return f"- `{parameter['name']}`{where}: {', '.join(said)}{tail}"


def _content(answer: Schema) -> str:
    medias = answer.get("content", {})
    for content in medias.values():
        if name_of(content.get("schema", {})):
            return link(str(name_of(content["schema"])))
    # What a route declares by itself stands before what the framework assumes.
    media = next((media for media in reversed(medias)), None)
    return f"{flat(answer.get('description', ''))} (`{media}`)" if media else ""


def _bodies(schemas: dict[str, Schema]) -> Iterator[str]:
    for name, schema in sorted(schemas.items()):
        if name.partition(".")[0] == "Spec":
            continue
        yield ""
        yield f"### {name}"
        yield ""
        if "description" in schema:
            yield schema["description"]
            yield ""
        if "enum" in schema:
            yield f"{kind(schema)}"
        yield from lines(schema)
