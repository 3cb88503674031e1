"""Questions to servers that need neither MLflow nor a token."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime
from enum import Enum
from urllib.parse import urlsplit

from sweepctl.settings import Target, current

# Loopback never goes through a proxy.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_SEARCH = "/ajax-api/2.0/mlflow/experiments/search"
_READ = 4096


class Refused(Enum):
    """What of a request MLflow does not like: the Host, the Origin, or that nobody logged in."""

    HOST = "Invalid Host header"
    ORIGIN = "Cross-origin request blocked"
    LOGIN = "Unauthorized"


def mlflow_answers(url: str, timeout: float = 2.0) -> bool:
    """True when an MLflow server says that it is well."""
    return status_of(f"{url.rstrip('/')}/health", timeout) == 200


def mlflow_refuses(url: str, timeout: float = 5.0) -> Refused | int | None:
    """Ask for one experiment as a page of that server would; None when it is told.

    /health is open to everybody and tells nothing of this. An int is a status that is neither.
    """
    parts = urlsplit(url)
    headers = {
        "Content-Type": "application/json",
        "Origin": f"{parts.scheme}://{parts.netloc}",
    }
    try:
        asked = urllib.request.Request(  # noqa: S310 - an address that the operator gave
            f"{url.rstrip('/')}{_SEARCH}", b'{"max_results": 1}', headers
        )
        with _DIRECT.open(asked, timeout=timeout):
            return None
    except urllib.error.HTTPError as error:
        if error.code == 401:
            return Refused.LOGIN
        said = error.read(_READ).decode(errors="replace")
        named = (one for one in (Refused.HOST, Refused.ORIGIN) if one.value in said)
        return next(named, error.code)
    except (OSError, ValueError):
        return 0


def status_of(url: str, timeout: float = 2.0) -> int | None:
    """The HTTP status, None when no answer comes."""
    try:
        with _DIRECT.open(url, timeout=timeout) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return int(error.code)
    except (OSError, ValueError):
        return None


def clock_ahead(url: str, timeout: float = 2.0) -> float | None:
    """By how many seconds the clock behind `url` is ahead of ours, to a second or so.

    None when no answer comes, or one without a date.
    """
    began = time.time()
    try:
        with _DIRECT.open(url, timeout=timeout) as answer:
            said = answer.headers.get("Date")
        ended = time.time()
        theirs = parsedate_to_datetime(str(said)).timestamp()
    except (OSError, ValueError):
        return None
    # Its date is cut to whole seconds, and was written somewhere between question and answer.
    return float(theirs + 0.5 - (began + ended) / 2)


def mlflow_of(target: Target) -> str | None:
    """The MLflow of a running `up`; None for a service that is not its own."""
    running = current()
    if running.get("server") != target.server:
        return None
    url = running.get("mlflow")
    return str(url) if url else None
