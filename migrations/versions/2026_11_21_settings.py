"""Settings that change, labels to filter by, stops that are remembered on the trial."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "2026_11_21_settings"
down_revision = "2026_11_20_first"
branch_labels = None
depends_on = None

SWEEPS = sa.table(
    "sweeps", *map(sa.column, ("id", "spec", "priority", "budget_trials", "slots_per_trial"))
)
LABELS = sa.table("sweep_labels", *map(sa.column, ("sweep_id", "name", "value")))
TRIALS = sa.table("trials", *map(sa.column, ("sweep_id", "number", "state", "stop_requested")))
JOURNAL = sa.table("journal", *map(sa.column, ("sweep_id", "seq", "type", "body")))


def upgrade() -> None:
    op.create_table(
        "sweep_labels",
        sa.Column("sweep_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sweep_id"],
            ["sweeps.id"],
            name=op.f("fk_sweep_labels_sweep_id_sweeps"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("sweep_id", "name", name=op.f("pk_sweep_labels")),
    )
    with op.batch_alter_table("sweep_labels", schema=None) as batch_op:
        batch_op.create_index("ix_sweep_labels_value", ["name", "value"], unique=False)

    # SQLite adds columns and indexes in place: no table is rebuilt here.
    one, none = sa.text("1"), sa.text("0")
    op.add_column(
        "sweeps", sa.Column("revision", sa.BigInteger(), nullable=False, server_default=one)
    )
    op.add_column(
        "sweeps", sa.Column("priority", sa.BigInteger(), nullable=False, server_default=none)
    )
    op.add_column("sweeps", sa.Column("budget_trials", sa.BigInteger(), nullable=True))
    op.add_column("sweeps", sa.Column("slots_per_trial", sa.Float(), nullable=True))
    op.add_column("sweeps", sa.Column("claimed_at", sa.DateTime(), nullable=True))
    op.add_column("commands", sa.Column("trials", sa.BigInteger(), nullable=True))
    op.add_column(
        "trials",
        sa.Column("stop_requested", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_index("ix_sweeps_name", "sweeps", ["name", "id"])
    op.create_index("ix_journal_type", "journal", ["sweep_id", "type", "seq"])
    _fill(op.get_bind())


def downgrade() -> None:
    op.drop_index("ix_journal_type", "journal")
    op.drop_index("ix_sweeps_name", "sweeps")
    for table, columns in (
        ("trials", ["stop_requested"]),
        ("commands", ["trials"]),
        ("sweeps", ["claimed_at", "slots_per_trial", "budget_trials", "priority", "revision"]),
    ):
        for column in columns:
            op.drop_column(table, column)
    with op.batch_alter_table("sweep_labels", schema=None) as batch_op:
        batch_op.drop_index("ix_sweep_labels_value")

    op.drop_table("sweep_labels")


def _fill(wire: sa.Connection) -> None:
    """What the new columns would hold had they always been there."""
    for sweep, text in wire.execute(sa.select(SWEEPS.c.id, SWEEPS.c.spec)).all():
        spec = json.loads(text)
        labels = spec["metadata"].get("labels", {})
        if labels:
            rows = [{"sweep_id": sweep, "name": k, "value": v} for k, v in labels.items()]
            wire.execute(sa.insert(LABELS), rows)
        priority = spec["spec"].get("resources", {}).get("priority", 0)
        mine = sa.update(SWEEPS).where(SWEEPS.c.id == sweep)
        budget = spec["spec"].get("budget", {}).get("trials")
        slots = next(
            (b.get("devices_per_trial") for _, b in _entries(wire, sweep, "prepared")), None
        )
        slots = slots if isinstance(slots, int | float) else None
        wire.execute(mine.values(priority=priority, budget_trials=budget, slots_per_trial=slots))
        _fill_stops(wire, sweep)


def _fill_stops(wire: sa.Connection, sweep: str) -> None:
    """Running trials that a user stopped: named in a command, or asked before a cancel."""
    stopped, asked = set[int](), sorted(seq for seq, _ in _entries(wire, sweep, "asked"))
    for seq, body in _entries(wire, sweep, "command_applied"):
        if body["kind"] == "stop_trial":
            stopped.add(body["trial"])
        elif body["kind"] == "cancel":
            stopped.update(range(sum(one < seq for one in asked)))
    running = (TRIALS.c.sweep_id == sweep, TRIALS.c.state == "RUNNING")
    for number in stopped:
        rows = sa.update(TRIALS).where(*running, TRIALS.c.number == number)
        wire.execute(rows.values(stop_requested=sa.true()))


def _entries(wire: sa.Connection, sweep: str, kind: str) -> list[tuple[int, dict[str, Any]]]:
    """(seq, body) of the entries of one type, in order."""
    query = sa.select(JOURNAL.c.seq, JOURNAL.c.body).where(
        JOURNAL.c.sweep_id == sweep, JOURNAL.c.type == kind
    )
    found = wire.execute(query.order_by(JOURNAL.c.seq))
    return [(seq, json.loads(text)) for seq, text in found]
