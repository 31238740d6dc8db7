"""Given-up commissions; the ends of phone numbers; indexes of pages about people.

Revision ID: 0014
Revises: 0013
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

STATUSES = ("pending", "payable", "paid", "clawed_back", "given_up")
ENTRY_KINDS = (
    "earned",
    "matured",
    "clawed_back",
    "indebted",
    "given_up",
    "set_off",
    "withdrawn",
    "returned",
    "paid_out",
    "handed_over",
    "taken_over",
)
LIFECYCLES = {
    "commissions": {
        "clawed_back": [],
        "given_up": [],
        "paid": [],
        "payable": ["clawed_back", "given_up", "paid"],
        "pending": ["clawed_back", "given_up", "payable"],
    },
}
# Name, table, columns, condition.
INDEXES: tuple[tuple[str, str, list[str], str | None], ...] = (
    ("ix_invites_campaign_id", "invites", ["campaign_id"], "campaign_id IS NOT NULL"),
    ("ix_commissions_earner_id", "commissions", ["earner_id", "status", "id"], None),
    (
        "ix_members_phone_tail_hash",
        "members",
        ["phone_tail_hash", "id"],
        "phone_tail_hash IS NOT NULL",
    ),
    ("ix_members_number", "members", ["right(CAST(id AS text), 6)"], None),
    ("ix_members_gone", "members", ["status", "id"], "status <> 'active'"),
    ("ix_members_leaders", "members", ["id"], "leader_since IS NOT NULL"),
    ("ix_members_applicants", "members", ["id"], "leader_applied_at IS NOT NULL"),
    ("ix_withdrawals_status", "withdrawals", ["status", "id"], None),
    ("ix_groups_status", "groups", ["lower(status)", "id"], None),
    ("ix_order_sheets_status", "order_sheets", ["lower(status)", "id"], None),
)


def listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def let_commissions_be_given_up() -> None:
    for table, name, condition in (
        ("commissions", "status_listed", f"status IN ({listed(STATUSES)})"),
        ("commission_entries", "kind_listed", f"kind IN ({listed(ENTRY_KINDS)})"),
    ):
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
    op.create_check_constraint(
        op.f("ck_commissions_given_up_whole"),
        "commissions",
        "(status = 'given_up') <= (left_fen = 0)",
    )
    op.execute("DROP TRIGGER check_move ON commissions")
    op.execute(
        "CREATE TRIGGER check_move BEFORE UPDATE OF status ON commissions FOR EACH ROW"
        " WHEN (OLD.status IS DISTINCT FROM NEW.status)"
        f" EXECUTE FUNCTION check_move('{json.dumps(LIFECYCLES['commissions'])}')"
    )


def tell_of_closed_accounts() -> None:
    """Let the handler do for accounts that were closed before what it does from now on."""
    op.execute(
        "INSERT INTO outbox_events (id, name, payload, emitted_at, attempts, next_attempt_at)"
        " SELECT gen_random_uuid(), 'members.account_closed',"
        "   jsonb_build_object('member_id', m.id), now(), 0, now()"
        " FROM members m JOIN earnings e ON e.member_id = m.id"
        " WHERE m.status = 'deleted' AND e.pending_fen + e.payable_fen > 0"
    )


def upgrade() -> None:
    let_commissions_be_given_up()
    op.add_column("members", sa.Column("phone_tail_hash", sa.LargeBinary(length=32), nullable=True))
    op.drop_index("ix_commissions_earner_id", table_name="commissions")
    for name, table, columns, where in INDEXES:
        keys = [sa.text(column) if "(" in column else column for column in columns]
        op.create_index(name, table, keys, postgresql_where=where and sa.text(where))
    tell_of_closed_accounts()


def downgrade() -> None:
    raise NotImplementedError("going back would lose given-up commissions")
