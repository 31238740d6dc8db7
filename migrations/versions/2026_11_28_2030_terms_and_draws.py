"""Terms of flash sales stay as they are, and no lottery is settled before its draw.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep the terms; have every lottery wait for its draw, with which its trail begins."""
    # By its shards a gate in Redis is laid out, by its limit claims are checked.
    op.execute(
        "CREATE TRIGGER terms_stay BEFORE UPDATE OR DELETE ON flash_terms"
        " FOR EACH ROW EXECUTE FUNCTION forbid_change()"
    )
    op.add_column(
        "campaigns",
        sa.Column("needs_release", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("campaigns", sa.Column("released_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "UPDATE campaigns SET needs_release = true FROM flash_terms"
        " WHERE flash_terms.campaign_id = campaigns.id AND flash_terms.mode = 'lottery'"
    )
    op.execute(
        "UPDATE campaigns SET released_at = draws.drawn_at, due_at = CASE WHEN status = 'ended'"
        " THEN draws.drawn_at + make_interval(secs => trails_seconds) ELSE due_at END"
        " FROM draws WHERE draws.campaign_id = campaigns.id"
    )
    # What was settled before its draw stays so; what waits for its draw is due after it.
    op.execute(
        "UPDATE campaigns SET released_at = ends_at"
        " WHERE needs_release AND released_at IS NULL AND status = 'settled'"
    )
    op.execute(
        "UPDATE campaigns SET due_at = NULL"
        " WHERE needs_release AND released_at IS NULL AND status = 'ended'"
    )
    op.create_check_constraint(
        op.f("ck_campaigns_settled_when_released"),
        "campaigns",
        "(status = 'settled' AND needs_release) <= (released_at IS NOT NULL)",
    )


def downgrade() -> None:
    """Settle lotteries by the clock again, and let terms be changed."""
    op.execute("DROP TRIGGER terms_stay ON flash_terms")
    op.execute(
        "UPDATE campaigns SET due_at = ends_at + make_interval(secs => trails_seconds)"
        " WHERE status = 'ended' AND needs_release AND released_at IS NULL"
    )
    op.drop_column("campaigns", "released_at")
    op.drop_column("campaigns", "needs_release")
