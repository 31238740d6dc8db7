"""Four more kinds of messages, paused chat groups, missing messages, and indexes of pages.

Revision ID: 0015
Revises: 0014
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

NOTICE_KINDS = (
    "group_formed",
    "group_failed",
    "order_refunded",
    "cards_ready",
    "unit_offered",
    "opening_soon",
    "commission_earned",
    "campaign_news",
)
NEW_KINDS = ("sheet_confirmed", "sheet_failed", "seat_moved", "group_nudged")
LIFECYCLES = {
    "pushes": {
        "awaiting_owner": ["confirmed", "escalated", "failed", "skipped"],
        "confirmed": [],
        "escalated": ["confirmed"],
        "failed": [],
        "planned": ["sending", "skipped"],
        "sending": ["awaiting_owner", "failed", "planned", "sent"],
        "sent": ["failed"],
        "skipped": [],
    }
}
WATCHED = "status IN ('planned', 'sending', 'awaiting_owner', 'escalated', 'failed')"


def upgrade() -> None:
    listed = ", ".join(f"'{kind}'" for kind in (*NOTICE_KINDS, *NEW_KINDS))
    for table in ("member_templates", "inbox_messages", "inbox_mutes"):
        op.drop_constraint(op.f(f"ck_{table}_kind_listed"), table)
        op.create_check_constraint(op.f(f"ck_{table}_kind_listed"), table, f"kind IN ({listed})")
    op.add_column("chat_groups", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("DROP TRIGGER check_move ON pushes")
    op.execute(
        "CREATE TRIGGER check_move BEFORE UPDATE OF status ON pushes FOR EACH ROW"
        " WHEN (OLD.status IS DISTINCT FROM NEW.status)"
        f" EXECUTE FUNCTION check_move('{json.dumps(LIFECYCLES['pushes'])}')"
    )
    op.create_index(
        "ix_pushes_watched", "pushes", ["status", "id"], postgresql_where=sa.text(WATCHED)
    )
    op.create_index(
        "ix_pushes_uncertain", "pushes", ["id"], postgresql_where=sa.text("NOT is_certain")
    )
    op.create_index("ix_inbox_mutes_kind", "inbox_mutes", ["kind"])
    op.create_index("ix_campaigns_ends_at", "campaigns", ["ends_at", "starts_at"])


def downgrade() -> None:
    raise NotImplementedError("going back would lose what members were told")
