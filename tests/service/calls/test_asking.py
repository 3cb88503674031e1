from __future__ import annotations

from service import calls
from service.calls.asking import post
from service.schemas import Accepted, RenewRequest


def test_ids_are_one_part_of_a_path() -> None:
    assert calls.get_sweep("../x?y").path == "/api/v1/sweeps/..%2Fx%3Fy"


def test_a_post_has_a_body_only_when_there_is_something_to_say() -> None:
    assert post(Accepted, "/x").body is None
    assert post(Accepted, "/x", RenewRequest(token=1)).body == b'{"token":1,"tracking":null}'
