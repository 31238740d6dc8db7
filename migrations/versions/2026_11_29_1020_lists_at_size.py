"""Pages of the console that read a whole table find what they show by an index.

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

LISTED = "lower(orders.status) <> 'fulfilled'"
LISTED_OPEN = "lower(orders.status) IN ('pending', 'paid', 'refunding')"
NUMBER = "right(CAST(id AS text), 6)"
STUCK = "done_at IS NULL AND next_attempt_at IS NULL"


def upgrade() -> None:
    op.drop_index("ix_orders_listed_open", table_name="orders")
    op.create_index(
        "ix_orders_listed", "orders", ["status", "id"], postgresql_where=sa.text(LISTED)
    )
    op.create_index(
        "ix_outbox_events_stuck", "outbox_events", ["id"], postgresql_where=sa.text(STUCK)
    )
    op.create_index("ix_seats_group_id", "seats", ["group_id", "seat_no"])
    op.drop_index("ix_bill_lines_bill_day_id", table_name="bill_lines")
    op.create_index("ix_bill_lines_bill_day_id", "bill_lines", ["bill_day_id", "id"])
    op.drop_index("ix_differences_status", table_name="differences")
    op.create_index("ix_differences_status", "differences", ["status", "id"])
    op.drop_index("ix_members_number", table_name="members")
    op.create_index("ix_members_number", "members", [sa.text(NUMBER), "id"])


def downgrade() -> None:
    op.drop_index("ix_members_number", table_name="members")
    op.create_index("ix_members_number", "members", [sa.text(NUMBER)])
    op.drop_index("ix_differences_status", table_name="differences")
    op.create_index("ix_differences_status", "differences", ["status"])
    op.drop_index("ix_bill_lines_bill_day_id", table_name="bill_lines")
    op.create_index("ix_bill_lines_bill_day_id", "bill_lines", ["bill_day_id"])
    op.drop_index("ix_seats_group_id", table_name="seats")
    op.drop_index("ix_outbox_events_stuck", table_name="outbox_events")
    op.drop_index("ix_orders_listed", table_name="orders")
    op.create_index(
        "ix_orders_listed_open", "orders", ["status", "id"], postgresql_where=sa.text(LISTED_OPEN)
    )
