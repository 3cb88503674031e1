"""The sending of `service.client`: one connection pool, waiting in this thread."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, TypeVar

import httpx

from service.errors import Unreachable
from service.exchange import Address, Call, Tries, checked, flows

T = TypeVar("T")


class Transport:
    """A connection pool to one service. Safe to share between threads."""

    def __init__(self, address: Address, retries: int) -> None:
        self._address, self._retries = address, retries
        with address.understood():
            self._http = httpx.Client(**address.options())

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, call: Call[T]) -> T:
        """What the call gives. Raises ServiceError (Unreachable when no answer came)."""
        tries = Tries(call, self._retries)
        request = self._request(call)
        while True:
            try:
                with self._address.reached():
                    answer = self._http.send(request)
            except Unreachable as error:
                wait = tries.failed(error)
            else:
                if not tries.passing(answer):
                    return call.read(checked(answer))
                wait = tries.wait()
            time.sleep(wait)

    def stream(self, call: Call[None], silence: float) -> Iterator[bytes] | None:
        """The chunks of a long answer, None when there is nothing more to come (204).

        Raises, here or while it is read, ServiceError; Unreachable when `silence` seconds bring
        nothing or the answer breaks off.
        """
        request = self._request(call, timeout=self._address.patience(silence))
        with self._address.reached():
            answer = self._http.send(request, stream=True)
            if flows(answer):
                return self._told(answer)
            answer.read()
        checked(answer)
        return None

    def _told(self, answer: httpx.Response) -> Iterator[bytes]:
        try:
            with self._address.reached():
                yield from answer.iter_bytes()
        finally:
            answer.close()

    def _request(self, call: Call[Any], **more: Any) -> httpx.Request:
        with self._address.understood():
            return self._http.build_request(call.method, call.path, **call.parts(), **more)
