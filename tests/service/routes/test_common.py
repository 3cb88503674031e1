"""What routes share."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from service_support import Host, make_spec, until

from service.errors import BadRequest, Conflict, Invalid
from service.routes.common import errors, read_json
from service.store.database import Database


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000, b'{"a": 1} x'])
def test_what_is_not_json(text: bytes) -> None:
    with pytest.raises(BadRequest):
        read_json(text)


def test_a_key_written_twice_is_named() -> None:
    assert read_json(b'{"a": {"b": 1}}') == {"a": {"b": 1}}
    with pytest.raises(Invalid, match="'b' is written twice"):
        read_json(b'{"a": {"b": 1, "c": 0, "b": 2}}')


def test_every_route_may_answer_these() -> None:
    assert set(errors(Conflict)) - set(errors()) == {409}


@pytest.mark.parametrize("backend", ["sqlite"])  # where one writer stops all others
def test_writers_that_wait_do_not_starve_the_one_ahead(host: Host, database: Database) -> None:
    """More writers than threads, while another process holds the lock, and readers go on."""
    done = []

    def post(_: int) -> str:
        with host.client(timeout=60) as client:
            made = client.create_sweep(make_spec()).id
            done.append(made)
            return made

    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with database.write() as session:
            session.connection()
            held.set()
            assert free.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(10)
    with ThreadPoolExecutor(60) as pool:
        futures = [pool.submit(post, number) for number in range(60)]
        until(host.app.state.context.gate.locked)
        with host.client() as reader:
            assert reader.list_sweeps().items == []
        assert not done
        free.set()
        ids = {future.result(60) for future in futures}
    holder.join()
    assert len(ids) == 60
