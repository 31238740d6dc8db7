"""A trade is known by whom it was opened for: another identity of the member cannot pay it.

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payments", sa.Column("opened_for", sa.LargeBinary(32), nullable=True))


def downgrade() -> None:
    op.drop_column("payments", "opened_for")
