"""Tasks that the platform took twice are looked for and stopped.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    stopped = sa.Column("stopped_msgids", JSONB(), server_default="[]", nullable=False)
    op.add_column("pushes", stopped)
    op.alter_column("pushes", "stopped_msgids", server_default=None)
    op.add_column("pushes", sa.Column("twins_due_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_pushes_twins_due_at",
        "pushes",
        ["twins_due_at"],
        postgresql_where=sa.text("twins_due_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_pushes_twins_due_at", table_name="pushes")
    op.drop_column("pushes", "twins_due_at")
    op.drop_column("pushes", "stopped_msgids")
