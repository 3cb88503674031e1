"""Questions to an MLflow server that need no MLflow."""

from __future__ import annotations

import urllib.error
import urllib.request

from sweepctl.settings import Target, current

# Loopback never goes through a proxy.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def mlflow_answers(url: str, timeout: float = 2.0) -> bool:
    """True when an MLflow server says that it is well."""
    return status_of(f"{url.rstrip('/')}/health", timeout) == 200


def status_of(url: str, timeout: float = 2.0) -> int | None:
    """The HTTP status, None when no answer comes."""
    try:
        with _DIRECT.open(url, timeout=timeout) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return int(error.code)
    except (OSError, ValueError):
        return None


def mlflow_of(target: Target) -> str | None:
    """The MLflow of a running `up`; None for a service that is not its own."""
    running = current()
    if running.get("server") != target.server:
        return None
    url = running.get("mlflow")
    return str(url) if url else None
