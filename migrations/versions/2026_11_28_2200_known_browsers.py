"""Failures from browsers that an operator signed in from are counted apart; indexes of pages.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "operators",
        sa.Column("known_failures", sa.Integer(), nullable=False, server_default="0"),
    )
    op.alter_column("operators", "known_failures", server_default=None)
    op.add_column(
        "operators", sa.Column("known_locked_until", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_check_constraint(
        op.f("ck_operators_known_failures_sane"), "operators", "known_failures >= 0"
    )


def downgrade() -> None:
    op.drop_column("operators", "known_locked_until")
    op.drop_column("operators", "known_failures")
