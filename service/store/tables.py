"""The tables. Ids are ours, times are UTC, JSON is text; see `columns` for floats."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Float,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from service.store.columns import Moment, Words

_NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of all tables; constraints have names, so that a migration can find them."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {
        datetime: Moment,
        str: Words,
        int: BigInteger,
        float: Float,
        bool: Boolean,
    }


class SweepRow(Base):
    """A sweep, its lease and its counters.

    `spec` is the parsed spec as JSON text, as it was submitted; `priority`, `max_parallel` and
    `budget_trials` are its settings as they stand now, and `revision` counts their changes.
    `lease_agent` is None when nobody holds the lease; `lease_token` only grows, and when it last
    did, the newest command was number `claimed_commands`. `journal_seq` and `event_seq` are the
    last numbers given. `family` is a digest of what makes throughputs comparable.
    `devices_per_trial` counts GPUs, and `slots_per_trial` whatever the pool's slots are; both None
    until the first driver told them. `pruning` is what pruning did to a DONE sweep, as JSON text,
    and `pruning_seq` the `journal_seq` that it was made of.
    """

    __tablename__ = "sweeps"
    __table_args__ = (
        Index("ix_sweeps_page", "created_at", "id"),
        Index("ix_sweeps_name", "name", "id"),
        Index("ix_sweeps_queue", "pool", "state", "created_at"),
        Index("ix_sweeps_family", "family", "pool"),
        Index("ix_sweeps_ended", "state", "ended_at", "id"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    name: Mapped[str]
    project: Mapped[str] = mapped_column(String(100))
    pool: Mapped[str] = mapped_column(String(100))
    recipe: Mapped[str] = mapped_column(String(100))
    family: Mapped[str] = mapped_column(String(64))
    spec: Mapped[str] = mapped_column(Text)
    metric: Mapped[str]
    revision: Mapped[int] = mapped_column(default=1, server_default="1")
    priority: Mapped[int] = mapped_column(default=0, server_default="0")
    max_parallel: Mapped[int | None]
    budget_trials: Mapped[int | None]
    devices_per_trial: Mapped[float | None]
    slots_per_trial: Mapped[float | None]
    state: Mapped[str] = mapped_column(String(16))
    message: Mapped[str]
    lease_token: Mapped[int] = mapped_column(default=0)
    lease_agent: Mapped[str | None] = mapped_column(String(100))
    lease_expires_at: Mapped[datetime | None]
    claimed_commands: Mapped[int] = mapped_column(default=0, server_default="0")
    journal_seq: Mapped[int] = mapped_column(default=0)
    event_seq: Mapped[int] = mapped_column(default=0)
    tracking: Mapped[str | None] = mapped_column(Text)
    pruning: Mapped[str | None] = mapped_column(Text)
    pruning_seq: Mapped[int | None]
    labels: Mapped[list[LabelRow]] = relationship(passive_deletes=True)


class LabelRow(Base):
    """A label of a sweep, so that lists can be filtered by it; the spec has them too."""

    __tablename__ = "sweep_labels"
    __table_args__ = (Index("ix_sweep_labels_value", "name", "value"),)

    sweep_id: Mapped[str] = mapped_column(
        ForeignKey("sweeps.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    value: Mapped[str]


class TrialRow(Base):
    """A trial as the journal tells it. `verdict` is the latest one as JSON text.

    `stop_requested`: a user stopped it while it ran; the end of its attempt moves it.
    """

    __tablename__ = "trials"
    __table_args__ = (UniqueConstraint("sweep_id", "number"), Index("ix_trials_state", "state"))

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    sweep_id: Mapped[str] = mapped_column(ForeignKey("sweeps.id", ondelete="CASCADE"))
    number: Mapped[int]
    role: Mapped[str] = mapped_column(String(16))
    params: Mapped[str] = mapped_column(Text)
    seed: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None]
    stop_requested: Mapped[bool] = mapped_column(default=False, server_default=false())
    attempts: Mapped[int] = mapped_column(default=0)
    point: Mapped[int | None]
    samples: Mapped[int] = mapped_column(default=0)
    value: Mapped[float | None]
    value_code: Mapped[str | None] = mapped_column(String(4))
    loss: Mapped[float | None]
    loss_code: Mapped[str | None] = mapped_column(String(4))
    grad_norm: Mapped[float | None]
    grad_norm_code: Mapped[str | None] = mapped_column(String(4))
    verdict: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class AttemptRow(Base):
    """An attempt; `ended` is None while it runs."""

    __tablename__ = "attempts"

    trial_id: Mapped[str] = mapped_column(
        ForeignKey("trials.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended: Mapped[str | None] = mapped_column(String(16))
    samples: Mapped[int] = mapped_column(default=0)
    seconds: Mapped[float | None]
    seconds_code: Mapped[str | None] = mapped_column(String(4))
    error: Mapped[str | None]


class ReportRow(Base):
    """A report with its verdict, both as JSON text; the first one of a point stands."""

    __tablename__ = "reports"

    trial_id: Mapped[str] = mapped_column(
        ForeignKey("trials.id", ondelete="CASCADE"), primary_key=True
    )
    point: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    attempt: Mapped[int]
    at: Mapped[datetime]
    report: Mapped[str] = mapped_column(Text)
    verdict: Mapped[str] = mapped_column(Text)


class CostRow(Base):
    """What a trial took of its device, up to its last report. `model` to `device` are the fields of
    `sweeps.cost_key`; None: not told. `tokens` went through in `seconds`."""

    __tablename__ = "costs"
    __table_args__ = (Index("ix_costs_model", "model", "pool", "at"),)

    trial_id: Mapped[str] = mapped_column(
        ForeignKey("trials.id", ondelete="CASCADE"), primary_key=True
    )
    pool: Mapped[str] = mapped_column(String(100))
    model: Mapped[str] = mapped_column(String(64))
    max_length: Mapped[int]
    adapter: Mapped[str]
    setup: Mapped[str] = mapped_column(String(64))
    device: Mapped[str]
    micro_batch_tokens: Mapped[int | None]
    peak_memory_bytes: Mapped[int | None]
    device_memory_bytes: Mapped[int | None]
    checkpoint_bytes: Mapped[int | None]
    tokens: Mapped[int]
    seconds: Mapped[float]
    at: Mapped[datetime]


class EntryRow(Base):
    """One journal entry. `at` is kept as it was sent, `body` as JSON text."""

    __tablename__ = "journal"
    __table_args__ = (Index("ix_journal_type", "sweep_id", "type", "seq"),)

    sweep_id: Mapped[str] = mapped_column(
        ForeignKey("sweeps.id", ondelete="CASCADE"), primary_key=True
    )
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[str]
    type: Mapped[str] = mapped_column(String(32))
    body: Mapped[str] = mapped_column(Text)


class CommandRow(Base):
    """A user's command, numbered 1, 2, ... in its sweep; it waits while `applied_at` is None.

    `trial` is the number of the one it is about, `trials` the new budget of `set_budget`.
    """

    __tablename__ = "commands"
    __table_args__ = (UniqueConstraint("id"),)

    sweep_id: Mapped[str] = mapped_column(
        ForeignKey("sweeps.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(String(36))
    kind: Mapped[str] = mapped_column(String(16))
    trial: Mapped[int | None]
    trials: Mapped[int | None]
    created_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]


class AgentRow(Base):
    """An agent as it last called; `recipes` is a JSON list."""

    __tablename__ = "agents"

    pool: Mapped[str] = mapped_column(String(100), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    device_kind: Mapped[str]
    slots: Mapped[int]
    recipes: Mapped[str] = mapped_column(Text)
    version: Mapped[str]
    seen_at: Mapped[datetime]


class EventRow(Base):
    """Something that happened to a sweep, numbered 1, 2, ... in that sweep. `data` is JSON text."""

    __tablename__ = "events"

    sweep_id: Mapped[str] = mapped_column(
        ForeignKey("sweeps.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    type: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]
    trial_id: Mapped[str | None] = mapped_column(String(36))
    data: Mapped[str] = mapped_column(Text)
    last: Mapped[bool] = mapped_column(default=False)


class KeyRow(Base):
    """An Idempotency-Key, the digest of the body that came with it, and the sweep it made."""

    __tablename__ = "idempotency_keys"

    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    sweep_id: Mapped[str] = mapped_column(ForeignKey("sweeps.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
