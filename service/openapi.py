"""The OpenAPI document: FastAPI's, with the schema of specs and of problems, and examples."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service.examples import ANSWERS, REQUESTS
from service.schemas import Problem
from sweeps.spec import SweepSpec

_REF = "#/components/schemas/"
_ABOUT = (
    "Sweeps over hyperparameters: submitted, queued, driven by agents, judged and ranked. Errors "
    "are RFC 9457 problems; floats that are not finite travel as the strings NaN, Infinity and "
    "-Infinity. A body may be 64 levels deep, and 256 KiB large (a journal's: 8 MiB), unless the "
    "operator set other sizes."
)
TAGS = {
    "sweeps": "What people ask for: submit, watch, steer, read the result.",
    "trials": "The configurations of a sweep, what they reported and why they are where they are.",
    "journal": "The ordered record of a sweep; drivers write it, everybody may read it.",
    "leases": "How agents claim sweeps and drivers keep them.",
    "pools": "Where sweeps run, and what a spec may say.",
    "health": "For whoever watches the service itself. Open.",
}


def describe(app: FastAPI) -> None:
    """Replace `app.openapi` by one that adds what routes refer to by name, and examples."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = get_openapi(
                title=app.title,
                version=app.version,
                description=_ABOUT,
                routes=app.routes,
                tags=[{"name": name, "description": text} for name, text in TAGS.items()],
            )
            found["components"]["schemas"].update(_components())
            for path in found["paths"].values():
                for operation in path.values():
                    _illustrate(operation)
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _components() -> dict[str, Any]:
    """Spec and Problem; the parts of a spec are named Spec.Workload and so on."""
    spec = SweepSpec.model_json_schema(ref_template=f"{_REF}Spec.{{model}}")
    parts = {f"Spec.{name}": part for name, part in spec.pop("$defs").items()}
    problem = Problem.model_json_schema(ref_template=f"{_REF}{{model}}")
    return {"Spec": spec, **parts, **problem.pop("$defs"), "Problem": problem}


def _illustrate(operation: dict[str, Any]) -> None:
    """Put the examples of an operation beside the schemas of its body and its first answer."""
    name = operation["operationId"]
    if name in REQUESTS:
        operation["requestBody"]["content"]["application/json"]["examples"] = {
            key: {"summary": summary, "value": value} for key, summary, value in REQUESTS[name]
        }
    if name in ANSWERS:
        good = [answer for status, answer in operation["responses"].items() if status < "300"]
        for answer in good:
            for media in answer.get("content", {}).values():
                media["examples"] = {"answer": {"value": ANSWERS[name]}}
