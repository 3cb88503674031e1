"""SweepSpec: all that a user writes. Parsing it checks every field; `sweeps.checks` the rest."""

from __future__ import annotations

from sweeps.spec.goals import Evaluation, Horizon, Metric, ReportPlan
from sweeps.spec.limits import Budget, Checkpoints, Resources
from sweeps.spec.parameters import Parameters
from sweeps.spec.reading import json_schema, parse, parse_text
from sweeps.spec.rows import Baselines, Confirm
from sweeps.spec.sweep import Body, Metadata, SweepSpec
from sweeps.spec.words import MetricName, Name, Text, seconds_of
from sweeps.spec.workload import Adapter, Data, Phase, Phased, Sets, TinyModel, Workload

__all__ = [
    "Adapter",
    "Baselines",
    "Body",
    "Budget",
    "Checkpoints",
    "Confirm",
    "Data",
    "Evaluation",
    "Horizon",
    "Metadata",
    "Metric",
    "MetricName",
    "Name",
    "Parameters",
    "Phase",
    "Phased",
    "ReportPlan",
    "Resources",
    "Sets",
    "SweepSpec",
    "Text",
    "TinyModel",
    "Workload",
    "json_schema",
    "parse",
    "parse_text",
    "seconds_of",
]
