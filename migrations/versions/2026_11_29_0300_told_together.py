"""Leaders are told together what they earned: what they have not been told of, and when.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("untold_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
    ):
        op.add_column("earnings", column)
    op.create_check_constraint(
        op.f("ck_earnings_untold_fen_sane"),
        "earnings",
        "untold_fen >= 0 AND untold_fen <= 10000000000",
    )
    op.create_check_constraint(
        op.f("ck_earnings_due_when"), "earnings", "(untold_fen > 0) = (due_at IS NOT NULL)"
    )
    op.create_index(
        "ix_earnings_due_at",
        "earnings",
        ["due_at"],
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_earnings_due_at", table_name="earnings")
    op.drop_constraint(op.f("ck_earnings_due_when"), "earnings")
    op.drop_constraint(op.f("ck_earnings_untold_fen_sane"), "earnings")
    for name in ("last_error", "due_at", "attempts", "untold_fen"):
        op.drop_column("earnings", name)
