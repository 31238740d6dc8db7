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

INDEXES: tuple[tuple[str, str, list[str], str | None], ...] = (
    (
        "ix_orders_listed_open",
        "orders",
        ["status", "id"],
        "lower(status) IN ('pending', 'paid', 'refunding')",
    ),
    (
        "ix_orders_listed_campaign",
        "orders",
        ["campaign_id", "id"],
        "CAST(campaign_id AS text) <> ''",
    ),
    ("ix_refunds_open", "refunds", ["status", "id"], "status IN ('requested', 'sent', 'stuck')"),
    ("ix_security_events_at", "security_events", ["at"], None),
    ("ix_cards_batch_id", "cards", ["batch_id", "status"], None),
)


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
    for name, table, columns, where in INDEXES:
        op.create_index(name, table, columns, postgresql_where=where and sa.text(where))


def downgrade() -> None:
    for name, table, _columns, _where in INDEXES:
        op.drop_index(name, table_name=table)
    op.drop_column("operators", "known_locked_until")
    op.drop_column("operators", "known_failures")
