"""One HTTP exchange with the service, for `service.client`: send, retry, re-raise.

A problem+json answer becomes the same ServiceError that the service raised; no answer becomes
Unreachable. Only calls marked `again=True`, those that may be repeated unnoticed, are retried.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from service.errors import TYPE_PREFIX, Unreachable, class_of
from sweeps.errors import Fault

_STANDARD = {"type", "title", "status", "detail", "instance", "errors"}
_PASSING = {502, 503, 504}
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
Query = Mapping[str, str | int | None]


class Transport:
    """A connection pool to one service. Safe to share between threads."""

    def __init__(self, base_url: str, token: str | None, timeout: float, retries: int) -> None:
        headers = {"Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self.base_url, self._retries = base_url.rstrip("/"), retries
        self._timeout = timeout
        try:
            self._http = httpx.Client(
                base_url=self.base_url,
                headers=headers,
                timeout=timeout,
                # HTTP_PROXY and its kin: a proxy cannot reach this machine's own loopback.
                trust_env=httpx.URL(self.base_url).host not in _LOOPBACK,
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise Unreachable(f"{base_url!r} is not a service address: {error}") from error

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        again: bool = False,
    ) -> httpx.Response:
        """The answer, when it is a success. Raises ServiceError (Unreachable when none came)."""
        sent = dict(headers or {})
        if body is not None:
            sent["Content-Type"] = "application/json"
        params = {name: value for name, value in (query or {}).items() if value is not None}
        request = self._request(method, path, params=params, content=body, headers=sent)
        for left in range(self._retries if again else 0, -1, -1):
            try:
                answer = self._http.send(request)
            except httpx.HTTPError as error:
                if not left:
                    raise self._unreachable(error) from error
            else:
                if answer.status_code not in _PASSING or not left:
                    return _checked(answer)
            time.sleep(pause(self._retries - left))
        raise AssertionError("the last round returns or raises")

    def stream(
        self, path: str, headers: Mapping[str, str], silence: float
    ) -> Iterator[bytes] | None:
        """The lines of a long answer, None when there is nothing more to come (204).

        Raises, here or while it is read, ServiceError; Unreachable when `silence` seconds bring
        nothing or the answer breaks off.
        """
        sent = {"Accept": "text/event-stream", **headers}
        request = self._request(
            "GET", path, headers=sent, timeout=httpx.Timeout(self._timeout, read=silence)
        )
        try:
            answer = self._http.send(request, stream=True)
            if answer.is_error:
                answer.read()
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if answer.status_code == httpx.codes.NO_CONTENT or answer.is_error:
            answer.close()
            _checked(answer)
            return None
        return self._told(answer)

    def _told(self, answer: httpx.Response) -> Iterator[bytes]:
        try:
            yield from _lines(answer.iter_bytes())
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        finally:
            answer.close()

    def _request(self, method: str, path: str, **parts: Any) -> httpx.Request:
        try:
            return self._http.build_request(method, path, **parts)
        except (httpx.InvalidURL, UnicodeError) as error:
            raise Unreachable(f"{self.base_url!r} is not a service address: {error}") from error

    def _unreachable(self, error: Exception) -> Unreachable:
        what = str(error) or type(error).__name__
        return Unreachable(f"no answer from {self.base_url}: {what}")


def pause(tries: int) -> float:
    """Seconds to wait after so many tries that brought nothing."""
    return float(min(0.2 * 2**tries, 5.0))


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Lines at \\n alone: httpx's own splitter also cuts at U+2028, which JSON may hold."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.rstrip(b"\r") for line in whole)


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    problem = _problem(answer)
    slug = str(problem.get("type", "")).removeprefix(TYPE_PREFIX)
    detail = str(problem.get("detail") or f"the service answered {answer.status_code}")
    extra = {name: value for name, value in problem.items() if name not in _STANDARD}
    raise class_of(slug, answer.status_code)(detail, _faults(problem), extra)


def _problem(answer: httpx.Response) -> dict[str, Any]:
    """The problem in the body; something else on the way (a proxy) may have answered instead."""
    try:
        found = json.loads(answer.content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _faults(problem: dict[str, Any]) -> list[Fault]:
    listed = problem.get("errors")
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    names = ("pointer", "value", "detail", "mend")
    return [Fault(*(str(row.get(name, "")) for name in names)) for row in rows]


