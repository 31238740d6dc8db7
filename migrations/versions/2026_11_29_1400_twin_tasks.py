"""Tasks that the platform took twice are looked for and stopped.

Revision ID: 0024
Revises: 0023
"""

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

LIFECYCLES = {
    "pushes": {
        "awaiting_owner": ["confirmed", "escalated", "failed", "skipped"],
        "confirmed": [],
        "escalated": ["confirmed"],
        "failed": ["confirmed"],
        "planned": ["confirmed", "sending", "skipped"],
        "sending": ["awaiting_owner", "failed", "planned", "sent"],
        "sent": ["failed"],
        "skipped": ["confirmed"],
    }
}


def upgrade() -> None:
    # The default stays: code of before, which runs beside this, does not name the column.
    twins = sa.Column("twin_msgids", JSONB(), server_default="[]", nullable=False)
    op.add_column("pushes", twins)
    for name in ("twins_due_at", "first_handed_at"):
        op.add_column("pushes", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_pushes_twins_due_at",
        "pushes",
        ["twins_due_at"],
        postgresql_where=sa.text("twins_due_at IS NOT NULL"),
    )
    op.execute("DROP TRIGGER check_move ON pushes")
    op.execute(
        "CREATE TRIGGER check_move BEFORE UPDATE OF status ON pushes FOR EACH ROW"
        " WHEN (OLD.status IS DISTINCT FROM NEW.status)"
        f" EXECUTE FUNCTION check_move('{json.dumps(LIFECYCLES['pushes'])}')"
    )
    op.execute("UPDATE pushes SET twins_due_at = now() WHERE status = 'awaiting_owner'")
    # Owners who were not waited for any more may still hold a task, which is stopped now.
    op.execute("UPDATE pushes SET due_at = now() WHERE status = 'escalated' AND due_at IS NULL")


def downgrade() -> None:
    raise NotImplementedError("going back would forget which tasks must not be sent")
