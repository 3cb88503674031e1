"""The OpenAPI document: FastAPI's, with the schema of specs and of problems put in."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service.schemas import Problem
from sweeps.spec import SweepSpec

_REF = "#/components/schemas/"


def describe(app: FastAPI) -> None:
    """Replace `app.openapi` by one that adds the components which routes refer to by name."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = get_openapi(title=app.title, version=app.version, routes=app.routes)
            found["components"]["schemas"].update(_components())
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _components() -> dict[str, Any]:
    """Spec and Problem; the parts of a spec are named Spec.Workload and so on."""
    spec = SweepSpec.model_json_schema(ref_template=f"{_REF}Spec.{{model}}")
    parts = {f"Spec.{name}": part for name, part in spec.pop("$defs").items()}
    problem = Problem.model_json_schema(ref_template=f"{_REF}{{model}}")
    return {"Spec": spec, **parts, **problem.pop("$defs"), "Problem": problem}
