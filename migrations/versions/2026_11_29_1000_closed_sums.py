"""A leader's sums are closed when they became part of another or are gone.

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("earnings", sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))
    # Handlers that still have to come by find what they look for: closing takes nothing away.
    op.execute(
        "UPDATE earnings SET closed_at = now() FROM members"
        " WHERE members.id = earnings.member_id"
        " AND (members.joined_into_id IS NOT NULL OR members.status = 'deleted')"
    )


def downgrade() -> None:
    op.drop_column("earnings", "closed_at")
