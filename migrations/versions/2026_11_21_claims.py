"""What a driver cannot have heard of is told by the order of commands, not by a clock."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_21_claims"
down_revision = "2026_11_21_settings"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # 0: whatever waits counts as new, and its sweep is driven once more.
    op.add_column(
        "sweeps",
        sa.Column("claimed_commands", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
    )
    op.drop_column("sweeps", "claimed_at")


def downgrade() -> None:
    op.add_column("sweeps", sa.Column("claimed_at", sa.DateTime(), nullable=True))
    op.drop_column("sweeps", "claimed_commands")
