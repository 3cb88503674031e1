"""What `doctor` finds when it asks MLflow as a browser would."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from sweepctl.checkup import Check
from sweepctl.probes import Refused, mlflow_answers, mlflow_refuses


def mlflow(url: str | None) -> Iterator[Check]:
    """One line: that it answers, that it is away, or what of a request it refuses."""
    if url is None:
        yield Check("mlflow", "its address is known to the agents only")
        return
    if not mlflow_answers(url):
        yield Check("mlflow", f"{url} does not answer /health", _AWAY)
        return
    yield _asked(url)


_AWAY = "start it: sweepctl up, or mlflow server; training goes on meanwhile"


def _asked(url: str) -> Check:
    host = urlsplit(url).netloc
    match mlflow_refuses(url):
        case None:
            return Check("mlflow", url)
        case Refused.HOST:
            name = urlsplit(url).hostname or host
            return Check(
                "mlflow",
                f"{url} refuses the host name {host} (403 Invalid Host header)",
                f"start it with MLFLOW_SERVER_ALLOWED_HOSTS={name},{name}:* in its environment",
            )
        case Refused.ORIGIN:
            origin = f"{urlsplit(url).scheme}://{host}"
            return Check(
                "mlflow",
                f"{url} refuses what its own pages ask (403 Cross-origin request blocked)",
                f"start it with MLFLOW_SERVER_CORS_ALLOWED_ORIGINS={origin} in its environment",
            )
        case Refused.LOGIN:
            # Its pages ask for a name and a password; agents have theirs.
            return Check("mlflow", f"{url}, which asks for a login")
        case status:
            return Check("mlflow", f"{url} answers a search with {status}", "read MLflow's log")
