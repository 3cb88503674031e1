"""What pruning did to each sweep that ended, so that a report over all of them folds no journal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_21_pruning"
down_revision = "2026_11_21_claims"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Empty: the service makes them of the journals, one after the other.
    op.add_column("sweeps", sa.Column("pruning", sa.Text(), nullable=True))
    op.add_column("sweeps", sa.Column("pruning_seq", sa.BigInteger(), nullable=True))
    op.create_index("ix_sweeps_ended", "sweeps", ["state", "ended_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_sweeps_ended", "sweeps")
    op.drop_column("sweeps", "pruning_seq")
    op.drop_column("sweeps", "pruning")
