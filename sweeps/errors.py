"""Errors of the pure room. They know no HTTP; `service.problems` gives each its status."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with an input.

    `pointer` is an RFC 6901 JSON pointer into what the user wrote, `value` the bad value as it
    stands there (shortened), `message` what is wrong with it and `mend` what to write instead.
    """

    pointer: str
    value: str
    message: str
    mend: str

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.message} (got {self.value}). {self.mend}"


class SweepError(Exception):
    """Base of every error raised in `sweeps`."""


class SpecError(SweepError):
    """A spec that cannot be run. Carries every fault found, not only the first."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(str(fault) for fault in faults))


class UnsupportedError(SpecError):
    """A well-formed spec that asks for a feature which this version has not built."""


class IllegalMoveError(SweepError):
    """A state was asked to move where `sweeps.lifecycle` does not let it."""


class JournalError(SweepError):
    """An entry that does not fit behind the ones before it."""
