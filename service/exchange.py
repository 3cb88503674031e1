"""What the two clients share of one HTTP exchange: all but the sending and the waiting.

A problem+json answer becomes the same ServiceError that the service raised; no answer becomes
Unreachable. Only calls with `again`, those that may be repeated unnoticed, are retried.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from service.errors import TYPE_PREFIX, ServiceError, Unreachable, class_of
from sweeps.errors import Fault

T = TypeVar("T")
U = TypeVar("U")
F = TypeVar("F", bound=Callable[..., Any])
M = TypeVar("M", bound=BaseModel)
P = TypeVar("P", bound="Page[Any]")
Value = str | int | Sequence[str] | None

_STANDARD = {"type", "title", "status", "detail", "instance", "errors"}
_PASSING = {502, 503, 504}
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request, and how to read its answer. Plain data: building one sends nothing.

    `path` starts behind the address; values of None in `query` are left out, a list is repeated.
    `again` says that sending it twice does no more than sending it once. `read` turns the body
    of a success into what the caller gets; it raises ServiceError for a body it cannot read.
    """

    method: str
    path: str
    read: Callable[[bytes], T]
    query: Mapping[str, Value] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    again: bool = False

    def parts(self) -> dict[str, Any]:
        """What httpx's `build_request` takes after method and path."""
        kind = {} if self.body is None else {"Content-Type": "application/json"}
        params = {name: value for name, value in self.query.items() if value is not None}
        return {"params": params, "content": self.body, "headers": {**self.headers, **kind}}

    def then(self, more: Callable[[T], U]) -> Call[U]:
        """The same request, its answer read further."""
        return Call(
            self.method,
            self.path,
            lambda content: more(self.read(content)),
            self.query,
            self.headers,
            self.body,
            self.again,
        )


@dataclass(frozen=True)
class Leaf(Generic[T]):
    """One page of a listing. `following` asks for the next one, None on the last page."""

    items: Sequence[T]
    following: Call[Leaf[T]] | None


class Page(Protocol[T]):
    """What every listing answers; `next_cursor` is None on the last page."""

    @property
    def items(self) -> list[T]:
        """In the order asked for."""

    @property
    def next_cursor(self) -> str | None:
        """Asks for the page behind this one."""


def leafed(ask: Callable[[str | None], Call[P]], cursor: str | None = None) -> Call[Leaf[Any]]:
    """The listing whose pages `ask` asks for, from `cursor` on."""

    def turn(page: P) -> Leaf[Any]:
        onward = page.next_cursor
        return Leaf(page.items, None if onward is None else leafed(ask, onward))

    return ask(cursor).then(turn)


def read_as(model: type[M]) -> Callable[[bytes], M]:
    """Reads a body as `model`. Raises ServiceError for one that is not."""
    return lambda content: _understood(lambda: model.model_validate_json(content))


def read_plain(content: bytes) -> Any:
    """Reads any JSON. Raises ServiceError for what is none."""
    return _understood(lambda: json.loads(content))


def _understood(read: Callable[[], T]) -> T:
    try:
        return read()
    except (ValidationError, ValueError) as error:
        what = "the answer is not what this client reads; is this a sweep service, and as new?"
        raise ServiceError(f"{what} {error}") from error


def as_method(method: F, describe: Callable[..., Any]) -> F:
    """`method` under the name, arguments and docstring of the function that describes its call."""
    signature = inspect.signature(describe)
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = [own, *signature.parameters.values()]
    made: Any = method
    made.__name__ = made.__qualname__ = describe.__name__
    made.__doc__ = describe.__doc__
    made.__signature__ = inspect.Signature(parameters)
    return method


@dataclass(frozen=True)
class Address:
    """Where a service is, and who asks. `timeout` is in seconds for one exchange."""

    base_url: str
    token: str | None
    timeout: float

    def options(self) -> dict[str, Any]:
        """The arguments of an httpx client."""
        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return {
            "base_url": self.base_url,
            "headers": headers,
            "timeout": self.timeout,
            # HTTP_PROXY and its kin: a proxy cannot reach this machine's own loopback.
            "trust_env": httpx.URL(self.base_url).host not in _LOOPBACK,
        }

    def patience(self, silence: float) -> httpx.Timeout:
        """Timeouts of a long answer, which may be silent for so many seconds."""
        return httpx.Timeout(self.timeout, read=silence)

    @contextmanager
    def understood(self) -> Iterator[None]:
        """Inside, what httpx cannot make a request of is Unreachable."""
        try:
            yield
        except (httpx.InvalidURL, ValueError) as error:
            what = f"{self.base_url!r} is not a service address: {error}"
            raise Unreachable(what) from error

    @contextmanager
    def reached(self) -> Iterator[None]:
        """Inside, an exchange that fails is Unreachable."""
        try:
            yield
        except httpx.HTTPError as error:
            what = str(error) or type(error).__name__
            raise Unreachable(f"no answer from {self.base_url}: {what}") from error


class Tries:
    """How often one call may still be sent: `left` times more, which is 0 without `again`."""

    def __init__(self, call: Call[Any], retries: int) -> None:
        self.left = retries if call.again else 0
        self._done = 0

    def failed(self, error: Unreachable) -> float:
        """Seconds to wait before the next try. Raises the error when there is none."""
        if not self.left:
            raise error
        return self.wait()

    def passing(self, answer: httpx.Response) -> bool:
        """Whether the answer is not to be read, because the next one may be better."""
        return self.left > 0 and answer.status_code in _PASSING

    def wait(self) -> float:
        """Use a try up; seconds to wait before it."""
        self.left, self._done = self.left - 1, self._done + 1
        return pause(self._done - 1)


def pause(tries: int) -> float:
    """Seconds to wait after so many tries that brought nothing."""
    return float(min(0.2 * 2**tries, 5.0))


def checked(answer: httpx.Response) -> bytes:
    """The body of a success. Raises the ServiceError that any other answer stands for."""
    if answer.is_success:
        return answer.content
    problem = _problem(answer)
    slug = str(problem.get("type", "")).removeprefix(TYPE_PREFIX)
    detail = str(problem.get("detail") or f"the service answered {answer.status_code}")
    extra = {name: value for name, value in problem.items() if name not in _STANDARD}
    raise class_of(slug, answer.status_code)(detail, _faults(problem), extra)


def flows(answer: httpx.Response) -> bool:
    """Whether a long answer has begun; else it is an error, or there is nothing to come (204)."""
    return answer.is_success and answer.status_code != httpx.codes.NO_CONTENT


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
