"""How the slots of one agent are divided among the sweeps that it drives."""

from __future__ import annotations

from collections.abc import Sequence


def share_slots(total: int, caps: Sequence[int | None]) -> list[int]:
    """Slots for each sweep, oldest first; `caps` are their max_parallel (None: no limit).

    Equal shares, the remainder to the oldest; what a cap leaves over goes to the others. The
    shares never sum to more than `total`, but the oldest always gets one.
    """
    shares = [0] * len(caps)
    left = max(total, 1)
    while left:
        hungry = [i for i, cap in enumerate(caps) if cap is None or shares[i] < cap]
        if not hungry:
            break
        each = max(1, left // len(hungry))
        for i in hungry[:left]:
            cap = caps[i]
            given = each if cap is None else min(each, cap - shares[i])
            shares[i] += given
            left -= given
    return shares
