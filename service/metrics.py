"""Prometheus metrics, in a registry of their own. Labels are bounded: no ids among them."""

from __future__ import annotations

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sqlalchemy.orm import Session

from service.store import leases, sweeps
from sweeps.lifecycle import SweepState, TrialState

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class Metrics:
    """What one app counted, and what its database holds when asked."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self._requests = Counter(
            "sweep_http_requests", "Requests answered.", labels, registry=self._registry
        )
        self._seconds = Histogram(
            "sweep_http_request_seconds",
            "Seconds until the answer began.",
            ("method", "route"),
            registry=self._registry,
        )
        self._sweeps = Gauge("sweep_sweeps", "Sweeps.", ("state",), registry=self._registry)
        self._trials = Gauge("sweep_trials", "Trials.", ("state",), registry=self._registry)
        self._leases = Gauge("sweep_leases", "Leases that live.", registry=self._registry)
        self._age = Gauge(
            "sweep_lease_age_seconds_max",
            "Seconds since the renewal longest ago, over the leases that live.",
            registry=self._registry,
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request. `route` is the template of its path."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(known, route).observe(seconds)

    def exposition(self, session: Session, now: datetime, lease_seconds: float) -> bytes:
        """The text that Prometheus scrapes."""
        held = dict.fromkeys(SweepState, 0)
        for _, state, count in sweeps.by_state(session):
            held[state] += count
        for state, count in held.items():
            self._sweeps.labels(state).set(count)
        trials = sweeps.trials_by_state(session)
        for trial_state in TrialState:
            self._trials.labels(trial_state).set(trials.get(trial_state, 0))
        live = leases.live(session, now)
        left = [(until - now).total_seconds() for row in live if (until := row.lease_expires_at)]
        self._leases.set(len(live))
        self._age.set(lease_seconds - min(left, default=lease_seconds))
        return generate_latest(self._registry)
