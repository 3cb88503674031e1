"""One sweep, told in examples for the API's document: each is what its route takes or answers.

A test reads every one with the model of its route.
"""

from __future__ import annotations

from typing import Any

from service.examples import commands, costs, driving, reports, results, sweeps, system, trials
from service.examples.story import Requests

_SUBJECTS = (sweeps, commands, results, trials, reports, costs, driving, system)
REQUESTS: Requests = {**sweeps.REQUESTS, **results.REQUESTS, **driving.REQUESTS}
# By operation id, the answer that a request like the examples gets.
ANSWERS: dict[str, Any] = {
    operation: answer for subject in _SUBJECTS for operation, answer in subject.ANSWERS.items()
}
