"""Places on waitlists are given by the database: ids go by the clock of each process.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Number those who wait in the order in which they were offered units until now."""
    op.add_column("waits", sa.Column("place", sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE waits SET place = numbered.place FROM"
        " (SELECT id, row_number() OVER (ORDER BY id) AS place FROM waits) AS numbered"
        " WHERE numbered.id = waits.id"
    )
    op.alter_column("waits", "place", nullable=False)
    op.execute("ALTER TABLE waits ALTER COLUMN place ADD GENERATED ALWAYS AS IDENTITY")
    op.execute(
        "SELECT setval(pg_get_serial_sequence('waits', 'place'),"
        " (SELECT coalesce(max(place), 0) + 1 FROM waits), false)"
    )
    _index_queue("place")


def downgrade() -> None:
    """Order the queue by id again."""
    _index_queue("id")
    op.drop_column("waits", "place")


def _index_queue(last: str) -> None:
    op.drop_index("ix_waits_queue", table_name="waits")
    op.create_index(
        "ix_waits_queue",
        "waits",
        ["campaign_id", "rank", last],
        postgresql_where=sa.text("status = 'waiting'"),
    )
